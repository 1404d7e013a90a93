"""Logs: one JSON object per line for machines, colours for a person at a terminal."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import orjson
import structlog
from structlog.typing import Processor

from common.contracts.trace import current_traceparent, trace_id
from common.telemetry.masking import mask

_QUIET = ("httpx2", "httpcore2", "aiokafka", "uvicorn", "asyncio", "sqlalchemy", "alembic")
"""Libraries whose chatter is worth nothing; the HTTP client would even log whole URLs."""

Event = MutableMapping[str, Any]

get_logger = structlog.stdlib.get_logger
bind = structlog.contextvars.bind_contextvars
"""Say once whose work this is; every line until the task ends carries it."""


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
    renderer: Processor = structlog.dev.ConsoleRenderer() if readable else _Json()
    structlog.configure(
        processors=[*chain, structlog.stdlib.ProcessorFormatter.wrap_for_formatter]
        if readable
        else [structlog.stdlib.filter_by_level, *chain, _as_message(_Json())],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=chain,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(number)
    logging.captureWarnings(capture=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))
