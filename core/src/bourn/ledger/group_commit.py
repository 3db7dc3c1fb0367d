"""Group commit: writes that arrive while another one commits are committed together, with one fsync."""

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

from bourn.ledger.batch import BatchedStatement, run_batched
from bourn.ledger.database_errors import is_connection_lost, is_transient, translate_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from bourn.ledger.commit_marker import CommitMarker

__all__ = ["GroupCommit", "pause_before_retry"]

RETRY_SECONDS = 0.2

PATIENCE_SECONDS = 30.0
"""How long a server that worked before is waited for: it restarts, or another one takes its place."""


def pause_before_retry(error: BaseException | None, began: float) -> bool:
    """Pause and return True where an operation that began at `began` (monotonic) is to be tried again."""
    if error is None or not is_transient(error) or time.monotonic() >= began + PATIENCE_SECONDS:
        return False
    time.sleep(RETRY_SECONDS * (0.5 + random.random()))  # noqa: S311  # spreads load, guards nothing
    return True


def _locked() -> threading.Lock:
    lock = threading.Lock()
    lock.acquire()
    return lock


@attrs.define(eq=False)
class _Write:
    """One caller's write, waiting for the commit that it shares with others."""

    work: Callable[[sa.Connection], Any] | None
    statements: Sequence[BatchedStatement] = ()
    answer: Any = None
    error: BaseException | None = None
    done: bool = False
    abandoned: bool = False
    turn: threading.Lock = attrs.field(factory=_locked)
    """Released once, when the write is done or when its thread is the next to commit."""

    def run(self, connection: sa.Connection) -> None:
        """Run it by itself."""
        if self.work is not None:
            self.answer = self.work(connection)
        for statement in self.statements:
            statement.run(connection)


class _RunOneByOne(Exception):  # leaves a transaction; no error
    """A write of the group fails: each gets a savepoint of its own."""


class GroupCommit:
    """The writes of one process; one fsync serves many jobs.

    Parameters
    ----------
    url : sqlalchemy.URL
        For messages.
    writing, entered : callable
        ``with writing() as connection`` is a transaction; within ``with entered()`` no fork happens.
    marker : CommitMarker or None
        Shows whether a commit whose answer was lost took place; for a server.
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
        self._has_leader = False
        self._committing = threading.Lock()
        self._requests: SimpleQueue[tuple[_Write, threading.Lock] | None] = SimpleQueue()
        self._helper: threading.Thread | None = None

    def write(self, work: Callable[[sa.Connection], Any] | None, statements: Sequence[BatchedStatement] = ()) -> Any:
        """Run `work` and `statements` in a transaction; return what `work` returns once that is durable."""
        write = _Write(work, statements)
        if threading.current_thread() is threading.main_thread():
            self._delegate(write)
        else:
            self._take_turn(write)
        if write.error is not None:
            with translate_errors(self._url):
                raise write.error
        return write.answer

    def close(self, release: Callable[[], None]) -> None:
        """Call `release` once no commit is under way."""
        self._requests.put(None)
        with self._committing:
            release()

    def _delegate(self, write: _Write) -> None:
        """Let another thread commit: Ctrl-C is raised in the main one, and must not interrupt what others share."""
        if self._helper is None or not self._helper.is_alive():
            self._helper = threading.Thread(target=self._serve_requests, name="bourn-ledger", daemon=True)
            self._helper.start()
        finished = _locked()
        self._requests.put((write, finished))
        try:
            finished.acquire()
        except BaseException:
            write.abandoned = True  # too late where it is being written
            raise

    def _serve_requests(self) -> None:
        while (request := self._requests.get()) is not None:
            write, finished = request
            self._take_turn(write)
            finished.release()

    def _take_turn(self, write: _Write) -> None:
        """Wait until another thread has committed it; or lead: commit all that wait and wake the next leader."""
        with self._guard:
            self._waiting.append(write)
            follows, self._has_leader = self._has_leader, True
        if follows:
            write.turn.acquire()
            if write.done:
                return
        with self._entered(), self._committing:
            with self._guard:
                group = list(self._waiting)
                self._waiting.clear()
            self._commit([each for each in group if not each.abandoned])
        with self._guard:
            successor = self._waiting[0] if self._waiting else None
            self._has_leader = successor is not None
        if successor is not None:
            successor.turn.release()
        for each in group:
            each.done = True
            each.turn.release()

    def _commit(self, group: list[_Write]) -> None:
        try:
            with translate_errors(self._url):
                self._commit_with_retries(group)
        except BaseException as error:  # noqa: BLE001  # raised in every waiting thread
            for write in group:
                write.error = write.error or error

    def _commit_with_retries(self, group: list[_Write]) -> None:
        """Commit exactly once: again after a lost connection, unless only the answer was lost."""
        began = time.monotonic()
        in_doubt = False
        while group:
            try:
                if not (in_doubt and self._last_commit_took_place()):
                    in_doubt = False
                    self._transact(group)
            except sa.exc.SQLAlchemyError as error:
                in_doubt = in_doubt or is_connection_lost(error)
                if not self._may_retry(error, began):
                    raise
            else:
                # Those that lost against another process's transaction are tried again, the others are done.
                group = [write for write in group if write.error is not None and self._may_retry(write.error, began)]
                in_doubt = False

    def _last_commit_took_place(self) -> bool:
        return self._marker is not None and self._marker.is_committed()

    def _may_retry(self, error: BaseException, began: float) -> bool:
        return self._marker is not None and pause_before_retry(error, began)

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        if self._marker is not None:
            self._marker.next_transaction()
        with self._writing() as connection:
            if self._marker is not None:
                self._marker.mark(connection)
            yield connection

    def _transact(self, group: Sequence[_Write]) -> None:
        try:
            self._run_batched(group)
        except _RunOneByOne:
            self._run_one_by_one(group)

    def _run_batched(self, group: Sequence[_Write]) -> None:
        """Run equal statements in one call to the driver, without savepoints, which would cost more than they save."""
        with self._transaction() as connection:
            try:
                if len(group) == 1:
                    group[0].run(connection)
                else:
                    for write in group:
                        if write.work is not None:
                            write.answer = write.work(connection)
                    run_batched(connection, [write.statements for write in group])
            except Exception as error:
                if len(group) == 1 or connection.invalidated:
                    raise
                raise _RunOneByOne from error
        for write in group:
            write.error = None

    def _run_one_by_one(self, group: Sequence[_Write]) -> None:
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
