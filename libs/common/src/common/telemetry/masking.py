"""What must not be read in a log: secrets go, phone numbers keep their last four digits."""

import re
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any

MASK = "***"

_SECRET_NAMES = frozenset(
    {
        "authorization",
        "apikey",
        "api_key",
        "cookie",
        "set_cookie",
        "code",
        "jwt_key",
        "keyring",
        "passphrase",
        "password",
        "private_key",
        "proxy_authorization",
        "secret",
        "token",
        "x_api_key",
        "x_webhook_secret",
    }
)
_SECRET_ENDINGS = ("_token", "_secret", "_password", "_apikey", "_api_key")
_PHONE_NAMES = frozenset({"phone", "phone_number", "number", "sender", "recipient", "remote_jid"})
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_PHONE = re.compile(r"\+\d{8,15}\b|\b\d{8,15}(?=(?::\d+)?@(?:s\.whatsapp\.net|c\.us|lid)\b)")
_DIGITS = re.compile(r"\d{5,}")
_IN_TEXT = re.compile(
    r"(?i)\b(bearer|basic)\s+[\w.~+/=-]+"
    r"|\b(pk)_[0-9a-f]{8}_[\w-]+"
    r"|\b([\w-]*(?:token|secret|password|apikey|api_key|code|state))=[^&\s\"']+"
    r"|(://[^:/@\s]+):[^@/\s]+(?=@)"
)
_DEEPEST = 6


def mask(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Mask one log entry; a structlog processor."""
    for name, value in event.items():
        event[name] = masked(name, value)
    return event


def masked(name: str, value: Any, depth: int = 0) -> Any:
    """Mask a value by its name and, inside, by the names it carries."""
    if _is_secret(name) and not isinstance(value, bool | None):
        return MASK
    match value:
        case str():
            return _masked_text(name, value)
        case bytes():
            return f"{len(value)} bytes"
        case Mapping() | list() | tuple() | set() | frozenset():
            return _masked_inside(name, value, depth) if depth < _DEEPEST else "…"
        case _:
            return value


def _masked_inside(name: str, value: Mapping[Any, Any] | Iterable[Any], depth: int) -> Any:
    if isinstance(value, Mapping):
        return {key: masked(str(key), inner, depth + 1) for key, inner in value.items()}
    return [masked(name, inner, depth + 1) for inner in value]


def mask_text(text: str) -> str:
    """Mask what looks like a secret inside a sentence or a traceback."""
    return _PHONE.sub(_last_four, _IN_TEXT.sub(_keep_the_name, text))


def _masked_text(name: str, value: str) -> str:
    if name in {"exception", "stack", "error", "reason"}:
        return mask_text(value)
    if _plain(name) in _PHONE_NAMES:
        return _DIGITS.sub(_last_four, value)
    # The two characters are looked for first: most values have neither, and a regex costs more.
    if "+" in value or "@" in value:
        return _PHONE.sub(_last_four, value)
    return value


def _is_secret(name: str) -> bool:
    plain = _plain(name)
    return plain in _SECRET_NAMES or plain.endswith(_SECRET_ENDINGS)


_plain_names: dict[str, str] = {}
_REMEMBERED = 2_000


def _plain(name: str) -> str:
    """`X-Api-Key`, `xApiKey` and `x_api_key` are one name; names repeat, so each is read once."""
    plain = _plain_names.get(name)
    if plain is None:
        plain = _CAMEL.sub("_", name).replace("-", "_").lower()
        if len(_plain_names) < _REMEMBERED:
            _plain_names[name] = plain
    return plain


def _last_four(match: re.Match[str]) -> str:
    return f"{MASK}{match[0][-4:]}"


def _keep_the_name(match: re.Match[str]) -> str:
    scheme, key, parameter, address = match.groups()
    if parameter:
        return f"{parameter}={MASK}"
    if address:
        return f"{address}:{MASK}"
    return f"{scheme or key} {MASK}"
