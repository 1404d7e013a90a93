"""The command line: `python -m devstack setup | up | demo | env | status | down`."""

import argparse
import asyncio
import os
import shlex
import signal
import sys
import time

import httpx2

from devstack import demo, stack, up
from devstack import session as sessions
from devstack.environment import HTTP
from devstack.errors import StackError, sentence
from devstack.places import Places, here
from devstack.screen import Screen

_STOP_LIMIT = 40.0


def main() -> int:
    """Run one verb; what the person must know is one sentence and exit code 2."""
    arguments = _parser().parse_args()
    try:
        code: int = arguments.run(here(), Screen())
    except BrokenPipeError:
        # Nobody reads on (`status | head`); what is still to be flushed goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except Exception as error:
        known = sentence(error)
        if known is None:
            raise
        print(known, file=sys.stderr)
        return 2
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m devstack", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="verb")
    for name, (run, text) in _VERBS.items():
        verb = verbs.add_parser(name, help=text, description=text)
        verb.set_defaults(run=run)
    return parser


def _setup(places: Places, screen: Screen) -> int:
    stack.prepare(places, screen)
    screen.tell("set up; `make up` starts the suite, `make demo` plays a message through it")
    return 0


def _up(places: Places, screen: Screen) -> int:
    return asyncio.run(up.run(places, screen))


def _demo(places: Places, screen: Screen) -> int:
    return asyncio.run(demo.run(places, screen))


def _env(places: Places, screen: Screen) -> int:
    for name, value in sorted(sessions.required(places).environment.items()):
        screen.tell(f"export {name}={shlex.quote(value)}")
    return 0


def _status(places: Places, screen: Screen) -> int:
    session = sessions.required(places)
    ready = True
    with httpx2.Client(timeout=3) as client:
        for name in HTTP:
            probe = "/_sandbox/health" if name == "sandbox" else "/readyz"
            state = _state(client, f"{session.url(name)}{probe}")
            ready &= state == "ready"
            screen.tell(f"  {name:<10} {state:<14} {session.url(name)}")
    return 0 if ready else 1


def _state(client: httpx2.Client, url: str) -> str:
    try:
        response = client.get(url)
    except httpx2.TransportError:
        return "does not answer"
    return "ready" if response.is_success else f"answers {response.status_code}"


def _down(places: Places, screen: Screen) -> int:
    session = sessions.required(places)
    os.kill(session.pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_LIMIT
    while sessions.held(places):
        if time.monotonic() > deadline:
            raise StackError(f"Process {session.pid} does not stop: end it with `kill -9`.")
        time.sleep(0.1)
    screen.tell("stopped")
    return 0


_VERBS = {
    "setup": (_setup, "fetch what the first start needs; doing it twice is harmless"),
    "up": (_up, "start the whole suite and keep it running until Ctrl-C"),
    "demo": (_demo, "play a customer's message through the whole suite, then stop"),
    "env": (_env, "print the running suite's environment as shell exports"),
    "status": (_status, "say which parts of the running suite are ready"),
    "down": (_down, "stop the suite that runs in this clone"),
}

if __name__ == "__main__":
    sys.exit(main())
