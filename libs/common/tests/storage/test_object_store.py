"""The object store on a folder and in memory; S3 speaks through the same library."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from common.errors import InvalidInput, NotFound, Unavailable
from common.storage import ObjectStore

KEY = "webhooks/2026-11-23/0199.json"


@pytest.fixture(params=["file", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    return ObjectStore(
        (tmp_path / "made" / "here").as_uri() if request.param == "file" else "memory:///"
    )


async def test_gives_back_what_it_was_given(store: ObjectStore) -> None:
    await store.put(KEY, b"\x00body", "application/json")

    assert await store.get(KEY) == b"\x00body"


async def test_a_second_put_replaces_the_first(store: ObjectStore) -> None:
    await store.put(KEY, b"first")
    await store.put(KEY, b"second")

    assert await store.get(KEY) == b"second"


async def test_knows_what_exists_and_forgets_what_is_deleted(store: ObjectStore) -> None:
    assert not await store.exists(KEY)
    await store.put(KEY, b"x")
    assert await store.exists(KEY)

    await store.delete(KEY)
    await store.delete(KEY)

    assert not await store.exists(KEY)
    with pytest.raises(NotFound):
        await store.get(KEY)


@pytest.mark.parametrize(
    "key",
    [
        "../x",
        "a/../x",
        "/etc/passwd",
        "a//b",
        "a/",
        "",
        ".",
        ".hidden",
        "a/.ssh",
        "a\\b",
        "a b",
        "a%2fb",
        "a\x00b",
        "a\n",
        "ä",
        "a/" * 300 + "a",
    ],
)
async def test_refuses_keys_that_could_lead_elsewhere(store: ObjectStore, key: str) -> None:
    with pytest.raises(InvalidInput):
        await store.put(key, b"x")
    with pytest.raises(InvalidInput):
        await store.get(key)
    with pytest.raises(InvalidInput):
        await store.exists(key)
    with pytest.raises(InvalidInput):
        await store.delete(key)


async def test_purges_only_what_is_old_and_under_the_prefix(store: ObjectStore) -> None:
    await store.put("webhooks/a", b"x")
    await store.put("media/b", b"x")
    now = datetime.now(UTC)

    assert await store.purge("webhooks", before=now - timedelta(hours=1)) == 0
    assert await store.purge("webhooks", before=now + timedelta(hours=1)) == 1

    assert not await store.exists("webhooks/a")
    assert await store.exists("media/b")


@pytest.mark.parametrize("url", ["", "nowhere", "http://example.com/", "file://", "gs://bucket/x"])
def test_refuses_addresses_it_does_not_know(url: str) -> None:
    with pytest.raises(InvalidInput):
        ObjectStore(url)


def test_says_when_the_folder_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(InvalidInput, match="cannot be opened"):
        ObjectStore((tmp_path / "file" / "folder").as_uri())


async def test_an_s3_that_is_away_is_unavailable_within_the_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "eu-west-1",
    }.items():
        monkeypatch.setenv(name, value)
    store = ObjectStore("s3://bucket/prefix", deadline=1.0)

    with pytest.raises(Unavailable) as caught:
        await store.put(KEY, b"x")
    assert "127.0.0.1" not in str(caught.value)


async def test_a_failing_disk_is_unavailable(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path.as_uri())
    (tmp_path / "webhooks").write_text("a file where a folder must be")

    with pytest.raises(Unavailable):
        await store.put(KEY, b"x")
