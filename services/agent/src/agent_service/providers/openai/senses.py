"""Hear recordings, and judge what customers write."""

from collections.abc import Iterator

import openai
from openai.types import Moderation, ModerationTextInputParam
from openai.types.audio import Transcription
from openai.types.audio.transcription import UsageDuration, UsageTokens

from agent_service.domain.model import Agent, Usage
from agent_service.providers.openai.clients import ServerFor
from agent_service.providers.openai.errors import ours
from common.errors import NeedsOperator, Refused, Unavailable

_NO_JUDGEMENT = "the moderation's answer cannot be read"
_LARGEST = 25 * 1024 * 1024
"""Bytes of a recording that OpenAI takes."""
_EXTENSIONS = {
    "audio/ogg": "ogg",
    "audio/mpeg": "mp3",
    "audio/mp4": "m4a",
    "audio/x-m4a": "m4a",
    "audio/aac": "m4a",
    "audio/wav": "wav",
    "audio/webm": "webm",
    "audio/flac": "flac",
}
"""The server judges a recording by the ending of its name."""


class OpenAIEars:
    """Hears recordings."""

    def __init__(self, server_for: ServerFor, *, default_model: str | None) -> None:
        self._server_for = server_for
        self._default_model = default_model

    def model_for(self, agent_transcription_model: str | None) -> str | None:
        """Name the model that would hear; None when nobody can."""
        return agent_transcription_model or self._default_model

    async def hear(self, agent: Agent, sound: bytes, mimetype: str) -> tuple[str, Usage]:
        """Write down what a recording says; see `Ears.hear` for what it raises."""
        model = self.model_for(agent.settings.transcription_model)
        if model is None:
            raise NeedsOperator("no model is set that hears voice notes")
        if len(sound) > _LARGEST:
            raise Refused("the recording is too long to be heard")
        plain = mimetype.partition(";")[0].strip().lower()
        file = (f"voice.{_EXTENSIONS.get(plain, 'ogg')}", sound, plain or "audio/ogg")
        try:
            heard = await self._server_for(agent).sdk.audio.transcriptions.create(
                model=model, file=file, response_format="json"
            )
        except openai.OpenAIError as error:
            raise ours(error) from error
        except ValueError:
            # It calls itself JSON and is none.
            raise Unavailable("the recording's words cannot be read") from None
        words: object = getattr(heard, "text", None)
        if not isinstance(words, str):
            raise Refused("the recording's words cannot be read")
        return words, _usage(heard)


def _usage(heard: Transcription) -> Usage:
    """Read what is billed: tokens, or seconds by older models; compatible servers may not say."""
    match heard.usage:
        case UsageTokens(input_tokens=int(read), output_tokens=int(written)):
            return Usage(read, 0, written)
        case UsageDuration(seconds=int() | float() as seconds):
            return Usage(seconds=seconds)
        case _:
            return Usage()


class OpenAIModerator:
    """Judges what customers write."""

    def __init__(self, server_for: ServerFor, *, model: str) -> None:
        self._server_for = server_for
        self._model = model

    async def flagged(self, agent: Agent, text: str) -> tuple[str, ...]:
        """Name the categories that a text is flagged for; see `Moderator.flagged`."""
        said: list[ModerationTextInputParam] = [{"type": "text", "text": text}]
        try:
            judged = await self._server_for(agent).sdk.moderations.create(
                model=self._model, input=list(said)
            )
        except openai.OpenAIError as error:
            raise ours(error) from error
        except ValueError:
            raise Unavailable(_NO_JUDGEMENT) from None
        results = getattr(judged, "results", None)
        if not results:
            raise Unavailable(_NO_JUDGEMENT)
        return tuple(sorted({name for result in results for name in _named(result)}))


def _named(result: Moderation) -> Iterator[str]:
    """Name what a text is flagged for; what is flagged for nothing that has a name still is."""
    if not result.flagged:
        return
    found = result.categories.to_dict() if getattr(result, "categories", None) else {}
    names = [name for name, hit in found.items() if hit is True]
    yield from names or ["unnamed"]
