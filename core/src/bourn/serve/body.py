"""The bytes of an object on their way out: whole, a part, or several parts."""

from __future__ import annotations

import asyncio
import os
import secrets
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from typing import TYPE_CHECKING

import attrs

from bourn.store.interface import CHUNK_BYTES

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from bourn.store.interface import Store

__all__ = ["Body"]

_READERS = ThreadPoolExecutor(16, thread_name_prefix="bourn-read")
"""Reads what is sent next; made here, since a read that is abandoned must be told when it is over."""


@attrs.frozen(kw_only=True)
class Body:
    """What of an object is sent.

    Attributes
    ----------
    store : Store
    key, media_type : str
    size_bytes : int
        Of the whole object.
    ranges : sequence of (int, int), or None
        The parts asked for, at least one; None for the whole.
    boundary : str
        What stands between several parts.
    """

    store: Store
    key: str
    media_type: str
    size_bytes: int
    ranges: Sequence[tuple[int, int]] | None
    boundary: str = attrs.field(factory=lambda: secrets.token_hex(16))

    @property
    def status(self) -> int:
        """200 or 206."""
        return 200 if self.ranges is None else 206

    @property
    def headers(self) -> dict[str, str]:
        """Length, type and, of a part, its place."""
        length = sum(len(part) if isinstance(part, bytes) else part[1] - part[0] for part in self._plan())
        headers = {"Content-Length": str(length), "Content-Type": self.media_type}
        if self.ranges is not None and len(self.ranges) == 1:
            headers["Content-Range"] = self._place(*self.ranges[0])
        elif self.ranges is not None:
            headers["Content-Type"] = f"multipart/byteranges; boundary={self.boundary}"
        return headers

    async def pieces(self) -> AsyncGenerator[bytes]:
        """The bytes, about 1 MiB at a time."""
        for part in self._plan():
            if isinstance(part, bytes):
                yield part
            else:
                async with aclosing(_stored(self.store, self.key, *part)) as stored:
                    async for piece in stored:
                        yield piece

    def _plan(self) -> Sequence[bytes | tuple[int, int]]:
        """Texts, and spans of the object, in the order in which they go out."""
        if self.ranges is None:
            return [(0, self.size_bytes)]
        if len(self.ranges) == 1:
            return self.ranges
        plan: list[bytes | tuple[int, int]] = []
        for span in self.ranges:
            head = f"--{self.boundary}", f"Content-Type: {self.media_type}", f"Content-Range: {self._place(*span)}"
            plan += ["\r\n".join([*head, "", ""]).encode(), span, b"\r\n"]
        return [*plan, f"--{self.boundary}--\r\n".encode()]

    def _place(self, start: int, end: int) -> str:
        return f"bytes {start}-{end - 1}/{self.size_bytes}"


async def _stored(store: Store, key: str, start: int, end: int) -> AsyncGenerator[bytes]:
    """The bytes from `start` to `end`; of a file, the next piece is read while one is sent."""
    loop = asyncio.get_running_loop()
    path = store.local_path(key)
    if path is None:
        stream = store.stream(key, start, end)
        while (piece := await loop.run_in_executor(None, next, stream, None)) is not None:
            yield piece
        return
    number = os.open(path, os.O_RDONLY)
    reading = _READERS.submit(os.pread, number, min(CHUNK_BYTES, end - start), start)
    try:
        while start < end and (piece := await asyncio.wrap_future(reading)):
            start += len(piece)
            reading = _READERS.submit(os.pread, number, min(CHUNK_BYTES, end - start), start)
            yield piece
    finally:
        # Whoever breaks off leaves a read behind: the file is closed when its thread has done with it, for its
        # number would be another file's by then.
        reading.add_done_callback(lambda _: os.close(number))
