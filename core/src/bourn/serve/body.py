"""The bytes of an object on their way out: whole, a part, or several parts, compared with its digest."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import os
import secrets
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import attrs
from starlette.responses import Response

from bourn.serve.protocol import ZERO_COPY
from bourn.store.interface import CHUNK_BYTES

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
    from pathlib import Path

    from bourn.store.interface import Store

__all__ = ["Body", "BodyResponse", "DamagedObjectError", "repr_digest"]

SEND_SECONDS = 60.0
"""How long a client may take nothing of what is sent before the connection is closed, as nginx has it."""

RECHECK_SECONDS = 30.0
"""How often a download that goes on asks whether its link still works."""

FIRST_WINDOW_BYTES = 256 * 1024
MOST_WINDOW_BYTES = 8 * 1024 * 1024
"""How far the digest is computed ahead of what is sent."""

QUICK_SECONDS = 1.0
SLOW_BYTES = 64 * 1024
"""A client that takes longer than a second for a piece gets pieces of this size: 1 kB/s is enough to go on."""

VERIFIED_SECONDS = 600.0
"""How long a file that was compared with its digest, and has not changed since, is not compared again."""

MOST_VERIFIED = 10_000

_READERS = ThreadPoolExecutor(16, thread_name_prefix="bourn-read")
"""Reads ahead; an executor of its own, since an abandoned read must be waited for before its file is closed."""

_buffers = threading.local()
_verified: dict[tuple[tuple[int, ...], str], float] = {}


class DamagedObjectError(Exception):
    """The bytes in the store are not those that were stored."""


def repr_digest(sha256: str) -> str:
    """Return the value of the header Repr-Digest (RFC 9530) for a SHA-256 in hex.

    Examples
    --------
    >>> repr_digest("00ff")
    'sha-256=:AP8=:'
    """
    return f"sha-256=:{base64.b64encode(bytes.fromhex(sha256)).decode()}:"


@attrs.frozen(kw_only=True)
class Body:
    """What of an object is sent.

    Attributes
    ----------
    store : Store
    key, media_type : str
    size_bytes : int
        Of the whole object.
    sha256 : str
        Of the whole object, in hex; empty where it is not to be compared.
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
    sha256: str = ""
    boundary: str = attrs.field(factory=lambda: secrets.token_hex(16))

    @property
    def status(self) -> int:
        """200 or 206."""
        return 200 if self.ranges is None else 206

    @property
    def headers(self) -> dict[str, str]:
        """Length and type; of a part also its place."""
        length = sum(len(part) if isinstance(part, bytes) else part[1] - part[0] for part in self.plan())
        headers = {"Content-Length": str(length), "Content-Type": self.media_type}
        if self.ranges is not None and len(self.ranges) == 1:
            headers["Content-Range"] = self._place(*self.ranges[0])
        elif self.ranges is not None:
            headers["Content-Type"] = f"multipart/byteranges; boundary={self.boundary}"
        return headers

    def plan(self) -> Sequence[bytes | tuple[int, int]]:
        """Return texts, and spans of the object, in the order in which they are sent."""
        if self.ranges is None:
            return [(0, self.size_bytes)]
        if len(self.ranges) == 1:
            return self.ranges
        plan: list[bytes | tuple[int, int]] = []
        for span in self.ranges:
            head = f"--{self.boundary}", f"Content-Type: {self.media_type}", f"Content-Range: {self._place(*span)}"
            plan += ["\r\n".join([*head, "", ""]).encode(), span, b"\r\n"]
        return [*plan, f"--{self.boundary}--\r\n".encode()]

    async def pieces(self) -> AsyncGenerator[bytes]:
        """Yield the bytes, about 1 MiB at a time.

        Raises
        ------
        DamagedObjectError
            The whole is not what was stored; its last piece was not given.
        """
        for part in self.plan():
            if isinstance(part, bytes):
                yield part
            else:
                async with aclosing(self._stored(*part)) as stored:
                    async for piece in stored:
                        yield piece

    def verifier(self, start: int, end: int) -> _Verifier | None:
        """Return what compares a span with the digest; None for a part, of which there is no digest."""
        return _Verifier(self.sha256) if self.sha256 and (start, end) == (0, self.size_bytes) else None

    def _place(self, start: int, end: int) -> str:
        return f"bytes {start}-{end - 1}/{self.size_bytes}"

    def _stored(self, start: int, end: int) -> AsyncGenerator[bytes]:
        """Yield the bytes from `start` to `end`."""
        path, verifier = self.store.local_path(self.key), self.verifier(start, end)
        return self._streamed(start, end, verifier) if path is None else _read(path, start, end, verifier)

    async def _streamed(self, start: int, end: int, verifier: _Verifier | None) -> AsyncGenerator[bytes]:
        """Yield the bytes from an object store; the next piece is fetched before one is given."""
        loop, stream = asyncio.get_running_loop(), self.store.stream(self.key, start, end)

        def following() -> bytes | None:
            piece = next(stream, None)
            if piece is not None and verifier is not None:
                verifier.update(piece)
            return piece

        piece = await loop.run_in_executor(None, following)
        while piece is not None:
            coming = await loop.run_in_executor(None, following)
            if coming is None and verifier is not None:
                verifier.check()
            yield piece
            piece = coming


async def _read(path: Path, start: int, end: int, verifier: _Verifier | None) -> AsyncGenerator[bytes]:
    """Yield the bytes of a file; the next piece is read while one is sent."""

    def read(start: int) -> bytes:
        piece = os.pread(number, min(CHUNK_BYTES, end - start), start)
        if verifier is not None:
            verifier.update(piece)
        return piece

    number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    reading = _READERS.submit(read, start)
    try:
        while start < end and (piece := await asyncio.wrap_future(reading)):
            start += len(piece)
            if start < end:
                reading = _READERS.submit(read, start)
            elif verifier is not None:
                verifier.check()
            yield piece
    finally:
        # A client that goes away leaves a read behind: the file is closed once that has ended, since its number may
        # be another file's by then.
        reading.add_done_callback(lambda _: os.close(number))


class _Verifier:
    """Compares bytes with a digest as they pass."""

    def __init__(self, sha256: str) -> None:
        self._expected = sha256
        self._digest = hashlib.sha256()

    def update(self, piece: bytes) -> None:
        self._digest.update(piece)

    def read(self, file: io.FileIO, start: int, end: int) -> None:
        """Read a span of a file for its digest alone, through one buffer for each thread."""
        if not hasattr(_buffers, "piece"):
            _buffers.piece = memoryview(bytearray(FIRST_WINDOW_BYTES))
        while start < end:
            taken = os.preadv(file.fileno(), [_buffers.piece[: end - start]], start)
            if not taken:
                return  # cut short: the digest will say so
            self._digest.update(_buffers.piece[:taken])
            start += taken

    def check(self) -> None:
        if self._digest.hexdigest() != self._expected:
            raise DamagedObjectError


class BodyResponse(Response):
    """A response that sends a `Body` for as long as its link works.

    Parameters
    ----------
    body : Body
    headers : mapping
    is_valid : callable
        ``await is_valid(thoroughly)``: whether the link still works; asked after each piece, thoroughly now and then.
    damaged : callable
        ``await damaged()``: called once if the bytes are not those that were stored; the response in place of this one
        where nothing was sent yet.
    """

    def __init__(
        self,
        body: Body,
        headers: Mapping[str, str],
        *,
        is_valid: Callable[[bool], Awaitable[bool]],
        damaged: Callable[[], Awaitable[Response]],
    ) -> None:
        super().__init__(status_code=body.status, headers={**headers, **body.headers})
        self._body = body
        self._is_valid = is_valid
        self._damaged = damaged
        self._checked_at = time.monotonic()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Send it; the connection is broken off where the link ends, the client stalls, or the bytes are damaged."""
        by_kernel = ZERO_COPY in scope.get("extensions", {})
        path = self._body.store.local_path(self._body.key) if by_kernel else None
        async with aclosing(self._by_process() if path is None else self._by_kernel(path)) as messages:
            try:
                message = await anext(messages, None)
            except DamagedObjectError:
                await (await self._damaged())(scope, receive, send)
                return
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            try:
                while message is not None:
                    async with asyncio.timeout(SEND_SECONDS):
                        await send(message)
                    if not await self._goes_on():
                        return
                    message = await anext(messages, None)
            except DamagedObjectError:
                await self._damaged()
                return
            except TimeoutError:
                return
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _goes_on(self) -> bool:
        now = time.monotonic()
        thoroughly = now - self._checked_at > RECHECK_SECONDS
        if thoroughly:
            self._checked_at = now
        return await self._is_valid(thoroughly)

    async def _by_process(self) -> AsyncGenerator[dict[str, Any]]:
        """Yield messages with the bytes themselves."""
        async with aclosing(self._body.pieces()) as pieces:
            async for piece in pieces:
                yield {"type": "http.response.body", "body": piece, "more_body": True}

    async def _by_kernel(self, path: Path) -> AsyncGenerator[dict[str, Any]]:
        """Yield messages that name spans of a file."""
        file = io.FileIO(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC))
        reads: list[asyncio.Future[None]] = []
        try:
            for part in self._body.plan():
                if isinstance(part, bytes):
                    yield {"type": "http.response.body", "body": part, "more_body": True}
                    continue
                async with aclosing(self._spans(file, *part, reads)) as spans:
                    async for span in spans:
                        yield span
        finally:
            if reads and not reads[-1].done():
                reads[-1].add_done_callback(lambda _: file.close())
            else:
                file.close()

    async def _spans(
        self, file: io.FileIO, start: int, end: int, reads: list[asyncio.Future[None]]
    ) -> AsyncGenerator[dict[str, Any]]:
        """Yield a span of a file in pieces; its digest is computed one window ahead, and compared before the last."""
        loop, verifier, stamp = asyncio.get_running_loop(), self._body.verifier(start, end), _stamp(file)
        if time.monotonic() - _verified.get((stamp, self._body.sha256), -VERIFIED_SECONDS) < VERIFIED_SECONDS:
            verifier = None

        def read_ahead(start: int, end: int) -> None:
            if verifier is not None and start < end:
                reads[:] = [loop.run_in_executor(_READERS, verifier.read, file, start, end)]

        window = FIRST_WINDOW_BYTES
        stop = min(end, start + window)
        read_ahead(start, stop)
        while start < end:
            if reads:
                await asyncio.shield(reads[-1])
            if stop == end and verifier is not None:
                verifier.check()
                _remember(stamp, self._body.sha256)
            window = min(MOST_WINDOW_BYTES, window * 2)
            following = min(end, stop + window)
            read_ahead(stop, following)
            async for piece in _pieces(file, start, stop):
                yield piece
            start, stop = stop, following


async def _pieces(file: io.FileIO, start: int, end: int) -> AsyncGenerator[dict[str, Any]]:
    """Yield pieces of a window: small ones for a slow client, since each must be taken within the time for sending."""
    size = CHUNK_BYTES
    while start < end:
        count = min(size, end - start)
        began = time.monotonic()
        yield {"type": ZERO_COPY, "file": file, "offset": start, "count": count}
        size = CHUNK_BYTES if time.monotonic() - began < QUICK_SECONDS else SLOW_BYTES
        start += count


def _stamp(file: io.FileIO) -> tuple[int, ...]:
    """Return what changes with the content of a file."""
    found = os.fstat(file.fileno())
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_ctime_ns


def _remember(stamp: tuple[int, ...], sha256: str) -> None:
    now = time.monotonic()
    if len(_verified) >= MOST_VERIFIED:
        for old in [each for each, at in _verified.items() if now - at > VERIFIED_SECONDS] or list(_verified):
            del _verified[old]
    _verified[stamp, sha256] = now
