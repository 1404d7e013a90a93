"""Ask a model, over whichever of the two APIs the agent is set to; our lanes retry, nobody else."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any, NamedTuple

import orjson

from agent_service.domain.model import Answer, Request, Usage
from agent_service.domain.ports import Garbled, Wasted
from agent_service.providers.openai import chat, responses
from agent_service.providers.openai.clients import ServerFor

_UNREADABLE = "the model server's answer cannot be read"


class _Api(NamedTuple):
    path: str
    body_of: Callable[[Request, str], dict[str, Any]]
    read_answer: Callable[[Any], Answer]
    usage_of: Callable[[dict[str, Any]], Usage]


_RESPONSES = _Api(responses.PATH, responses.body_of, responses.read_answer, responses.usage_of)
_CHAT = _Api(chat.PATH, chat.body_of, chat.read_answer, chat.usage_of)


class OpenAIModel:
    """Answers conversations; the server (address, key, pool) follows from the agent."""

    def __init__(self, server_for: ServerFor, *, default_model: str) -> None:
        self._server_for = server_for
        self._default_model = default_model

    async def answer(self, request: Request) -> Answer:
        """Answer a conversation, or ask for tools; see `Model.answer` for what it raises."""
        settings = request.agent.settings
        api = _CHAT if settings.api == "chat_completions" else _RESPONSES
        asked = settings.model or self._default_model
        body = api.body_of(request, asked)
        content = await self._server_for(request.agent).post(api.path, body)
        try:
            return _read(api, orjson.loads(content), asked)
        except orjson.JSONDecodeError:
            # A proxy's page, or half an answer.
            raise Garbled(_UNREADABLE) from None


def _read(api: _Api, found: Any, asked: str) -> Answer:
    try:
        answer = api.read_answer(found)
    except Wasted as error:
        raise _at_cost(error, api, found, asked) from None
    except (AttributeError, KeyError, TypeError):
        raise _at_cost(Garbled(_UNREADABLE), api, found, asked) from None
    # What names no model would be in no sum.
    return answer if answer.model else replace(answer, model=asked)


def _at_cost(error: Wasted, api: _Api, found: Any, asked: str) -> Wasted:
    """Say what was paid, as far as that much can be read."""
    with suppress(AttributeError, TypeError):
        error.model = asked
        error.model, error.usage = str(found.get("model") or asked), api.usage_of(found)
    return error
