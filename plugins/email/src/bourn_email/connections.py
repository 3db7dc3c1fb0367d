"""Pool of connections of this process: kept open for a moment after a message, and reused."""

from __future__ import annotations

import atexit
import os
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bourn_email.connection import Connection
from bourn_email.failures import SendFailure, TemporaryFailure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bourn_email.server import Server

__all__ = ["close_all", "open_envelope"]

LINGER_SECONDS = 2.0
"""How long an idle connection is kept."""

MOST_MESSAGES = 100
"""Messages over one connection; servers close a connection after some number, in the middle of the next message."""

_guard = threading.Lock()
_idle: dict[Server, list[tuple[float, Connection]]] = {}
_closer: threading.Thread | None = None


@contextmanager
def open_envelope(server: Server, sender: str, recipient: str, size_bytes: int) -> Iterator[Connection]:
    """Give a connection on which this envelope is accepted: an idle one if it still works, else a new one."""
    connection = _idle_connection(server)
    if connection is not None:
        try:
            connection.envelope(sender, recipient, size_bytes)
        except TemporaryFailure as failure:
            if not failure.server_wide:
                _release(connection)
                raise
            connection = None  # closed by the server meanwhile: try a new one
        except BaseException:
            _release(connection)
            raise
    try:
        if connection is None:
            connection = Connection(server)
            connection.envelope(sender, recipient, size_bytes)
        yield connection
    except SendFailure:
        raise  # the connection was reset, or is marked as broken
    except BaseException:
        if connection is not None:
            connection.drop()  # the server waits for a message that will not come
        raise
    finally:
        if connection is not None:
            _release(connection)


def close_all() -> None:
    """Close all idle connections."""
    for connection in _take_idle(older_than=float("inf")):
        connection.close()


def _idle_connection(server: Server) -> Connection | None:
    while True:
        with _guard:
            waiting = _idle.get(server)
            if not waiting:
                return None
            _, connection = waiting.pop()
        if connection.is_alive():
            return connection
        connection.drop()


def _release(connection: Connection) -> None:
    if connection.broken or connection.messages >= MOST_MESSAGES:
        connection.close()
        return
    global _closer  # noqa: PLW0603  # one per process
    with _guard:
        _idle.setdefault(connection.server, []).append((time.monotonic(), connection))
        if _closer is None:
            _closer = threading.Thread(target=_close_idle, name="bourn-email-connections", daemon=True)
            _closer.start()


def _close_idle() -> None:
    """Close connections that are idle for too long; end when none is left."""
    global _closer  # noqa: PLW0603  # see above
    while True:
        time.sleep(LINGER_SECONDS / 4)
        for connection in _take_idle(older_than=time.monotonic() - LINGER_SECONDS):
            connection.close()
        with _guard:
            if not _idle:
                _closer = None
                return


def _take_idle(older_than: float) -> list[Connection]:
    with _guard:
        taken = []
        for server, waiting in list(_idle.items()):
            taken += [connection for since, connection in waiting if since <= older_than]
            left = [each for each in waiting if each[0] > older_than]
            if left:
                _idle[server] = left
            else:
                del _idle[server]
        return taken


def _reset_after_fork() -> None:
    """In a forked child: connections and thread belong to the parent."""
    global _guard, _closer
    _guard, _closer = threading.Lock(), None
    for waiting in _idle.values():
        for _, connection in waiting:
            connection.drop()
    _idle.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_after_fork)
atexit.register(close_all)
