"""What a store is: named objects, each published once, whole and durable."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, BinaryIO

from bourn.wording import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime, timedelta
    from pathlib import Path

    from bourn.store.sink import StoreSink

__all__ = ["CHUNK_BYTES", "Store", "check_key"]

CHUNK_BYTES = 1024 * 1024
"""How much is read at a time: 1 GiB passes HTTP three times as fast as with 64 KiB."""

LONGEST_KEY = 255
"""Characters; the ledger's column."""

# No segment begins with a dot: no way up, and what a store keeps for itself is out of reach.
_KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")


def check_key(key: str) -> str:
    """`key`, if it can name an object; no value ever becomes a path outside of the store.

    Examples
    --------
    >>> check_key("5c1e/0f.tif")
    '5c1e/0f.tif'

    Raises
    ------
    ValueError
        For anything else, ``..`` and a leading slash among them.
    """
    if len(key) > LONGEST_KEY or ".." in key or not _KEY.fullmatch(key):
        msg = f"not a key of the store: {shown(key)}"
        raise ValueError(msg)
    return key


class Store(ABC):
    """Named objects, each published once, whole and durable, and never overwritten.

    What the disk or the network has against it comes out as OSError (ENOSPC, EIO, EMFILE, EFBIG, ...) after
    temporary space has been given back; a missing object as FileNotFoundError; an occupied key as
    FileExistsError.
    """

    @abstractmethod
    def create(
        self, key: str, *, media_type: str | None = None, filename: str | None = None
    ) -> AbstractContextManager[StoreSink]:
        """A sink for the bytes of a new object: published whole, and durable before the exit returns.

        An exception inside leaves nothing behind. An object that is there already with the very same size
        and digest counts as this one: the answer to an earlier try got lost.

        Parameters
        ----------
        key : str
            Such as ``{job_id}/{delivery_id}.tif``.
        media_type, filename : str, optional
            For a store that serves its objects itself; others leave them to the ledger.

        Examples
        --------
        >>> from bourn.store.store import open_store
        >>> store = open_store("memory://")
        >>> with store.create("5c1e/0f.txt") as sink:
        ...     sink.write(b"two")
        3
        >>> sink.size_bytes, sink.sha256[:8]
        (3, '3fc4ccfe')

        Raises
        ------
        FileExistsError
            Another object has that key.
        """

    @abstractmethod
    def open(self, key: str) -> AbstractContextManager[BinaryIO]:
        """A binary, seekable file over the object, for ``with``."""

    @abstractmethod
    def local_path(self, key: str) -> Path | None:
        """The object as a file of this machine; None where the store, or the object, is not here."""

    def href(self, key: str) -> str:
        """Where programs besides bourn find the object: its path on this machine, or its URL; holds no secret."""
        path = self.local_path(key)
        return key if path is None else str(path)

    @abstractmethod
    def size(self, key: str) -> int | None:
        """The object's bytes; None if there is none."""

    @abstractmethod
    def delete(self, key: str) -> None:
        """Remove the object for good; nothing happens where there is none."""

    def delete_many(self, keys: Sequence[str]) -> dict[str, OSError]:
        """Remove several objects; return the errors of those that are still there, by key."""
        errors = {}
        for key in keys:
            try:
                self.delete(key)
            except OSError as error:
                errors[key] = error
        return errors

    @abstractmethod
    def keys(self, prefix: str = "") -> Iterator[str]:
        """The keys of all objects that begin with `prefix`, in no order."""

    @abstractmethod
    def stream(self, key: str, start: int, end: int) -> Iterator[bytes]:
        """The bytes from `start` up to, not including, `end`, in pieces of about 1 MiB."""

    @abstractmethod
    def presigned(self, key: str, expires: timedelta) -> str | None:
        """A URL at which the object can be had for `expires`, 15 minutes at most; None where nobody can sign one."""

    @abstractmethod
    def clean(self, older_than: timedelta, now: datetime) -> int:
        """Remove what writers that were killed have left, if it is older than `older_than`; gives the number."""

    def copy(self, source: str, target: str, *, media_type: str | None = None, filename: str | None = None) -> None:
        """Publish the object `source` under the key `target`, too; errors are those of `create`."""
        with self.open(source) as file, self.create(target, media_type=media_type, filename=filename) as sink:
            while piece := file.read(CHUNK_BYTES):
                sink.write(piece)
