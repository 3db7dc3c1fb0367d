"""GroupCommit that many threads share: whoever comes while another one commits waits, and then all go at once."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from contextlib import contextmanager
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import attrs
import sqlalchemy as sa

from bourn.ledger.batch import BatchedStatement, run_together
from bourn.ledger.database_errors import is_connection_lost, is_transient, translate_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from bourn.ledger.commit_marker import CommitMarker

__all__ = ["GroupCommit", "pause_before_retry"]

RETRY_SECONDS = 0.2

PATIENCE_SECONDS = 30.0
"""How long a server that was there is waited for: it restarts, or another one takes its place."""


def pause_before_retry(error: BaseException | None, began: float) -> bool:
    """Whether to try once more what `began` then, by the monotonic clock; after a pause, if so."""
    if error is None or not is_transient(error) or time.monotonic() >= began + PATIENCE_SECONDS:
        return False
    time.sleep(RETRY_SECONDS * (0.5 + random.random()))  # noqa: S311  # spreads load, guards nothing
    return True


def _held() -> threading.Lock:
    lock = threading.Lock()
    lock.acquire()
    return lock


@attrs.define(eq=False)
class _Write:
    """What one caller wants written, waiting for the commit that it shares with others."""

    work: Callable[[sa.Connection], Any] | None
    statements: Sequence[BatchedStatement] = ()
    answer: Any = None
    error: BaseException | None = None
    done: bool = False
    dropped: bool = False
    turn: threading.Lock = attrs.field(factory=_held)
    """Released once, when it is done or is the one to commit."""

    def run(self, connection: sa.Connection) -> None:
        """Do it alone."""
        if self.work is not None:
            self.answer = self.work(connection)
        for statement in self.statements:
            statement.run(connection)


class _Apart(Exception):  # no fault: a way out of a transaction
    """One of a group can't be done: to find out which, each is to have a savepoint of its own."""


class GroupCommit:
    """The writes of one process; one fsync serves many jobs.

    Parameters
    ----------
    url : sqlalchemy.URL
        For the words of errors.
    writing, entered : callable
        ``with writing() as connection`` is a transaction; within ``with entered()`` no fork happens.
    marker : CommitMarker or None
        Knows of a commit whose answer was lost; for a server.
    """

    def __init__(
        self,
        url: sa.URL,
        writing: Callable[[], AbstractContextManager[sa.Connection]],
        entered: Callable[[], AbstractContextManager[None]],
        marker: CommitMarker | None,
    ) -> None:
        self._url = url
        self._writing = writing
        self._entered = entered
        self._marker = marker
        self._guard = threading.Lock()
        self._waiting: deque[_Write] = deque()
        self._led = False
        self._committing = threading.Lock()
        self._asked: SimpleQueue[tuple[_Write, threading.Lock] | None] = SimpleQueue()
        self._helper: threading.Thread | None = None

    def write(self, work: Callable[[sa.Connection], Any] | None, statements: Sequence[BatchedStatement] = ()) -> Any:
        """Do `work` and `statements` in a transaction, and return once it is durable; gives what `work` gives."""
        mine = _Write(work, statements)
        if threading.current_thread() is threading.main_thread():
            self._ask(mine)
        else:
            self._take_turn(mine)
        if mine.error is not None:
            with translate_errors(self._url):
                raise mine.error
        return mine.answer

    def close(self, last: Callable[[], None]) -> None:
        """Do `last` when nothing is being committed any more."""
        self._asked.put(None)
        with self._committing:
            last()

    def _ask(self, mine: _Write) -> None:
        """Have another thread commit: Ctrl-C is raised in the main one, and not amid a commit that others share."""
        if self._helper is None or not self._helper.is_alive():
            self._helper = threading.Thread(target=self._help, name="bourn-ledger", daemon=True)
            self._helper.start()
        heard = _held()
        self._asked.put((mine, heard))
        try:
            heard.acquire()
        except BaseException:
            mine.dropped = True  # unless it is being written already
            raise

    def _help(self) -> None:
        while (asked := self._asked.get()) is not None:
            mine, heard = asked
            self._take_turn(mine)
            heard.release()

    def _take_turn(self, mine: _Write) -> None:
        """Wait for somebody to commit it with his own; or commit all that wait, and let the next one go on."""
        with self._guard:
            self._waiting.append(mine)
            led, self._led = self._led, True
        if led:
            mine.turn.acquire()
            if mine.done:
                return
        with self._entered(), self._committing:
            with self._guard:
                group = list(self._waiting)
                self._waiting.clear()
            self._commit([write for write in group if not write.dropped])
        with self._guard:
            successor = self._waiting[0] if self._waiting else None
            self._led = successor is not None
        if successor is not None:
            successor.turn.release()
        for write in group:
            write.done = True
            write.turn.release()

    def _commit(self, group: list[_Write]) -> None:
        try:
            with translate_errors(self._url):
                self._persist(group)
        except BaseException as error:  # noqa: BLE001  # every waiting thread must hear of it
            for write in group:
                write.error = write.error or error

    def _persist(self, group: list[_Write]) -> None:
        """Commit, once: again where the server was lost before, but not where only its answer was."""
        began = time.monotonic()
        in_doubt = False
        while group:
            try:
                if not (in_doubt and self._happened()):
                    in_doubt = False
                    self._transact(group)
            except sa.exc.SQLAlchemyError as error:
                in_doubt = in_doubt or is_connection_lost(error)
                if not self._may_pass(error, began):
                    raise
            else:
                # Those that had to give way to another process's transaction, each for itself.
                group = [write for write in group if write.error is not None and self._may_pass(write.error, began)]
                in_doubt = False

    def _happened(self) -> bool:
        return self._marker is not None and self._marker.happened()

    def _may_pass(self, error: BaseException, began: float) -> bool:
        return self._marker is not None and pause_before_retry(error, began)

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        if self._marker is not None:
            self._marker.number()
        with self._writing() as connection:
            if self._marker is not None:
                self._marker.sign(connection)
            yield connection

    def _transact(self, group: Sequence[_Write]) -> None:
        try:
            self._transact_at_once(group)
        except _Apart:
            self._transact_apart(group)

    def _transact_at_once(self, group: Sequence[_Write]) -> None:
        """Like statements in one call to the driver, and no savepoints: they would cost more than what they are for."""
        with self._transaction() as connection:
            try:
                if len(group) == 1:
                    group[0].run(connection)
                else:
                    for write in group:
                        if write.work is not None:
                            write.answer = write.work(connection)
                    run_together(connection, [write.statements for write in group])
            except Exception as error:
                if len(group) == 1 or connection.invalidated:
                    raise
                raise _Apart from error
        for write in group:
            write.error = None

    def _transact_apart(self, group: Sequence[_Write]) -> None:
        with self._transaction() as connection:
            for write in group:
                write.error = None
                try:
                    with connection.begin_nested():
                        write.run(connection)
                except Exception as error:
                    if connection.invalidated:
                        raise
                    write.error = error
