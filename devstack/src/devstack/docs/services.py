"""What the code says about each service: its settings, and the events it listens to."""

import ast
import inspect
import json
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from common.contracts import EVENTS, SERVICES, Event, Topic
from common.service import Service
from common.settings import ServiceSettings, environment_name
from devstack import environment
from devstack.environment import Addresses
from devstack.secret_store import SecretStore

PUBLIC_URL = "https://parley.example.com"


def declaration(service: str) -> Service[Any]:
    """Give what the service's `__main__` declares."""
    found: Service[Any] = import_module(f"{service}_service.__main__").SERVICE
    return found


def settings_of(service: str) -> type[ServiceSettings]:
    """Give the service's Settings class."""
    return declaration(service).settings()


def heard_by(service: str) -> list[type[Event]]:
    """List the events that the service's router has a handler for."""
    name = f"{service}_service.consumers"
    if find_spec(name) is None:
        return []
    module = import_module(name)
    router = getattr(module, "router", None)
    if router is None:
        # A router that is made: its parts are only used when an event comes, and none does here.
        parts = inspect.signature(module.routes).parameters
        router = module.routes(*(None for _ in parts))
    events: list[type[Event]] = router.events
    return events


def topics_heard_by(service: str) -> set[Topic]:
    """Name the topics a service subscribes to."""
    return {event.topic for event in heard_by(service)}


def said_by(service: str) -> set[type[Event]]:
    """Find the events that the service's source makes, or writes by hand under their `type`."""
    spec = find_spec(f"{service}_service")
    folders = spec.submodule_search_locations if spec is not None else None
    files = (path for folder in folders or () for path in Path(folder).rglob("*.py"))
    nodes = (node for path in files for node in ast.walk(ast.parse(path.read_text("utf-8"))))
    named = {name for node in nodes if (name := _made_in(node)) is not None}
    return {event for event in EVENTS.values() if event.__name__ in named}


def _made_in(node: ast.AST) -> str | None:
    match node:
        case ast.Call(func=ast.Name(id=name)) | ast.Attribute(value=ast.Name(id=name), attr="type"):
            return name
        case _:
            return None


def topics_said_by(service: str) -> set[Topic]:
    """Name the topics a service publishes to, its dead letters aside."""
    return {event.topic for event in said_by(service)}


def events_on(topic: Topic) -> list[type[Event]]:
    """List the events of a topic by their type."""
    return [EVENTS[name] for name in sorted(EVENTS) if EVENTS[name].topic == topic]


def throw_away_settings(service: str, folder: Path) -> ServiceSettings:
    """Make settings with which a service can be built and never run."""
    addresses = Addresses(
        postgres_url="postgresql://nobody@127.0.0.1:1/nothing",
        bootstrap="127.0.0.1:1",
        ports={name: 1 + number for number, name in enumerate(environment.HTTP)},
        objects=folder,
    )
    values = environment.everything(addresses, SecretStore(folder / "unused"))
    values |= {"GATEWAY_PUBLIC_URL": PUBLIC_URL}
    values |= {f"{name.upper()}_LOG_LEVEL": "ERROR" for name in SERVICES}
    wanted = settings_of(service)
    given = {
        field: _parsed(values[variable])
        for field in wanted.model_fields
        if (variable := environment_name(wanted, field)) in values
    }
    return wanted(**given)


def _parsed(value: str) -> Any:
    return json.loads(value) if value.startswith(("{", "[")) else value
