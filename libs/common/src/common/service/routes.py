"""Where an application's routes are in full, whatever routers they were included through."""

from collections.abc import Mapping

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.requests import Request
from starlette.routing import Match


def templates(app: FastAPI) -> Mapping[int, str]:
    """Give the path of every endpoint, by the endpoint's `id`; of several paths the first."""
    found: dict[int, str] = {}
    for route in iter_route_contexts(app.routes):
        if route.path is not None:
            found.setdefault(id(route.endpoint), route.path)
    return found


def allowed_methods(request: Request) -> list[str]:
    """List the methods that some route takes at a request's path."""
    methods: set[str] = set()
    for route in iter_route_contexts(request.app.routes):
        if route.matches(request.scope)[0] is not Match.NONE:
            methods |= route.methods or set()
    return sorted(methods)
