"""A store whose disk fails on request."""

from __future__ import annotations

import errno
import io
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from bourn.store.store import Store, StoreSink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime, timedelta
    from pathlib import Path

__all__ = ["FaultyStore"]


def _bad_block() -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


class FaultyStore(Store):
    """Another store, with faults; it is never on this machine, so that all reading passes by.

    Parameters
    ----------
    store : Store
        Where the objects really are.
    read_fails_after_bytes : callable, optional
        Of the size of an object: after how many of its bytes reading fails.
    fail : callable, optional
        How reading fails: raises something; by default an OSError with EIO.
    write_fails_after_bytes : int, optional
        After how many bytes writing an object fails with ENOSPC.
    """

    def __init__(
        self,
        store: Store,
        *,
        read_fails_after_bytes: Callable[[int], int] | None = None,
        fail: Callable[[], None] = _bad_block,
        write_fails_after_bytes: int | None = None,
    ) -> None:
        self.store = store
        self.read_fails_after_bytes = read_fails_after_bytes
        self.write_fails_after_bytes = write_fails_after_bytes
        self.fail = fail
        self.reads = 0

    @contextmanager
    def create(self, key: str, *, media_type: str | None = None, filename: str | None = None) -> Iterator[StoreSink]:
        """A sink that fails on request."""
        with self.store.create(key, media_type=media_type, filename=filename) as sink:
            most = self.write_fails_after_bytes
            yield sink if most is None else _FullSink(sink, most)

    @contextmanager
    def open(self, key: str) -> Iterator[BinaryIO]:
        """A file that fails on request."""
        self.reads += 1
        with self.store.open(key) as file:
            if self.read_fails_after_bytes is None:
                yield file
            else:
                limit = self.read_fails_after_bytes(self.store.size(key) or 0)
                yield io.BufferedReader(_BadFile(file, limit, self.fail), buffer_size=1 << 12)

    def local_path(self, key: str) -> Path | None:
        """Never."""
        return None

    def size(self, key: str) -> int | None:
        """As it is."""
        return self.store.size(key)

    def delete(self, key: str) -> None:
        """As ever."""
        self.store.delete(key)

    def keys(self, prefix: str = "") -> Iterator[str]:
        """As they are."""
        return self.store.keys(prefix)

    def stream(self, key: str, start: int, end: int) -> Iterator[bytes]:
        """As ever."""
        return self.store.stream(key, start, end)

    def presigned(self, key: str, expires: timedelta) -> str | None:
        """Never."""
        return None

    def clean(self, older_than: timedelta, now: datetime) -> int:
        """As ever."""
        return self.store.clean(older_than, now)


class _BadFile(io.RawIOBase):
    """A file with a bad block: it can be read up to there, and never beyond."""

    def __init__(self, file: BinaryIO, limit: int, fail: Callable[[], None]) -> None:
        self._file = file
        self._limit = limit
        self._fail = fail

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # any buffer, as in typeshed
        left = self._limit - self._file.tell()
        if left <= 0:
            self._fail()
            _bad_block()
        piece = self._file.read(min(len(buffer), left))
        buffer[: len(piece)] = piece
        return len(piece)


class _FullSink(StoreSink):
    """A sink on a disk that is soon full."""

    def __init__(self, sink: StoreSink, most: int) -> None:
        super().__init__(sink.write)
        self._sink = sink
        self._left = most

    def write(self, data: bytes | bytearray | memoryview, /) -> int:
        self._left -= memoryview(data).nbytes
        if self._left < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self._sink.write(data)

    @property
    def size_bytes(self) -> int:
        return self._sink.size_bytes

    @property
    def sha256(self) -> str:
        return self._sink.sha256
