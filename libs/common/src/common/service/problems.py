"""Errors as the caller sees them: RFC 9457 problem details, everywhere the same."""

import math
import re
from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import orjson
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from common.errors import (
    Malformed,
    OutcomeUnknown,
    ParleyError,
    TooLarge,
    Transient,
    Unauthenticated,
    UnsupportedMedia,
)
from common.service.routes import allowed_methods

MEDIA_TYPE = "application/problem+json"
REQUEST_ID = "parley.request_id"
"""Where the edge keeps the request's id in the ASGI scope."""
ERROR_CODE = "parley.error"
"""Where a problem leaves its code for the access log."""

_SOON = timedelta(seconds=2)
"""When to come again if the error does not say."""
_NOT_A_LETTER = re.compile(r"[^a-z]+")
_JSON_ERROR = "json_invalid"
_ANYTHING = r"\S"
"""The pattern of what may not be blank."""
_OUR_CODES = {known.status: known.code for known in (Malformed, TooLarge)}

_PLAIN: dict[int, str] = {
    HTTPStatus.NOT_FOUND: "There is no such path.",
    HTTPStatus.METHOD_NOT_ALLOWED: "The path does not take this method; Allow names what it takes.",
}


class FieldProblem(BaseModel):
    """One field that is wrong."""

    field: str
    message: str


class Problem(BaseModel):
    """What went wrong, for programs (`code`) and for people (`detail`, `hint`)."""

    type: str = Field(description="`urn:parley:error:` and the code")
    title: str = Field(description="the status in words")
    status: int
    detail: str
    code: str = Field(description="stable; branch on this")
    instance: str | None = Field(None, description="the request's id, to quote to support")
    hint: str | None = Field(None, description="what to do next")
    errors: list[FieldProblem] | None = Field(None, description="field by field")


def problem_response(error: ParleyError, *, request_id: str | None = None) -> Response:
    """Shape one of our errors, for a route outside FastAPI."""
    problem = _problem(error.status, error.code, str(error), request_id)
    if error.hint:
        problem["hint"] = error.hint
    headers: dict[str, str] = {}
    if (patience := _patience(error)) is not None:
        headers["retry-after"] = str(max(1, math.ceil(patience.total_seconds())))
    if isinstance(error, Unauthenticated):
        headers["www-authenticate"] = "Bearer"
    return _response(problem, headers)


def _patience(error: ParleyError) -> timedelta | None:
    """Say when to come again; not after an unknown outcome, which is to be looked at first."""
    if not isinstance(error, Transient):
        return None
    if error.retry_after is None and not isinstance(error, OutcomeUnknown):
        return _SOON
    return error.retry_after


def unhandled_response(request_id: str | None) -> Response:
    """Say that it is our fault, and nothing about what is inside."""
    detail = "Something went wrong on our side; it was recorded."
    return _response(_problem(500, "internal", detail, request_id))


async def on_parley_error(request: Request, error: Exception) -> Response:
    """Answer an error that we raised on purpose."""
    if not isinstance(error, ParleyError):
        raise error
    request.scope[ERROR_CODE] = error.code
    return problem_response(error, request_id=request.scope.get(REQUEST_ID))


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Answer what the framework refuses: no such route, wrong method, body too large."""
    if not isinstance(error, HTTPException):
        raise error
    phrase = HTTPStatus(error.status_code).phrase
    code = _OUR_CODES.get(error.status_code) or _NOT_A_LETTER.sub("_", phrase.lower())
    request.scope[ERROR_CODE] = code
    detail = str(error.detail or phrase)
    if detail == phrase:
        detail = _PLAIN.get(error.status_code, detail)
    if isinstance(error.__cause__, UnicodeDecodeError):
        detail = "The body is not UTF-8; it may not be compressed either."
    problem = _problem(error.status_code, code, detail, request.scope.get(REQUEST_ID))
    headers = error.headers
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        # The framework names the methods of the first route that has the path.
        headers = {**(headers or {}), "Allow": ", ".join(allowed_methods(request))}
    return _response(problem, headers)


async def on_validation_error(request: Request, error: Exception) -> Response:
    """Answer a request that does not fit its model: every field, and never its value."""
    if not isinstance(error, RequestValidationError):
        raise error
    found = error.errors()
    if isinstance(error.body, bytes):
        # FastAPI leaves what is not announced as JSON unread, and finds no fields in it.
        return await on_parley_error(
            request, UnsupportedMedia("The content type must be application/json.")
        )
    unreadable = any(item.get("type") == _JSON_ERROR for item in found)
    status, code = (400, "malformed") if unreadable else (422, "invalid_input")
    request.scope[ERROR_CODE] = code
    detail = "The body is not JSON." if unreadable else "The request does not fit; see errors."
    problem = _problem(status, code, detail, request.scope.get(REQUEST_ID))
    problem["errors"] = [
        {"field": ".".join(str(part) for part in item["loc"]), "message": _message(item)}
        for item in found
    ]
    return _response(problem)


def _message(item: Mapping[str, Any]) -> str:
    """Say what is wrong, without the words of the library that found it."""
    if item.get("ctx", {}).get("pattern") == _ANYTHING:
        return "Input should not be blank"
    return str(item["msg"]).removeprefix("Value error, ")


def _problem(status: int, code: str, detail: str, request_id: str | None) -> dict[str, Any]:
    problem: dict[str, Any] = {
        "type": f"urn:parley:error:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
    }
    if request_id:
        problem["instance"] = f"urn:parley:request:{request_id}"
    return problem


def _response(problem: dict[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    return Response(
        orjson.dumps(problem),
        status_code=problem["status"],
        headers=dict(headers) if headers else None,
        media_type=MEDIA_TYPE,
    )
