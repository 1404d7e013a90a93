"""Logs, traces and metrics of a process."""

from common.telemetry import metrics

__all__ = ["metrics"]
