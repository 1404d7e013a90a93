"""The HTTP doors: numbers, chats and their files, what waits."""

from fastapi import APIRouter

from whatsapp_service.api import chats, connections, events, media, operations, orders, sending

router = APIRouter(prefix="/api")
for _part in (connections, orders, events, chats, media, operations, sending):
    router.include_router(_part.router)
