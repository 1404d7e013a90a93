"""Chats over HTTP: who wrote, what was answered, and the journey of each message."""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from common.contracts import TenantId, utc_now
from whatsapp_service.api.views import ChatReader, Limit, Reads

router = APIRouter()

_AHEAD = timedelta(days=1)
"""WhatsApp's clock may be ahead of ours, and a phone's even more."""
Before = Annotated[AwareDatetime | None, Query(description="only what is older: the next page")]


@router.get("/chats")
async def list_chats(caller: ChatReader, reads: Reads, limit: Limit = 50) -> list[dict[str, Any]]:
    """List the tenant's chats, the most recent first."""
    return await reads.chats(TenantId(caller.tenant_id), limit=limit)


@router.get("/chats/{chat_id}/messages")
async def list_messages(
    chat_id: str, caller: ChatReader, reads: Reads, limit: Limit = 50, before: Before = None
) -> list[dict[str, Any]]:
    """List a chat's messages, the newest first, each with its journey.

    One that came in: written, stored, answered, answer sent. One of ours: asked, sending, sent,
    delivered, read, or failed; those that wait to be sent are among them.
    """
    tenant = TenantId(caller.tenant_id)
    until = before or utc_now() + _AHEAD
    return await reads.messages(tenant, chat_id, before=until, limit=limit)
