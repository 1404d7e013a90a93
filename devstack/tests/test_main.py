"""What the command line says, and when it keeps quiet."""

import signal
import subprocess
import sys

import asyncpg
import pytest

from devstack.errors import StackError, sentence

DRIVER = """
import sys
from devstack import __main__ as command_line
command_line._VERBS["talk"] = (lambda places, screen: screen.tell("much"), "talk to nobody")
sys.stdin.read()
sys.exit(command_line.main())
"""


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (StackError("Port 1 is taken."), "Port 1 is taken."),
        (OSError(28, "No space left on device"), "No space left"),
        (asyncpg.InvalidPasswordError("password authentication failed"), "authentication failed"),
        (
            ExceptionGroup("several", [ExceptionGroup("", [StackError("One.")]), StackError("2")]),
            "One.",
        ),
    ],
)
def test_what_a_person_can_mend_is_a_sentence(error: Exception, said: str) -> None:
    assert said in (sentence(error) or "")


def test_a_bug_is_not_hidden_even_among_others() -> None:
    assert sentence(KeyError("x")) is None
    assert sentence(ExceptionGroup("several", [StackError("One."), KeyError("x")])) is None


def test_a_reader_who_has_seen_enough_is_told_nothing() -> None:
    driver = [sys.executable, "-c", DRIVER, "talk"]
    pipe = subprocess.PIPE
    with subprocess.Popen(driver, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        assert process.stdout is not None
        process.stdout.close()
        process.stdout = None
        _, said = process.communicate(b"go", timeout=30)

    assert (process.returncode, said) == (128 + signal.SIGPIPE, b"")
