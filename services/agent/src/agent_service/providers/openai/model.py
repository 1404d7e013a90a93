"""Ask a model, over whichever of the two APIs the agent is set to.

The SDK's own retries are off: our lanes retry. Its typed methods are not used on this path either:
measured here, turning one answer into pydantic values costs 2.6 ms of CPU, reading it ourselves
almost nothing.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import httpx2
import openai
import orjson
from openai import AsyncOpenAI

from agent_service.domain.model import Agent, Answer, Request
from agent_service.providers.openai import chat, responses
from agent_service.providers.openai.errors import ours
from common.contracts.trace import HEADER, current_traceparent
from common.errors import Unavailable

ClientFor = Callable[[Agent], AsyncOpenAI]


class _Api(NamedTuple):
    path: str
    body_of: Callable[[Request, str], dict[str, Any]]
    read_answer: Callable[[Any], Answer]


_RESPONSES = _Api(responses.PATH, responses.body_of, responses.read_answer)
_CHAT = _Api(chat.PATH, chat.body_of, chat.read_answer)


class OpenAIModel:
    """Answers conversations; the client (address, key, pool) follows from the agent."""

    def __init__(self, client_for: ClientFor, *, default_model: str) -> None:
        self._client_for = client_for
        self._default_model = default_model

    async def answer(self, request: Request) -> Answer:
        """Answer a conversation, or ask for tools; see `Model.answer` for what it raises."""
        settings = request.agent.settings
        api = _CHAT if settings.api == "chat_completions" else _RESPONSES
        body = api.body_of(request, settings.model or self._default_model)
        content = await self._post(request.agent, api.path, body)
        try:
            return api.read_answer(orjson.loads(content))
        except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError):
            # A proxy's page, or half an answer.
            raise Unavailable("the model server's answer cannot be read") from None

    async def _post(self, agent: Agent, path: str, body: dict[str, Any]) -> bytes:
        trace = current_traceparent.get()
        headers = {HEADER: trace} if trace is not None else {}
        try:
            response = await self._client_for(agent).post(
                path, cast_to=httpx2.Response, body=body, options={"headers": headers}
            )
        except openai.OpenAIError as error:
            raise ours(error) from error
        return response.content
