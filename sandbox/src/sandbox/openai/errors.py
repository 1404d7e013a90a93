"""OpenAI's error body, and every error this stand-in gives."""

from __future__ import annotations

from sandbox.wire import Json, Reply, json_reply

INVALID = "invalid_request_error"
_KINDS = {
    type(None): "null",
    bool: "a boolean",
    int: "an integer",
    float: "a decimal number",
    str: "a string",
    list: "an array",
}
_EXPECTED = {
    "string": "a string",
    "integer": "an integer",
    "number": "a decimal",
    "boolean": "a boolean",
    "array": "an array",
    "object": "an object",
    "objects": "an array of objects",
    "tools": "an array of tools",
    "metadata": "a metadata object",
}
"""How the complaints call a type; what is none of these calls itself."""


class ApiError(Exception):
    """An answer other than 200."""

    def __init__(self, status: int, error: Json, *, retry_after: float | None = None) -> None:
        super().__init__(error["message"])
        self.status = status
        self.error = error
        self.retry_after = retry_after

    def reply(self) -> Reply:
        """Return the HTTP answer."""
        headers: tuple[tuple[bytes, bytes], ...] = ()
        if self.retry_after is not None:
            seconds = f"{self.retry_after:g}".encode()
            millis = str(int(self.retry_after * 1000)).encode()
            headers = ((b"retry-after", seconds), (b"retry-after-ms", millis))
        return json_reply(self.status, {"error": self.error}, headers)


def invalid(message: str, param: str | None = None, code: str | None = None) -> ApiError:
    """The request is wrong: 400."""
    return ApiError(400, _body(message, INVALID, param, code))


def unknown_parameter(param: str) -> ApiError:
    """A field that the call does not have."""
    return invalid(f"Unknown parameter: '{param}'.", param, "unknown_parameter")


def missing(param: str) -> ApiError:
    """A required field is absent."""
    return invalid(f"Missing required parameter: '{param}'.", param, "missing_required_parameter")


def wrong_type(param: str, expected: str, value: object) -> ApiError:
    """A field of the wrong JSON type."""
    message = (
        f"Invalid type for '{param}': expected {_EXPECTED.get(expected, expected)}, "
        f"but got {_kind(value)} instead."
    )
    return invalid(message, param, "invalid_type")


def wrong_value(param: str, value: object, supported: tuple[str, ...]) -> ApiError:
    """A value outside its list."""
    message = f"Invalid value: '{value}'. Supported values are: {_listed(supported)}."
    return invalid(message, param, "invalid_value")


def empty_string(param: str) -> ApiError:
    """A string that must not be empty."""
    message = (
        f"Invalid '{param}': empty string. Expected a string with minimum length 1, "
        "but got an empty string instead."
    )
    return invalid(message, param, "empty_string")


def too_long(param: str, most: int, length: int) -> ApiError:
    """A string that is longer than it may be."""
    message = (
        f"Invalid '{param}': string too long. Expected a string with maximum length {most}, "
        f"but got a string with length {length} instead."
    )
    return invalid(message, param, "string_above_max_length")


def too_many(param: str, most: int, length: int) -> ApiError:
    """An array that is longer than it may be."""
    message = (
        f"Invalid '{param}': array too long. Expected an array with maximum length {most}, "
        f"but got an array with length {length} instead."
    )
    return invalid(message, param, "array_above_max_length")


def moved(param: str, place: str) -> ApiError:
    """A field of Chat Completions that Responses has elsewhere."""
    message = (
        f"Unsupported parameter: '{param}'. In the Responses API, this parameter has moved to "
        f"'{place}'. Try again with the new parameter. See the API documentation for more "
        "information: https://platform.openai.com/docs/api-reference/responses/create."
    )
    return invalid(message, None, "unsupported_parameter")


def not_kept(message: str, param: str | None = None) -> ApiError:
    """Something named by its id, that nothing here keeps."""
    return ApiError(404, _body(message, INVALID, param))


def empty_array(param: str) -> ApiError:
    """An array that must not be empty."""
    message = (
        f"Invalid '{param}': empty array. Expected an array with minimum length 1, "
        "but got an empty array instead."
    )
    return invalid(message, param, "empty_array")


def context_length(limit: int, used: int, param: str) -> ApiError:
    """The conversation does not fit the model."""
    message = (
        f"This model's maximum context length is {limit} tokens. However, your {param} "
        f"resulted in {used} tokens. Please reduce the length of the {param}."
    )
    return invalid(message, param, "context_length_exceeded")


def no_key() -> ApiError:
    """No Authorization header."""
    message = (
        "You didn't provide an API key. You need to provide your API key in an Authorization "
        "header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY)."
    )
    return ApiError(401, _body(message, INVALID))


def wrong_key(key: str) -> ApiError:
    """A key that is not accepted; its middle is masked."""
    masked = f"{key[:3]}{'*' * 8}{key[-4:]}" if len(key) > 7 else "*" * len(key)
    message = (
        f"Incorrect API key provided: {masked}. "
        "You can find your API key at https://platform.openai.com/account/api-keys."
    )
    return ApiError(401, _body(message, INVALID, code="invalid_api_key"))


def permission_denied() -> ApiError:
    """The key may not do this."""
    message = "You have insufficient permissions for this operation."
    return ApiError(403, _body(message, INVALID, code="insufficient_permissions"))


def model_not_found(model: str) -> ApiError:
    """No such model, or a retired one."""
    message = f"The model `{model}` does not exist or you do not have access to it."
    return ApiError(404, _body(message, INVALID, code="model_not_found"))


def unknown_url(method: str, path: str) -> ApiError:
    """Nothing listens here."""
    return ApiError(404, _body(f"Invalid URL ({method} /v1{path})", INVALID))


def rate_limited(message: str, kind: str, retry_after: float) -> ApiError:
    """Too fast; `kind` is ``requests`` or ``tokens``."""
    body = _body(message, kind, code="rate_limit_exceeded")
    return ApiError(429, body, retry_after=retry_after)


def insufficient_quota() -> ApiError:
    """Out of money: a 429 that no waiting cures."""
    message = (
        "You exceeded your current quota, please check your plan and billing details. For more "
        "information on this error, read the docs: "
        "https://platform.openai.com/docs/guides/error-codes/api-errors."
    )
    return ApiError(429, _body(message, "insufficient_quota", code="insufficient_quota"))


def server_error(status: int = 500) -> ApiError:
    """OpenAI is broken or overloaded."""
    if status == 503:
        message = "The engine is currently overloaded, please try again later."
        return ApiError(503, _body(message, "service_unavailable_error"))
    message = "The server had an error while processing your request. Sorry about that!"
    return ApiError(status, _body(message, "server_error", code="server_error"))


def plain_error(status: int) -> Json:
    """The body for a status that only a fault orders."""
    return {"error": server_error(status).error}


def _body(message: str, kind: str, param: str | None = None, code: str | None = None) -> Json:
    return {"message": message, "type": kind, "param": param, "code": code}


def _listed(names: tuple[str, ...]) -> str:
    quoted = [f"'{name}'" for name in names]
    *first, last = quoted
    if not first:
        return last
    return f"{', '.join(first)}{',' if len(first) > 1 else ''} and {last}"


def _kind(value: object) -> str:
    return _KINDS.get(type(value), "an object")
