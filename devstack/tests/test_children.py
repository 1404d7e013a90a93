"""A child logs to a file, stops when asked, is killed when deaf, never outlives its parent."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from devstack.children import Child, Command, launch
from devstack.errors import StackError

DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(60)
"""
PATIENT = "import time; print('here', flush=True); time.sleep(60)"


def eventually(check: Callable[[], bool], limit: float = 10.0) -> None:
    deadline = time.monotonic() + limit
    while not check():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


def started(folder: Path, code: str, says: str = "") -> Child:
    log = folder / "child.log"
    child = launch(Command("child", [sys.executable, "-c", code], log))
    eventually(lambda: says in log.read_text())
    return child


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"
    except FileNotFoundError:
        return True


def test_a_child_stops_when_asked(tmp_path: Path) -> None:
    child = started(tmp_path, PATIENT, "here")
    child.stop()
    assert child.exit_code == -signal.SIGTERM


def test_a_deaf_child_is_killed_after_its_grace(tmp_path: Path) -> None:
    child = started(tmp_path, DEAF, "deaf")
    child.stop(grace=0.1)
    assert child.exit_code == -signal.SIGKILL


def test_stopping_twice_is_harmless(tmp_path: Path) -> None:
    child = started(tmp_path, PATIENT, "here")
    child.stop()
    child.stop()


def test_a_child_that_ended_is_reported_with_the_tail_of_its_log(tmp_path: Path) -> None:
    child = started(tmp_path, "print('no such table'); raise SystemExit(3)", "no such table")
    child.process.wait()
    with pytest.raises(StackError, match=r"(?s)child ended by itself with code 3.*no such table"):
        child.require_alive()


def test_the_tail_is_the_end_of_the_log_and_not_all_of_it(tmp_path: Path) -> None:
    child = started(tmp_path, "print(*range(1000), sep='\\n')", "999")
    child.process.wait()
    assert child.tail(3) == "997\n998\n999"


def test_a_program_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"broker cannot be started: .*no-such-program"):
        launch(Command("broker", ["no-such-program"], tmp_path / "log"))


def test_ctrl_c_at_the_terminal_reaches_only_the_parent(tmp_path: Path) -> None:
    child = started(tmp_path, PATIENT, "here")
    try:
        assert os.getsid(child.process.pid) != os.getsid(0)
    finally:
        child.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
def test_a_child_dies_when_its_parent_is_killed(tmp_path: Path) -> None:
    code = f"""
        import time
        from pathlib import Path
        from devstack.children import Command, launch
        child = launch(Command("c", [{sys.executable!r}, "-c", {PATIENT!r}], Path("log")))
        print(child.process.pid, flush=True)
        time.sleep(60)
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        stdout=subprocess.PIPE,
        cwd=tmp_path,
        text=True,
    ) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        eventually(lambda: "here" in (tmp_path / "log").read_text())
        assert not is_gone(pid)
        parent.kill()
    eventually(lambda: is_gone(pid))
