"""An operator can name every queue that a service has, and no other."""

import argparse
from importlib import import_module
from pkgutil import walk_packages

import pytest

from common.contracts import SERVICES
from common.lanes import Queue


def queues_of(service: str) -> set[str]:
    """Find the queues that the modules of a service define."""
    package = import_module(f"{service}_service")
    names = [one.name for one in walk_packages(package.__path__, f"{service}_service.")]
    modules = [import_module(name) for name in names if "migrations" not in name]
    return {v.name for module in modules for v in vars(module).values() if isinstance(v, Queue)}


@pytest.mark.parametrize("service", SERVICES)
def test_every_queue_can_be_named_on_the_command_line(service: str) -> None:
    commands = import_module(f"{service}_service.__main__").SERVICE.commands
    [*lanes] = [command for command in commands if command.name == "lanes"]
    queues = queues_of(service)

    assert bool(lanes) is bool(queues)
    for command in lanes:
        parser = argparse.ArgumentParser(exit_on_error=False)
        command.configure(parser)
        for queue in queues:
            assert parser.parse_args(["list", "--queue", queue]).queue == queue
        with pytest.raises((argparse.ArgumentError, SystemExit)):
            parser.parse_args(["list", "--queue", "zzz"])
