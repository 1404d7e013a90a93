"""The multipart form of a media send: its file becomes the base64 the JSON form would carry."""

from __future__ import annotations

import base64

from sandbox.multipart import MalformedForm, parse_form
from sandbox.wire import Json

_NUMBERS = frozenset({"delay"})


def read_form(body: bytes, content_type: str) -> Json:
    """Return the form as a JSON body; a form that does not parse is an empty one."""
    try:
        form = parse_form(body, content_type)
    except MalformedForm:
        return {}
    fields: Json = {}
    for name, values in form.fields.items():
        value = values[-1]
        fields[name] = int(value) if name in _NUMBERS and value.isdigit() else value
    file = form.files.get("file")
    if file is not None:
        content = base64.b64encode(file.data).decode()
        fields |= {"media": content, "audio": content, "sticker": content}
        fields.setdefault("fileName", file.filename)
    return fields
