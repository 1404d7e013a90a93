"""Chats over HTTP: who wrote, what was answered, and the journey of each message."""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query

from common.contracts import TenantId, utc_now
from common.places import TOP, Place
from common.service import PAGED, Instant
from whatsapp_service.api.views import ChatReader, Limit, Page, Reads
from whatsapp_service.domain.ports.places import MessagePlace

router = APIRouter()

_AHEAD = timedelta(days=1)
"""WhatsApp's clock may be ahead of ours, and a phone's even more."""


Before = Annotated[Instant | None, Query(description="only what is older")]


@router.get("/chats", responses=PAGED)
async def list_chats(
    caller: ChatReader, reads: Reads, page: Page, limit: Limit = 50
) -> list[dict[str, Any]]:
    """List the tenant's chats, the most recent first, page by page.

    One that is written in while you turn the pages goes to the top of the first.
    """
    after = page.after(TOP)
    found = await reads.chats(TenantId(caller.tenant_id), after=after, limit=limit + 1)
    return page.cut(found, limit, lambda chat: Place(chat["last_message_at"], chat["id"]))


@router.get("/chats/{chat_id}/messages", responses=PAGED)
async def list_messages(  # noqa: PLR0913 - a query parameter is an argument
    chat_id: str,
    caller: ChatReader,
    reads: Reads,
    page: Page,
    limit: Limit = 50,
    before: Before = None,
) -> list[dict[str, Any]]:
    """List a chat's messages, the newest first, page by page, each with its journey.

    One that came in: written, stored, answered, answer sent. One of ours: asked, sending, sent,
    delivered, read, or failed; those that wait to be sent are among them.
    """
    top = MessagePlace.before(before or utc_now() + _AHEAD)
    after = min(page.after(top), top)
    tenant = TenantId(caller.tenant_id)
    found = await reads.messages(tenant, chat_id, after=after, limit=limit + 1)
    return page.cut(found, limit, MessagePlace.of)
