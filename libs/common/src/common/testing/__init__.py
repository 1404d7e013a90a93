"""Fakes, waits and small servers that several test suites need."""

from common.testing.databases import prepare_database
from common.testing.environment import base_settings, internal_key
from common.testing.fakes import FakeInbox, FakeOutbox
from common.testing.running import running, served
from common.testing.waiting import eventually

__all__ = [
    "FakeInbox",
    "FakeOutbox",
    "base_settings",
    "eventually",
    "internal_key",
    "prepare_database",
    "running",
    "served",
]
