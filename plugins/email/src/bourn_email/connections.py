"""The connections of this process: kept for a moment after a message, so that many messages go over one."""

from __future__ import annotations

import atexit
import os
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bourn_email.connection import Connection
from bourn_email.outcome import NotNow, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bourn_email.server import Server

__all__ = ["addressed", "close_all"]

LINGER_SECONDS = 2.0
"""How long one that is not needed is kept."""

MOST_MESSAGES = 100
"""Over one connection: servers end it at some number, and say so in the middle of the next message."""

_guard = threading.Lock()
_idle: dict[Server, list[tuple[float, Connection]]] = {}
_keeper: threading.Thread | None = None


@contextmanager
def addressed(server: Server, sender: str, recipient: str, size_bytes: int) -> Iterator[Connection]:
    """A connection that waits for the message of this envelope: one that was used before, if it still works."""
    connection = _kept(server)
    if connection is not None:
        try:
            connection.envelope(sender, recipient, size_bytes)
        except NotNow as outcome:
            if not outcome.of_all:
                _give_back(connection)
                raise
            connection = None  # it had its time, which says nothing of the server
        except BaseException:
            _give_back(connection)
            raise
    try:
        if connection is None:
            connection = Connection(server)
            connection.envelope(sender, recipient, size_bytes)
        yield connection
    except Outcome:
        raise  # the connection is fit for the next message, or says that it is broken
    except BaseException:
        if connection is not None:
            connection.drop()  # it waits for a message that will not come
        raise
    finally:
        if connection is not None:
            _give_back(connection)


def close_all() -> None:
    """End those that nobody uses."""
    for connection in _taken_out(older_than=float("inf")):
        connection.close()


def _kept(server: Server) -> Connection | None:
    while True:
        with _guard:
            waiting = _idle.get(server)
            if not waiting:
                return None
            _, connection = waiting.pop()
        if connection.answers():
            return connection
        connection.drop()


def _give_back(connection: Connection) -> None:
    if connection.broken or connection.messages >= MOST_MESSAGES:
        connection.close()
        return
    global _keeper  # noqa: PLW0603  # one a process
    with _guard:
        _idle.setdefault(connection.server, []).append((time.monotonic(), connection))
        if _keeper is None:
            _keeper = threading.Thread(target=_keep, name="bourn-email-connections", daemon=True)
            _keeper.start()


def _keep() -> None:
    """Close what nobody has used for a while; ends when nothing is left."""
    global _keeper  # noqa: PLW0603  # see above
    while True:
        time.sleep(LINGER_SECONDS / 4)
        for connection in _taken_out(older_than=time.monotonic() - LINGER_SECONDS):
            connection.close()
        with _guard:
            if not _idle:
                _keeper = None
                return


def _taken_out(older_than: float) -> list[Connection]:
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


def _forget_parent() -> None:
    """In a forked child: those are its parent's, and so is the thread."""
    global _guard, _keeper
    _guard, _keeper = threading.Lock(), None
    for waiting in _idle.values():
        for _, connection in waiting:
            connection.drop()
    _idle.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_parent)
atexit.register(close_all)
