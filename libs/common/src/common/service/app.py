"""One way to make a service's HTTP application."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, TypedDict, Unpack

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from common.errors import ParleyError
from common.service.body_limit import BodyLimit
from common.service.edge import RequestEdge
from common.service.health import Check, Health, Probes
from common.service.openapi import document_problems
from common.service.principals import Authenticate
from common.service.problems import (
    on_http_exception,
    on_parley_error,
    on_validation_error,
)
from common.telemetry import metrics

_LARGEST_BODY = 1024 * 1024


class AppOptions(TypedDict, total=False):
    """What an application may have besides routes."""

    checks: Sequence[Check]
    """What `/readyz` and `/livez` ask, besides the process's components."""
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[Any]]
    authenticate: Authenticate
    """How `principal(...)` believes a bearer token."""
    max_body_size: int
    """In bytes; 1 MiB unless said."""


def create_app(
    name: str, version: str, routers: Sequence[APIRouter], **options: Unpack[AppOptions]
) -> FastAPI:
    """Make the application: routes, problem details, probes, metrics, request ids, access log.

    Args:
        name: the service's slug.
        version: shown in OpenAPI and in `parley_build_info`.
        routers: the doors.
        **options: see `AppOptions`.
    """
    app = FastAPI(
        title=f"Parley {name}",
        version=version,
        lifespan=options.get("lifespan"),
        # Its own spans, metrics and logs would repeat ours, and quote exceptions' texts.
        telemetry={"tracing": False, "metrics": False, "logs": False},
        docs_url=None,
        redoc_url=None,
        # They would answer a stranger, and with a `Location` on whatever `Host` was claimed.
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.health = Health(options.get("checks", ()))
    app.state.authenticate = options.get("authenticate")
    app.add_exception_handler(ParleyError, on_parley_error)
    app.add_exception_handler(HTTPException, on_http_exception)
    app.add_exception_handler(RequestValidationError, on_validation_error)
    for router in routers:
        app.include_router(router)
    # The last one added is the outermost: probes are neither logged nor counted.
    app.add_middleware(BodyLimit, max_bytes=options.get("max_body_size", _LARGEST_BODY))
    app.add_middleware(RequestEdge)
    app.add_middleware(Probes, health=app.state.health)
    document_problems(app)
    metrics.BUILD.labels(name, version).set(1)
    return app
