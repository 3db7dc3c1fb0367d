"""HTTP/1.1 connections with bounds: heads, waiting and number of connections; files are sent by the kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, MutableMapping

__all__ = ["HEAD_BYTES", "HEAD_SECONDS", "ZERO_COPY", "BoundedProtocol"]

HEAD_BYTES = 32 * 1024
"""The longest head of a request, request line and all headers together; nginx takes as much."""

HEAD_SECONDS = 20.0
"""How long the whole head of a request may take, from the connection or the last response on."""

ZERO_COPY = "http.response.zerocopysend"
"""The ASGI extension by which an application names a file and a span of it in place of bytes."""


class _Span:
    """The length of a span that h11 counts and does not touch."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count


class BoundedProtocol(H11Protocol):
    """uvicorn's protocol on h11, with what it leaves unbounded bounded.

    Parameters
    ----------
    most_connections : int
        With more of them the one that has waited longest for its request is closed.
    **parts
        Those of `H11Protocol`.
    """

    def __init__(self, *, most_connections: int, waiting: dict[BoundedProtocol, None], **parts: Any) -> None:
        super().__init__(**parts)
        self._most_connections = most_connections
        self._waiting = waiting
        self._head_timer: asyncio.TimerHandle | None = None
        self._application = self.app
        self.app = self._run

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Take a connection, in place of the one that waits longest if there are too many."""
        super().connection_made(transport)
        self._wait_for_request()
        if len(self.connections) > self._most_connections:
            next(iter(self._waiting)).transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        super().connection_lost(exc)
        self._stop_waiting()

    def handle_events(self) -> None:
        """Handle what was received; the head is complete once a request has begun."""
        before = self.cycle
        super().handle_events()
        if self.cycle is not before:
            self._stop_waiting()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        self._wait_for_request()
        super().on_response_complete()

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection, also where the client does not take what is left of a response."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            super().timeout_keep_alive_handler()

    def _wait_for_request(self) -> None:
        self._stop_waiting()
        self._waiting[self] = None
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def _stop_waiting(self) -> None:
        self._waiting.pop(self, None)
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    async def _run(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        """Run the application, with the extension that sends files; a response that it breaks off ends at once."""
        scope["extensions"] = {ZERO_COPY: {}}
        cycle: Any = self.cycle

        async def send_or_copy(message: Any) -> None:
            if message["type"] == ZERO_COPY:
                await self._send_file(cycle, message)
            else:
                await send(message)

        try:
            await self._application(scope, receive, send_or_copy)
        finally:
            if cycle.response_started and not cycle.response_complete:
                cycle.disconnected = True
                self.transport.abort()

    async def _send_file(self, cycle: Any, message: Any) -> None:
        """Send a span of a file from the kernel's cache to the connection, with no byte of it in this process."""
        if self.flow.write_paused and not cycle.disconnected:
            await self.flow.drain()
        if cycle.disconnected:
            return
        span = _Span(message["count"])
        parts: Any = self.conn.send_with_data_passthrough(h11.Data(data=span))  # type: ignore[arg-type]
        for part in parts:
            if part is not span:
                self.transport.write(part)
                continue
            try:
                sent = await self.loop.sendfile(self.transport, message["file"], message["offset"], message["count"])
            except (OSError, RuntimeError):  # the client is gone, or the transport is closed
                sent = 0
            if sent < message["count"]:  # or the file was cut
                cycle.disconnected = True
                self.transport.abort()
