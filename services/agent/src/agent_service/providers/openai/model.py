"""Ask a model, over whichever of the two APIs the agent is set to; our lanes retry, nobody else."""

from collections.abc import Callable
from typing import Any, NamedTuple

import orjson

from agent_service.domain.model import Answer, Request
from agent_service.providers.openai import chat, responses
from agent_service.providers.openai.clients import ServerFor
from common.errors import Unavailable


class _Api(NamedTuple):
    path: str
    body_of: Callable[[Request, str], dict[str, Any]]
    read_answer: Callable[[Any], Answer]


_RESPONSES = _Api(responses.PATH, responses.body_of, responses.read_answer)
_CHAT = _Api(chat.PATH, chat.body_of, chat.read_answer)


class OpenAIModel:
    """Answers conversations; the server (address, key, pool) follows from the agent."""

    def __init__(self, server_for: ServerFor, *, default_model: str) -> None:
        self._server_for = server_for
        self._default_model = default_model

    async def answer(self, request: Request) -> Answer:
        """Answer a conversation, or ask for tools; see `Model.answer` for what it raises."""
        settings = request.agent.settings
        api = _CHAT if settings.api == "chat_completions" else _RESPONSES
        body = api.body_of(request, settings.model or self._default_model)
        content = await self._server_for(request.agent).post(api.path, body)
        try:
            return api.read_answer(orjson.loads(content))
        except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError):
            # A proxy's page, or half an answer.
            raise Unavailable("the model server's answer cannot be read") from None
