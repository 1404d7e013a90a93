"""What Apache Kafka needs before it can start: Java, the jars, an empty log directory, an archive.

The jars come from Maven (the list is `kafka_pom.xml` beside this file) and stay in the clone.
The class archive makes the broker start in about half the time; the JVM ignores it when the
Java build or the jars have changed, and its name carries both so that a new one is made.
"""

import fcntl
import hashlib
import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from devstack.errors import JavaMissing, StackError
from devstack.java import java_environment, properties
from devstack.places import Places, make_folder, require_disk_space

Tell = Callable[[str], None]
"""Where a line of progress goes."""

_POM = Path(__file__).with_name("kafka_pom.xml")
_OLDEST_JAVA = 17
_KIT_BYTES = 512 * 1024**2
_CLUSTER_ID = "cGFybGV5LWRldnN0YWNrMQ"  # any 16 bytes, base64url
_LOGGING = """\
status=error
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d{yyyy-MM-dd HH:mm:ss.SSS} %p %c{1} %m%n
rootLogger.level=INFO
rootLogger.appenderRef.out.ref=out
logger.config.name=org.apache.kafka.common.config.AbstractConfig
logger.config.level=WARN
"""


@dataclass(frozen=True, slots=True)
class Kit:
    """Everything a broker is started from."""

    java: str
    class_path: str
    template: Path
    archive: Path
    logging: Path

    @property
    def trained(self) -> bool:
        """Whether the class archive is there."""
        return self.archive.exists()


def silent(_: str) -> None:
    """Tell nobody."""


def find_java() -> str:
    """Find a Java that can run a Kafka 4 broker.

    Raises:
        JavaMissing: there is none, or it is older than 17.
    """
    home = os.environ.get("JAVA_HOME")
    inside = Path(home, "bin", "java") if home else None
    java = str(inside) if inside and inside.exists() else shutil.which("java")
    advice = "install a JRE 17 or newer (`apt-get install openjdk-17-jre-headless`), or set"
    if java is None:
        raise JavaMissing(f"Java is not installed: {advice} KAFKA_BOOTSTRAP_SERVERS.")
    version = java_version(_java_banner(java))
    if version < _OLDEST_JAVA:
        raise JavaMissing(
            f"Kafka 4 needs Java 17 and {java} is Java {version}: {advice} KAFKA_BOOTSTRAP_SERVERS."
        )
    return java


def java_version(banner: str) -> int:
    """Read the major version out of what `java -version` prints; 0 if it is not there."""
    found = re.search(r'version "(?:1\.)?(\d+)', banner)
    return int(found.group(1)) if found else 0


def _java_banner(java: str) -> str:
    return subprocess.run([java, "-version"], check=False, capture_output=True, text=True).stderr


def prepare(places: Places, tell: Tell = silent) -> Kit:
    """Fetch the jars if they are not there and format an empty log directory once.

    Several processes may call this at once; one works, the others wait for it.

    Raises:
        JavaMissing: no Java 17+, or no Maven while the jars are not there yet.
        StackError: Maven could not fetch the jars, or the disk is full.
    """
    java = find_java()
    folder = make_folder(places.kafka)
    with _alone(folder / "lock"):
        jars = _jars(folder, tell)
        class_path = os.pathsep.join(str(jar) for jar in jars)
        digest = hashlib.sha256(f"{_java_banner(java)}{class_path}".encode()).hexdigest()[:12]
        logging = folder / "log4j2.properties"
        if not logging.exists() or logging.read_text() != _LOGGING:
            logging.write_text(_LOGGING)
        template = folder / f"empty-{_pom_digest()}"
        kit = Kit(java, class_path, template, folder / f"classes-{digest}.jsa", logging)
        if not template.exists():
            tell("formatting an empty Kafka log directory")
            _format(kit)
    return kit


def _pom_digest() -> str:
    return hashlib.sha256(_POM.read_bytes()).hexdigest()[:12]


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _jars(folder: Path, tell: Tell) -> list[Path]:
    libs = folder / "libs"
    stamp = libs / "complete"
    if not stamp.exists() or stamp.read_text() != _pom_digest():
        shutil.rmtree(libs, ignore_errors=True)
        require_disk_space(folder, _KIT_BYTES)
        _download(libs, tell)
        stamp.write_text(_pom_digest())
    return sorted(libs.glob("*.jar"))


def _download(libs: Path, tell: Tell) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise JavaMissing(
            "Maven is not installed and Kafka's jars are not here yet: install it"
            " (`apt-get install maven`), or set KAFKA_BOOTSTRAP_SERVERS."
        )
    # Maven keeps its downloads in the home of the passwd entry, which some users cannot write.
    home = Path(pwd.getpwuid(os.geteuid()).pw_dir)
    own = [] if os.access(home, os.W_OK) else [f"-Dmaven.repo.local={libs.parent / 'm2'}"]
    tell("downloading Apache Kafka from Maven (45 jars, 43 MB)")
    argv = [
        *(maven, "-B", "-f", str(_POM), "dependency:copy-dependencies"),
        *("-DincludeScope=runtime", f"-DoutputDirectory={libs}"),
        *own,
    ]
    with subprocess.Popen(
        argv,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=libs.parent,
        env=java_environment(),
    ) as process:
        said = list(_watched(process, tell))
    if process.returncode != 0:
        shutil.rmtree(libs, ignore_errors=True)
        reason = next((line for line in said if line.startswith("[ERROR]")), "no reason given")
        raise StackError(
            f"Maven could not fetch Kafka's jars ({reason.removeprefix('[ERROR]').strip()}):"
            " check the network or Maven's mirror settings, or set KAFKA_BOOTSTRAP_SERVERS."
        )


def _watched(process: "subprocess.Popen[str]", tell: Tell) -> Iterator[str]:
    count = 0
    for line in process.stdout or ():
        if "Downloaded from" in line and ".jar " in line:
            count += 1
            if count % 15 == 0:
                tell(f"  {count} jars fetched")
        yield line.rstrip()


def _format(kit: Kit) -> None:
    work = kit.template.with_suffix(".new")
    shutil.rmtree(work, ignore_errors=True)
    config = kit.template.with_suffix(".properties")
    settings = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": "1@127.0.0.1:1",
        "controller.listener.names": "CONTROLLER",
        "listeners": "PLAINTEXT://127.0.0.1:2,CONTROLLER://127.0.0.1:1",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "log.dirs": work,
    }
    config.write_text(properties(settings), encoding="ascii")
    argv = [
        *(
            kit.java,
            "-XX:TieredStopAtLevel=1",
            f"-Dlog4j2.configurationFile={kit.logging.as_uri()}",
        ),
        *("-cp", kit.class_path, "kafka.tools.StorageTool"),
        *("format", "-t", _CLUSTER_ID, "-c", str(config)),
    ]
    result = subprocess.run(
        argv, check=False, capture_output=True, text=True, env=java_environment()
    )
    if result.returncode != 0:
        raise StackError(f"Kafka could not format {work}: {result.stderr.strip()[-500:]}")
    work.rename(kit.template)
