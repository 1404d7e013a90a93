"""Keeps the children of one session: starts them, notices a death, stops them in reverse order."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import IntEnum

from devstack.children import Child, Command, launch
from devstack.polling import until


class Tier(IntEnum):
    """Who stands on whom: a higher tier stops before a lower one."""

    SERVERS = 0
    SANDBOX = 1
    SERVICES = 2


@dataclass(frozen=True, slots=True)
class _Kept:
    child: Child
    tier: Tier
    stop: Callable[[], None]
    may_end: bool


@dataclass(slots=True)
class Supervisor:
    """The children of one session. It never restarts one: a crash is something to look at."""

    _kept: list[_Kept] = field(default_factory=list)

    def launch(
        self,
        command: Command,
        tier: Tier,
        *,
        stop: Callable[[Child], None] = Child.stop,
        may_end: bool = False,
    ) -> Child:
        """Start a process that `stop_all` will end, unless it `may_end` and has.

        Raises:
            StackError: the program is not there or may not be run.
        """
        child = launch(command)
        self._kept.append(_Kept(child, tier, lambda: stop(child), may_end))
        return child

    def dead(self) -> Child | None:
        """A child that ended and should not have, if there is one."""
        lasting = (kept.child for kept in self._kept if not kept.may_end)
        return next((child for child in lasting if child.exit_code is not None), None)

    async def wait_for_a_death(self) -> Child:
        """Wait until a child ends by itself."""

        async def died() -> bool:
            return self.dead() is not None

        await until(died, every=0.2)
        dead = self.dead()
        assert dead is not None  # noqa: S101 - a process that ended stays ended
        return dead

    def stop_all(self) -> None:
        """Stop every child, tier by tier from the top, those of one tier together."""
        for tier in sorted(Tier, reverse=True):
            group = [kept for kept in self._kept if kept.tier is tier]
            if group:
                with ThreadPoolExecutor(max_workers=len(group)) as aside:
                    list(aside.map(lambda kept: kept.stop(), group))
        self._kept.clear()
