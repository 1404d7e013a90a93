"""The outside of a process: model servers, tenants' tools, the object store."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import cache
from typing import TYPE_CHECKING

import httpx2

from agent_service.domain.model import Agent, Price
from agent_service.domain.ports import Outside
from agent_service.providers.files import StoredFiles
from agent_service.providers.tools import HttpToolCaller, Registry
from agent_service.repository import KnownPrices
from agent_service.settings import Settings
from common.auth import InternalTokens, Keyring, trusted_callers
from common.contracts.trace import current_traceparent
from common.db import Database
from common.http import SsrfGuard, Wire, open_wire
from common.storage import ObjectStore
from common.telemetry import HttpMetrics, get_logger, metrics

if TYPE_CHECKING:
    from agent_service.providers.openai.clients import ServerFor

log = get_logger()

NAME = "agent"
API_KEY = "agent.api_key"
TOOL_SECRET = "agent.tool_secret"  # noqa: S105 - the name of a place, not a secret
_MAY_CALL = {
    "gateway": frozenset(
        {
            "agents:read",
            "agents:write",
            "conversations:read",
            "conversations:write",
            "prices:read",
            "prices:write",
        }
    ),
    "whatsapp": frozenset({"agents:read"}),
}
"""Whose internal tokens we believe, and for what at most; `prices` is for operators only."""


def internal_tokens(settings: Settings) -> InternalTokens:
    """Make the judge of the tokens we are called with."""
    trusted = trusted_callers(settings.internal_trusted_keys, _MAY_CALL)
    return InternalTokens(NAME, settings.internal_key, trusted)


def address_checker(allow: tuple[str, ...]) -> Callable[[str | None], None]:
    """Refuse addresses on our own network, unless the operator allowed them."""
    guard = SsrfGuard(allow=allow)

    def check(url: str | None) -> None:
        if url is not None:
            guard.check_url(url)

    return check


def stored_files(settings: Settings) -> StoredFiles:
    """Make the way to media; nothing is opened yet."""
    open_store = cache(lambda: ObjectStore(settings.object_store_url))
    return StoredFiles(open_store, largest_image=settings.image_max_bytes)


async def open_outside(
    settings: Settings, database: Database, keyring: Keyring, stack: AsyncExitStack
) -> Outside:
    """Open what answering needs."""
    # The SDK alone costs a quarter of a process's memory: only who answers turns pays for it.
    from agent_service.providers.openai.model import OpenAIModel  # noqa: PLC0415 - see above
    from agent_service.providers.openai.senses import (  # noqa: PLC0415 - see above
        OpenAIEars,
        OpenAIModerator,
    )

    server_for = await _servers(settings, keyring, stack)
    tools = await _guarded(settings.tool_hosts, stack)
    http_tools = HttpToolCaller(
        tools, lambda secret, tenant: keyring.open(secret, context=(TOOL_SECRET, tenant))
    )
    return Outside(
        model=OpenAIModel(server_for, default_model=settings.openai_model),
        toolbox=Registry(http_tools),
        prices=KnownPrices(database, default_price(settings)),
        moderator=OpenAIModerator(server_for, model=settings.moderation_model),
        ears=OpenAIEars(server_for, default_model=settings.transcription_model),
        files=stored_files(settings),
        default_model=settings.openai_model,
        alarm=sound_alarm,
    )


def sound_alarm(agent: Agent, because: str) -> None:
    """Tell the operator that an account refuses: it is theirs, or their tenant's."""
    log.error("model_account.refused", tenant=agent.tenant, agent=agent.id, reason=because)
    metrics.ACCOUNTS_REFUSED.labels(
        whose="operator"
        if agent.sealed_api_key is None and agent.settings.base_url is None
        else "tenant"
    ).inc()


async def _servers(settings: Settings, keyring: Keyring, stack: AsyncExitStack) -> "ServerFor":
    """Make the model servers: the operator's is trusted, a tenant's own is guarded."""
    from openai import AsyncOpenAI  # noqa: PLC0415 - as in `open_outside`

    from agent_service.providers.openai.clients import servers  # noqa: PLC0415 - likewise
    from agent_service.providers.openai.pool import StripedTransport  # noqa: PLC0415 - likewise
    from agent_service.providers.openai.server import ModelServer  # noqa: PLC0415 - likewise

    def server(http: httpx2.AsyncClient, key: str) -> ModelServer:
        sdk = AsyncOpenAI(
            base_url=str(settings.openai_base_url),
            api_key=key,
            max_retries=0,
            timeout=settings.model_timeout_seconds,
            http_client=http,
        )
        return ModelServer.of(sdk, http, seconds=settings.model_timeout_seconds)

    ours = await stack.enter_async_context(
        open_wire(observer=HttpMetrics(), transport=StripedTransport())
    )
    theirs = await _guarded(settings.model_hosts, stack)
    return servers(
        server(ours.http, settings.openai_api_key.get_secret_value()),
        server(theirs.http, "none"),
        lambda key, tenant: keyring.open(key, context=(API_KEY, tenant)),
    )


async def _guarded(allow: tuple[str, ...], stack: AsyncExitStack) -> Wire:
    """Open a pool for addresses that tenants choose."""
    return await stack.enter_async_context(
        open_wire(
            traceparent=current_traceparent.get,
            observer=HttpMetrics(),
            guard=SsrfGuard(allow=allow),
        )
    )


def default_price(settings: Settings) -> Price:
    """Give what a model is taken to cost that has no price."""
    return Price(
        "",
        settings.default_input_micros,
        settings.default_cached_micros,
        settings.default_output_micros,
        settings.default_minute_micros,
        known=False,
    )
