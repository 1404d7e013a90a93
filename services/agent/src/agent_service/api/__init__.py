"""The doors over HTTP: agents, their tools and files, what they use, and conversations."""

from fastapi import APIRouter

from agent_service.api import agents, conversations, library, limits, prices, tools

DOORS = tuple(module.router for module in (agents, conversations, tools, library, limits, prices))
router = APIRouter(prefix="/api")
for door in DOORS:
    router.include_router(door)
