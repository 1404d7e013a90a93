"""What the service says about itself: logs, traces and metrics, from one `configure`."""

from common.settings import ServiceSettings
from common.telemetry import metrics
from common.telemetry.logs import bind, configure_logs, get_logger
from common.telemetry.loop_lag import sample_loop_lag
from common.telemetry.masking import mask_text
from common.telemetry.metrics import HttpMetrics, child
from common.telemetry.tracing import configure_tracing, export_to, span, stop_tracing

__all__ = [
    "HttpMetrics",
    "bind",
    "child",
    "configure",
    "configure_logs",
    "configure_tracing",
    "export_to",
    "get_logger",
    "mask_text",
    "metrics",
    "sample_loop_lag",
    "span",
    "stop_tracing",
]


def configure(service: str, settings: ServiceSettings) -> None:
    """Set up logs and traces for a process; call it once, before anything is logged."""
    configure_logs(service, settings.log_level)
    configure_tracing(service, settings.otlp_endpoint)
