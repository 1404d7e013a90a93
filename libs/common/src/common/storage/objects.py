"""The object store: one small interface over obstore, with our errors and harmless keys."""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, MemoryStore, S3Store, from_url

from common.errors import InvalidInput, NotFound, Unavailable

DEADLINE_SECONDS = 10.0
"""Of one operation, retries included."""

_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.=@+-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.=@+-]*)*")
_LONGEST_KEY = 512
_SCHEMES = ("file", "s3", "memory")
_GONE = (FileNotFoundError,)  # obstore's NotFoundError is one

Store = LocalStore | S3Store | MemoryStore


class ObjectStore:
    """Keeps bytes under keys such as `webhooks/3a7bd3e2….json`.

    A key is made of plain segments that begin with a letter, a digit or `_`: no key leads out
    of the store, hides a file, or means two things on two backends.
    """

    def __init__(self, url: str, *, deadline: float = DEADLINE_SECONDS) -> None:
        """Open a store; a local folder is made when it is missing.

        Args:
            url: `file:///folder`, `s3://bucket/prefix` (credentials and endpoint come from the
                usual `AWS_…` variables), or `memory:///` for tests.
            deadline: seconds one operation may take.

        Raises:
            InvalidInput: the address is none of these, or the folder cannot be made.
        """
        self._store = _open(url)
        self._deadline = deadline
        # A folder has no place for content types, and obstore refuses to be given one.
        self._typed = not isinstance(self._store, LocalStore)

    async def put(
        self, key: str, content: bytes, content_type: str = "application/octet-stream"
    ) -> None:
        """Store bytes whole or not at all, replacing what was there.

        Raises:
            InvalidInput: the key could be misread as a path.
            Unavailable: the store is away; the bytes may or may not be there.
        """
        attributes = {"Content-Type": content_type} if self._typed else None
        async with self._bounded(key):
            await obstore.put_async(self._store, key, content, attributes=attributes)

    async def get(self, key: str) -> bytes:
        """Read bytes.

        Raises:
            NotFound: nothing is stored there.
            InvalidInput: the key could be misread as a path.
            Unavailable: the store is away.
        """
        async with self._bounded(key):
            found = await obstore.get_async(self._store, key)
            return bytes(await found.bytes_async())

    async def exists(self, key: str) -> bool:
        """Tell whether something is stored there; raises as `get` does, but never NotFound."""
        try:
            async with self._bounded(key):
                await obstore.head_async(self._store, key)
        except NotFound:
            return False
        return True

    async def delete(self, key: str) -> None:
        """Remove what is stored there, if anything; raises as `put` does."""
        try:
            async with self._bounded(key):
                await obstore.delete_async(self._store, key)
        except NotFound:
            return

    async def purge(self, prefix: str, *, before: datetime, limit: int = 1000) -> int:
        """Remove up to `limit` objects under a prefix that are older; returns how many went.

        Raises:
            InvalidInput: the prefix could be misread as a path.
            Unavailable: the store is away.
        """
        async with self._bounded(prefix):
            old = [
                str(item["path"])
                async for batch in obstore.list(self._store, prefix=prefix)
                for item in batch
                if item["last_modified"] < before
            ][:limit]
            if old:
                await obstore.delete_async(self._store, old)
        return len(old)

    @asynccontextmanager
    async def _bounded(self, key: str) -> AsyncGenerator[None]:
        """Check the key, keep the deadline, speak our errors."""
        if len(key) > _LONGEST_KEY or not _KEY.fullmatch(key):
            raise InvalidInput("An object's key must be plain segments joined by slashes.")
        try:
            async with asyncio.timeout(self._deadline):
                yield
        except _GONE:
            raise NotFound("There is no such object.") from None
        except (BaseError, OSError, TimeoutError) as failure:
            # Its sentences quote addresses and paths; the type says enough.
            reason = type(failure).__name__
            raise Unavailable(f"The object store is away: {reason}.") from failure


def _open(url: str) -> Store:
    scheme, _, rest = url.partition("://")
    if scheme not in _SCHEMES or not rest:
        raise InvalidInput(
            "OBJECT_STORE_URL is not an object store we know.",
            hint="Use file:///folder or s3://bucket/prefix.",
        )
    try:
        if scheme == "file":
            return LocalStore.from_url(url, mkdir=True)
        if scheme == "memory":
            return MemoryStore()
        store = from_url(
            url,
            client_options={"connect_timeout": "3s", "timeout": "10s"},
            retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=8)},
        )
    except (BaseError, OSError, ValueError) as failure:
        raise InvalidInput(
            f"The object store cannot be opened: {type(failure).__name__}.",
            hint="Look at OBJECT_STORE_URL; a folder must be writable.",
        ) from failure
    if not isinstance(store, S3Store):
        raise InvalidInput("OBJECT_STORE_URL is not an object store we know.")
    return store
