"""What makes a package a service: its application, its processes, its command line."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from common.service.app import AppOptions, create_app
    from common.service.cli import main
    from common.service.clock import Clock, inbox_tidying
    from common.service.component import Check, Component, Parts
    from common.service.definition import Build, Command, Mode, Service
    from common.service.edge import RequestEdge
    from common.service.health import Health, Probes
    from common.service.host import host, run_service, stop_on_signals
    from common.service.instants import Instant
    from common.service.operations import (
        DEAD_LETTERS,
        SealedColumn,
        lanes_command,
        reseal_command,
    )
    from common.service.pages import PAGED, Pages, next_page
    from common.service.principals import principal
    from common.service.problems import Problem, problem_response
    from common.service.serving import ComponentDied, Listen, serve

__all__ = [
    "DEAD_LETTERS",
    "PAGED",
    "AppOptions",
    "Build",
    "Check",
    "Clock",
    "Command",
    "Component",
    "ComponentDied",
    "Health",
    "Instant",
    "Listen",
    "Mode",
    "Pages",
    "Parts",
    "Probes",
    "Problem",
    "RequestEdge",
    "SealedColumn",
    "Service",
    "create_app",
    "host",
    "inbox_tidying",
    "lanes_command",
    "main",
    "next_page",
    "principal",
    "problem_response",
    "reseal_command",
    "run_service",
    "serve",
    "stop_on_signals",
]

_HOMES = {
    "app": ("AppOptions", "create_app"),
    "cli": ("main",),
    "clock": ("Clock", "inbox_tidying"),
    "component": ("Check", "Component", "Parts"),
    "definition": ("Build", "Command", "Mode", "Service"),
    "edge": ("RequestEdge",),
    "health": ("Health", "Probes"),
    "instants": ("Instant",),
    "host": ("host", "run_service", "stop_on_signals"),
    "operations": (
        "DEAD_LETTERS",
        "SealedColumn",
        "lanes_command",
        "reseal_command",
    ),
    "pages": ("PAGED", "Pages", "next_page"),
    "principals": ("principal",),
    "problems": ("Problem", "problem_response"),
    "serving": ("ComponentDied", "Listen", "serve"),
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `--help` need not load FastAPI."""
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"common.service.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
