"""How the control door's routes reach the world of the application they run in."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from sandbox.evolution.service import Evolution
from sandbox.openai.service import OpenAI
from sandbox.world import World


def world_of(request: Request) -> World:
    """Return the world of the application."""
    world: World = request.app.state.world
    return world


def evolution_of(request: Request) -> Evolution:
    """Return its Evolution server."""
    return world_of(request).evolution


def openai_of(request: Request) -> OpenAI:
    """Return its OpenAI."""
    return world_of(request).openai


InWorld = Annotated[World, Depends(world_of)]
InEvolution = Annotated[Evolution, Depends(evolution_of)]
InOpenAI = Annotated[OpenAI, Depends(openai_of)]
