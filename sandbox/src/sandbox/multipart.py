"""A reader for multipart/form-data, so that the sandbox needs no further package."""

from __future__ import annotations

from dataclasses import dataclass, field
from email.message import Message


class MalformedForm(ValueError):
    """The body is not the form that its content type promises."""


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file in a form."""

    filename: str
    content_type: str
    data: bytes


@dataclass(slots=True)
class Form:
    """The fields and files of a form; repeated fields keep all their values."""

    fields: dict[str, list[str]] = field(default_factory=dict)
    files: dict[str, UploadedFile] = field(default_factory=dict)


def parse_form(body: bytes, content_type: str) -> Form:
    """Read a form.

    Args:
        body: the whole request body.
        content_type: the header, with its boundary.

    Raises:
        MalformedForm: no boundary, or the body does not end as it must.
    """
    boundary = _parameters(content_type).get("boundary")
    if not boundary:
        raise MalformedForm("the content type names no boundary")
    separator = b"--" + boundary.encode()
    parts = (b"\r\n" + body).split(b"\r\n" + separator)
    if len(parts) < 2 or not parts[-1].startswith(b"--"):
        raise MalformedForm("the form is not closed by its boundary")
    form = Form()
    for part in parts[1:-1]:
        _read_part(form, part)
    return form


def _read_part(form: Form, part: bytes) -> None:
    head, blank, data = part.partition(b"\r\n\r\n")
    if not blank:
        raise MalformedForm("a part has no headers")
    headers = {}
    for line in head.decode("utf-8", "replace").split("\r\n"):
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    disposition = _parameters(headers.get("content-disposition", ""))
    field_name = disposition.get("name")
    if field_name is None:
        raise MalformedForm("a part has no name")
    if "filename" in disposition:
        kind = headers.get("content-type", "application/octet-stream")
        form.files[field_name] = UploadedFile(disposition["filename"], kind, data)
    else:
        form.fields.setdefault(field_name, []).append(data.decode("utf-8", "replace"))


def _parameters(header: str) -> dict[str, str]:
    message = Message()
    message["content-type"] = header.replace("form-data", "x/form-data", 1)
    pairs = message.get_params(failobj=[])
    return {name.lower(): value or "" for name, value in pairs[1:]}
