"""Ids are what RFC 9562 says, in the order of their birth, and never the same twice."""

import os
import time
import uuid

from common.contracts import derived_id, uuid7


def test_every_id_is_a_uuid_of_version_7() -> None:
    for made in (uuid.UUID(uuid7()) for _ in range(1000)):
        assert made.version == 7
        assert made.variant == uuid.RFC_4122


def test_an_id_tells_when_it_was_made() -> None:
    before = time.time_ns() // 1_000_000
    stamp = int(uuid7()[:12], 16)

    assert before <= stamp <= time.time_ns() // 1_000_000


def test_no_two_are_the_same() -> None:
    assert len({uuid7() for _ in range(5000)}) == 5000


def test_a_forked_process_makes_ids_of_its_own() -> None:
    uuid7()
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writes, "".join(uuid7()[12:] for _ in range(50)).encode())
        os._exit(0)
    mine = {uuid7()[12:] for _ in range(50)}
    os.waitpid(child, 0)
    told = os.read(reads, 50 * 20).decode()
    os.close(reads)
    os.close(writes)

    assert mine.isdisjoint(told[start : start + 20] for start in range(0, len(told), 20))


def test_a_derived_id_is_the_uuid_of_version_5_of_its_cause() -> None:
    namespace = uuid.UUID("6f0d7a52-52e6-5c0e-9d57-9a1f2f7d5c11")
    for cause in (("a",), ("ten_1", "int_1", "Olá"), ("", "")):
        named = uuid.uuid5(namespace, "\x1f".join(cause))
        assert derived_id("cnv", *cause) == f"cnv_{named.hex}"
