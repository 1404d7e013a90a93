"""Logs: one JSON object per line for machines, colours for a person at a terminal."""

import logging
import sys

import orjson
import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor

from common.contracts.trace import current_traceparent, trace_id
from common.telemetry.masking import mask

_QUIET = ("httpx2", "httpcore2", "aiokafka", "uvicorn", "asyncio", "sqlalchemy", "alembic")
"""Libraries whose chatter is worth nothing; the HTTP client would even log whole URLs."""

bind = structlog.contextvars.bind_contextvars
"""Say once whose work this is; every line until the task ends carries it."""


def get_logger() -> FilteringBoundLogger:
    """Give a module its logger; nothing is decided before the first line is written."""
    logger: FilteringBoundLogger = structlog.get_logger()
    return logger


def configure_logs(service: str, level: str, *, pretty: bool | None = None) -> None:
    """Route structlog and the standard library to standard error, masked.

    Args:
        service: bound to every line, unless the line names another.
        level: DEBUG, INFO, WARNING or ERROR.
        pretty: for a person; by default when standard error is a terminal.
    """
    number = logging.getLevelNamesMapping()[level]
    readable = sys.stderr.isatty() if pretty is None else pretty
    chain = _chain(service)
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if readable
        else _to_json
    )
    structlog.configure(
        processors=[*chain, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr)
        if readable
        else structlog.BytesLoggerFactory(sys.stderr.buffer),
        cache_logger_on_first_use=False,
    )
    _route_standard_library(chain, renderer if readable else _to_json_text, number)


def _chain(service: str) -> list[Processor]:
    def add_identity(_logger: object, _method: str, event: EventDict) -> EventDict:
        event.setdefault("service", service)
        trace = trace_id(current_traceparent.get())
        if trace is not None:
            event.setdefault("trace_id", trace)
        return event

    return [
        structlog.contextvars.merge_contextvars,
        add_identity,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        # A plain traceback: the pretty ones print local variables, and those hold secrets.
        structlog.processors.format_exc_info,
        mask,
    ]


def _route_standard_library(chain: list[Processor], renderer: Processor, level: int) -> None:
    handler = logging.StreamHandler(sys.stderr)
    meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_name_the_library], processors=[meta, *chain, renderer]
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.captureWarnings(capture=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


def _name_the_library(_logger: object, _method: str, event: EventDict) -> EventDict:
    """A library's sentence is its text; the event name says which library spoke."""
    record = event.get("_record")
    if isinstance(record, logging.LogRecord):
        event["reason"] = event.get("event")
        event["event"] = f"library.{record.name}"
        event["level"] = record.levelname.lower()
    return event


def _to_json(_logger: object, _method: str, event: EventDict) -> bytes:
    return orjson.dumps(event, default=str)


def _to_json_text(logger: object, method: str, event: EventDict) -> str:
    return _to_json(logger, method, event).decode()
