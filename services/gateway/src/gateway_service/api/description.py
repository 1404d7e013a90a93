"""The whole public API described where it is: the services' routes, the webhooks and our own."""

from functools import cache
from importlib.resources import files

import orjson
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

PATH = "/api/openapi.json"
_FILE = "public_api.json"
"""Written by `make docs`, which asks every service."""


def describe(app: FastAPI, public_url: str) -> None:
    """Add the route that shows the description, with the address it is reached at."""

    def show(_: Request) -> Response:
        return Response(_document(public_url.rstrip("/")), media_type="application/json")

    app.router.routes.append(Route(PATH, show, include_in_schema=False))


@cache
def _document(address: str) -> bytes:
    # Read when it is asked for: whoever writes the file builds a gateway first.
    document = orjson.loads(files("gateway_service").joinpath(_FILE).read_bytes())
    return orjson.dumps({**document, "servers": [{"url": address}]})
