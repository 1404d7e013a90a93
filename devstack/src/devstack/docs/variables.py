"""Every environment variable, from the Settings classes: `docs/settings.md` and `.env.example`."""

import ast
import inspect
import json
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, Union, get_args, get_origin

from common.contracts import SERVICES
from common.settings import ServiceSettings, environment_name
from devstack.docs.services import settings_of

_KINDS = {
    "str": "text",
    "int": "integer",
    "float": "number",
    "bool": "true or false",
    "HttpUrl": "URL",
    "SecretStr": "secret",
    "Secret": "secret",
    "tuple": "JSON list",
    "list": "JSON list",
    "dict": "JSON object",
}
_INTRODUCTION = (
    "Written by `make docs` from the Settings classes. A variable without a default must be set;"
    " a service that lacks one says which, and does not start."
)
_OTHERS = (
    "`python -m devstack` and the tests use `KAFKA_BOOTSTRAP_SERVERS` and `DATABASE_URL`, when"
    " set, instead of servers of their own. `python -m sandbox --help` lists the `SANDBOX_`"
    " variables."
)
_BOUNDS = {"ge": "≥ {}", "gt": "> {}", "le": "≤ {}", "lt": "< {}", "min_length": "length ≥ {}"}


@dataclass(frozen=True, slots=True)
class Variable:
    """One environment variable of one service."""

    name: str
    kind: str
    meaning: str
    required: bool
    default: str
    shared: bool
    """The same name and value for all services."""
    common: bool
    """Every service has it, under its own prefix."""

    @property
    def secret(self) -> bool:
        """Whether its value must be kept from view."""
        return self.kind == "secret"


def variables(service: str) -> list[Variable]:
    """List what a service reads, in the order of its Settings class."""
    return list(_of_model(settings_of(service)))


def documents() -> Mapping[str, str]:
    """Give both pages as files' contents, by path."""
    return {"docs/settings.md": _page(), ".env.example": _example()}


def _of_model(settings: type[ServiceSettings]) -> Iterator[Variable]:
    meanings = _meanings(settings)
    for field, info in settings.model_fields.items():
        name = environment_name(settings, field)
        inner = _model(info.annotation)
        if inner is not None:
            yield from _of_group(name, inner, optional=not info.is_required())
            continue
        yield Variable(
            name=name,
            kind=_kind(info.annotation, info.metadata),
            meaning=meanings.get(field, ""),
            required=info.is_required(),
            default="" if info.is_required() else _default(info.default),
            shared=info.validation_alias is not None,
            common=field in ServiceSettings.model_fields,
        )


def _of_group(prefix: str, group: Any, *, optional: bool) -> Iterator[Variable]:
    meanings = _meanings(group)
    for field, info in group.model_fields.items():
        needed = "needed when any of the group is set" if info.is_required() else ""
        yield Variable(
            name=f"{prefix}__{field}".upper(),
            kind=_kind(info.annotation, info.metadata),
            meaning=meanings.get(field, needed),
            required=info.is_required() and not optional,
            default="" if info.is_required() else _default(info.default),
            shared=False,
            common=False,
        )


def _model(annotation: Any) -> Any:
    """Find the group of settings in an annotation such as `OidcProvider | None`."""
    candidates = get_args(annotation) or (annotation,)
    return next((c for c in candidates if hasattr(c, "model_fields")), None)


def _kind(annotation: Any, metadata: list[Any]) -> str:
    if get_origin(annotation) is Literal:
        return " · ".join(str(choice) for choice in get_args(annotation))
    plain = _without_none(annotation)
    name = getattr(get_origin(plain) or plain, "__name__", str(plain))
    kind = _KINDS.get(name, name)
    if kind == "secret":
        return kind
    bounds = [
        text.format(value)
        for item in metadata
        for word, text in _BOUNDS.items()
        if (value := getattr(item, word, None)) is not None
    ]
    return ", ".join([kind, *bounds])


def _without_none(annotation: Any) -> Any:
    if get_origin(annotation) is Union or type(annotation).__name__ == "UnionType":
        return next(part for part in get_args(annotation) if part is not type(None))
    return annotation


def _default(value: Any) -> str:
    if value is None:
        return ""
    return json.dumps(value) if isinstance(value, tuple | list | dict | bool) else str(value)


def _meanings(model: type[Any]) -> dict[str, str]:
    """Read the sentence that stands below each field, the subclass's word last."""
    found: dict[str, str] = {}
    for parent in reversed(model.__mro__):
        if hasattr(parent, "model_fields") and parent.__module__.partition(".")[0] != "pydantic":
            found |= _sentences(parent)
    return found


def _sentences(model: type[Any]) -> dict[str, str]:
    try:
        body = ast.parse(textwrap.dedent(inspect.getsource(model))).body[0]
    except (OSError, TypeError):
        return {}
    statements = body.body if isinstance(body, ast.ClassDef) else []
    return {
        field.target.id: " ".join(str(text.value.value).split())
        for field, text in pairwise(statements)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
    }


def _page() -> str:
    own = {service: variables(service) for service in SERVICES}
    first = own[SERVICES[0]]
    parts = [
        "# Settings",
        _INTRODUCTION,
        "## One value for all services",
        _table([v for v in first if v.shared]),
        "## Every service, under its own prefix",
        "Shown for the gateway; the others write `WHATSAPP_`, `GOOGLE_`, `CRM_`, `AGENT_`.",
        _table([v for v in first if v.common and not v.shared]),
    ]
    for service in SERVICES:
        mine = [v for v in own[service] if not v.common]
        parts += [f"## {service}", _table(mine) if mine else "Nothing of its own yet."]
    parts += [
        "## Not a service's",
        _OTHERS,
    ]
    return "\n\n".join(parts) + "\n"


def _table(rows: list[Variable]) -> str:
    lines = ["| variable | type | default | meaning |", "|---|---|---|---|"]
    for row in rows:
        default = "**required**" if row.required else f"`{row.default}`" if row.default else "none"
        cells = (f"`{row.name}`", row.kind, default, row.meaning)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def _example() -> str:
    own = {service: variables(service) for service in SERVICES}
    lines = [
        "# Every variable of every service; docs/settings.md explains them. From `make docs`.",
        "# Keys for a local stack are made by `python deploy/compose_env.py`.",
        "",
        "# --- all services",
        *(_line(v) for v in own[SERVICES[0]] if v.shared),
    ]
    for service in SERVICES:
        lines += ["", f"# --- {service}", *(_line(v) for v in own[service] if not v.shared)]
    return "\n".join(lines) + "\n"


def _line(variable: Variable) -> str:
    comment = "" if variable.required else "# "
    return f"{comment}{variable.name}={variable.default}"
