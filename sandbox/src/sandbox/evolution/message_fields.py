"""The fields of message/*: what Evolution asks of each body (its `message.schema.ts`)."""

from __future__ import annotations

from sandbox.evolution.schema import COMMON, KEY, NUMBER, Field

MEDIA_TYPES = ("image", "document", "video", "audio")
TEXT = (NUMBER, Field("text", "string", required=True), *COMMON)
MEDIA = (
    NUMBER,
    Field("mediatype", "string", required=True, among=MEDIA_TYPES),
    *(Field(name, "string") for name in ("mimetype", "media", "fileName", "caption")),
    *COMMON,
)
_CARD = (
    Field("fullName", "string", required=True),
    Field(
        "wuid",
        "string",
        span=(10, None),
        pattern=r"\d+",
        says='"wuid" must be a numeric string',
    ),
    Field("phoneNumber", "string", required=True, span=(10, None)),
    *(Field(name, "string") for name in ("organization", "email", "url")),
)
_BUTTON = (
    Field("type", "string", required=True, among=("reply", "copy", "url", "call", "pix")),
    *(Field(n, "string") for n in ("displayText", "id", "url", "phoneNumber", "currency", "name")),
    Field("keyType", "string", among=("phone", "email", "cpf", "cnpj", "random")),
    Field("key", "string"),
)
_ROW = (
    Field("title", "string", required=True),
    Field("description", "string"),
    Field("rowId", "string", required=True),
)
_ROWS = Field(
    "rows",
    "array",
    required=True,
    shape=_ROW,
    span=(1, None),
    distinct=True,
    # A description that is there and empty is refused (`isNotEmpty`).
    filled=("title", "description", "rowId"),
)
_SECTIONS = Field(
    "sections",
    "array",
    required=True,
    shape=(Field("title", "string", required=True), _ROWS),
    span=(1, None),
    distinct=True,
)
POLL = (
    NUMBER,
    Field("name", "string", required=True),
    Field("selectableCount", "integer", required=True, span=(0, 10)),
    Field("values", "array", required=True, of="string", span=(2, 10), distinct=True),
    *COMMON,
)
AUDIO = (NUMBER, Field("audio", "string"), *COMMON)
STICKER = (NUMBER, Field("sticker", "string"), *COMMON)
REACTION = (
    Field("key", "object", required=True, shape=KEY, filled=("id", "remoteJid")),
    Field("reaction", "string", required=True),
)
LOCATION = (
    NUMBER,
    *(Field(name, "number", required=True) for name in ("latitude", "longitude")),
    *(Field(name, "string", required=True) for name in ("name", "address")),
    *COMMON,
)
CONTACT = (
    NUMBER,
    Field("contact", "array", required=True, shape=_CARD, span=(1, None), distinct=True),
)
BUTTONS = (
    NUMBER,
    *(Field(name, "string") for name in ("thumbnailUrl", "title", "description", "footer")),
    Field("buttons", "array", shape=_BUTTON),
    *COMMON,
)
LIST = (
    NUMBER,
    *(Field(name, "string", required=True) for name in ("title", "footerText", "buttonText")),
    Field("description", "string"),
    _SECTIONS,
    *COMMON,
)
