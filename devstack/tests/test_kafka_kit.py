"""What is missing for Kafka is said in one sentence."""

from pathlib import Path

import pytest

from devstack import kafka_kit
from devstack.errors import JavaMissing, StackError
from devstack.places import Places, make_folder, require_disk_space


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is the whole PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    return folder


def install(folder: Path, name: str, script: str) -> None:
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


@pytest.mark.parametrize(
    ("banner", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('java version "1.8.0_402"', 8),
        ('openjdk version "21" 2023-09-19', 21),
        ("command not found", 0),
    ],
)
def test_the_java_version_is_read_from_the_banner(banner: str, version: int) -> None:
    assert kafka_kit.java_version(banner) == version


def test_no_java_says_what_to_install(programs: Path) -> None:
    with pytest.raises(JavaMissing, match=r"Java is not installed: install a JRE 17.*KAFKA_BOOT"):
        kafka_kit.find_java()


def test_an_old_java_says_which_one_is_needed(programs: Path) -> None:
    install(programs, "java", """echo 'openjdk version "11.0.2"' >&2""")
    with pytest.raises(JavaMissing, match=r"Kafka 4 needs Java 17 and .* is Java 11"):
        kafka_kit.find_java()


def test_java_home_wins_over_the_path(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "jdk"
    (home / "bin").mkdir(parents=True)
    install(home / "bin", "java", """echo 'openjdk version "21.0.1"' >&2""")
    monkeypatch.setenv("JAVA_HOME", str(home))
    assert kafka_kit.find_java() == str(home / "bin" / "java")


def test_no_maven_says_what_to_install(programs: Path, tmp_path: Path) -> None:
    install(programs, "java", """echo 'openjdk version "17.0.1"' >&2""")
    with pytest.raises(JavaMissing, match=r"Maven is not installed .*apt-get install maven"):
        kafka_kit.prepare(Places(tmp_path))


def test_maven_that_cannot_download_says_why_and_leaves_nothing(
    programs: Path, tmp_path: Path
) -> None:
    install(programs, "java", """echo 'openjdk version "17.0.1"' >&2""")
    install(programs, "mvn", "echo '[ERROR] Unknown host'; exit 1")
    with pytest.raises(StackError, match=r"Kafka's jars \(Unknown host\): check the network"):
        kafka_kit.prepare(Places(tmp_path))
    assert not list((tmp_path / ".kafka").glob("libs/*"))


def test_too_little_disk_space_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"GB are free where .* delete something there"):
        require_disk_space(tmp_path / "not" / "yet", needed=2**60)


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StackError, match=r"cannot be created .*run from a clone that you own"):
        make_folder(tmp_path / "file" / "below")
