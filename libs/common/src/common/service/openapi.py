"""The OpenAPI document tells the truth about refusals: every one is a problem document."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI

from common.service.problems import MEDIA_TYPE, Problem

_REFERENCE = "#/components/schemas/{model}"
_FRAMEWORKS_OWN = ("HTTPValidationError", "ValidationError")
_REFUSAL = {
    "description": "Refused: see `code`",
    "content": {MEDIA_TYPE: {"schema": {"$ref": _REFERENCE.format(model="Problem")}}},
}


def document_problems(app: FastAPI) -> None:
    """Replace what FastAPI would say about errors by what the handlers really answer."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _corrected(generate())
        return app.openapi_schema

    # FastAPI's documented way to change the document is to replace this method.
    app.openapi = openapi  # type: ignore[method-assign]  # see above


def _corrected(document: dict[str, Any]) -> dict[str, Any]:
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in _FRAMEWORKS_OWN:
        schemas.pop(name, None)
    problem = Problem.model_json_schema(ref_template=_REFERENCE)
    schemas.update(problem.pop("$defs", {}))
    schemas["Problem"] = problem
    for operation in _operations(document):
        operation["responses"].pop("422", None)
        operation["responses"]["default"] = _REFUSAL
    return document


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in document.get("paths", {}).values():
        yield from (item for item in path.values() if "responses" in item)
