"""POST /audio/transcriptions: a form with a file whose name must end rightly."""

from __future__ import annotations

from sandbox.multipart import Form, MalformedForm, UploadedFile, parse_form
from sandbox.openai.errors import ApiError, invalid, missing, unknown_parameter, wrong_value
from sandbox.openai.service import Ask
from sandbox.openai.tokens import count
from sandbox.wire import Json, Reply, json_reply

SPEECH_MARK = b"SANDBOX-SPEECH:"
EXTENSIONS = ("flac", "m4a", "mp3", "mp4", "mpeg", "mpga", "oga", "ogg", "wav", "webm")
_FIELDS = frozenset(
    {
        "model",
        "language",
        "languages",
        "keywords",
        "prompt",
        "response_format",
        "temperature",
        "include",
        "timestamp_granularities",
        "chunking_strategy",
    }
)
_FORMATS = ("json", "text", "srt", "verbose_json", "vtt")
_MAX_BYTES = 25 * 1024 * 1024
_BYTES_PER_SECOND = 4000


async def transcribe(ask: Ask) -> Reply:
    """Return the text of a recording.

    A recording made by the sandbox's own WhatsApp carries its words after a mark; for any
    other one the text is what the control door set, or names the file.
    """
    form = _form(ask)
    file = _file(form)
    model_name = _field(form, "model")
    if not model_name:
        raise missing("model")
    model = ask.openai.catalog.find(model_name, "transcription")
    wanted = _field(form, "response_format") or "json"
    supported = ("json",) if model.only_json else _FORMATS
    if wanted not in supported:
        raise wrong_value("response_format", wanted, supported)
    await ask.openai.think()
    text = spoken(file, ask.openai.transcript)
    usage = _usage(file, text, tokens=model.only_json)
    ask.body = {name: values[-1] for name, values in form.fields.items()}
    ask.body["input"] = file.filename
    ask.openai.record(ask, model.name, {"text": text}, usage)
    if wanted in {"text", "srt", "vtt"}:
        return Reply(200, text.encode() + b"\n", content_type=b"text/plain; charset=utf-8")
    return json_reply(200, {"text": text, "usage": usage})


def spoken(file: UploadedFile, scripted: str | None) -> str:
    """Return what a recording says."""
    _, mark, words = file.data.partition(SPEECH_MARK)
    if mark:
        return words.decode("utf-8", "replace")
    return scripted or f"Transcription of {file.filename}"


def _form(ask: Ask) -> Form:
    try:
        form = parse_form(ask.call.body, ask.call.header(b"content-type"))
    except MalformedForm as error:
        raise invalid(f"Could not parse multipart form: {error}") from None
    for name in form.fields:
        if name.removesuffix("[]") not in _FIELDS:
            raise unknown_parameter(name)
    return form


def _field(form: Form, name: str) -> str | None:
    values = form.fields.get(name)
    return values[-1] if values else None


def _file(form: Form) -> UploadedFile:
    file = form.files.get("file")
    if file is None:
        raise missing("file")
    extension = file.filename.rpartition(".")[2].lower()
    if extension not in EXTENSIONS or "." not in file.filename:
        listed = ", ".join(f"'{name}'" for name in EXTENSIONS)
        raise invalid(f"Invalid file format. Supported formats: [{listed}]", "file")
    if not file.data:
        message = "Audio file is too short. Minimum audio length is 0.1 seconds."
        raise invalid(message, "file", "audio_too_short")
    if len(file.data) > _MAX_BYTES:
        message = (
            f"Maximum content size limit ({_MAX_BYTES}) exceeded ({len(file.data)} bytes read)"
        )
        error = {
            "message": message,
            "type": "server_error",
            "param": None,
            "code": None,
        }
        raise ApiError(413, error)
    return file


def _usage(file: UploadedFile, text: str, *, tokens: bool) -> Json:
    seconds = max(1, len(file.data) // _BYTES_PER_SECOND)
    if not tokens:
        return {"type": "duration", "seconds": seconds}
    heard, written = seconds * 10, max(1, count(text))
    return {
        "type": "tokens",
        "input_tokens": heard,
        "input_token_details": {"audio_tokens": heard, "text_tokens": 0},
        "output_tokens": written,
        "total_tokens": heard + written,
    }
