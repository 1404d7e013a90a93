"""What a service tells about itself, in terms that cost nothing to import."""

import argparse
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, cast

if TYPE_CHECKING:
    from common.bus import Bus
    from common.service.component import Parts
    from common.settings import ServiceSettings

Mode = Literal["api", "worker", "all"]
S = TypeVar("S", bound="ServiceSettings")

Build = Callable[[S, Mode, "Bus | None"], AbstractAsyncContextManager["Parts"]]
"""Builds everything one process runs; without a bus, it builds its own from the settings."""

Run = Callable[[argparse.Namespace], int | Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Command:
    """A verb of a service's own: `python -m whatsapp_service translate …`."""

    name: str
    help: str
    run: Run | str
    """Gets the arguments and returns the exit code; or `module:function`, imported when run."""
    configure: Callable[[argparse.ArgumentParser], None] | None = None
    """Declares the arguments."""

    def resolved(self) -> Run:
        """The function to run."""
        return cast("Run", resolve(self.run))


@dataclass(frozen=True, slots=True)
class Service(Generic[S]):
    """One service, as its `__main__` declares it.

    `settings_class` and `build` may be written `module:name`; they are then imported when a
    process really starts, which keeps `--help` quick:

        Service("crm", "crm_service.settings:Settings", "crm_service.app:build",
                migrations="crm_service.migrations")
    """

    name: str
    settings_class: type[S] | str
    build: "Build[S] | str"
    migrations: str | None = None
    """The package that holds Alembic's `env.py` and `versions`."""
    commands: tuple[Command, ...] = ()

    def settings(self) -> type[S]:
        """The settings class."""
        return cast("type[S]", resolve(self.settings_class))

    def builder(self) -> "Build[S]":
        """The function that builds a process."""
        return cast("Build[S]", resolve(self.build))


def resolve(reference: Any) -> Any:
    """Import what `module:name` names; anything but text is itself."""
    if not isinstance(reference, str):
        return reference
    module, _, name = reference.partition(":")
    return getattr(import_module(module), name)
