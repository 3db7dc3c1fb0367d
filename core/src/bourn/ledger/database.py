"""Connections to the ledger's database: made once a process, migrated when needed, writes committed in groups."""

from __future__ import annotations

import logging
import os
import random
import sqlite3
import threading
import time
import weakref
from collections import deque
from contextlib import contextmanager, suppress
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
import sqlalchemy as sa

from bourn.errors import LedgerError
from bourn.ledger.assured import Assured
from bourn.ledger.connect import BUSY_SECONDS, connections
from bourn.ledger.fault import is_lost, is_passing, no_such_database, shown, told
from bourn.ledger.own import OWN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bourn.ledger.history import History

__all__ = ["Database"]

T = TypeVar("T")

_log = logging.getLogger("bourn.ledger")

STILL_SECONDS = 5.0
"""How long a fork waits for transactions to end."""

PATIENCE_SECONDS = 30.0
"""How long a server that was there is waited for: it restarts, or another one takes its place."""

RETRY_SECONDS = 0.2


@attrs.define(eq=False)
class _Write:
    """One caller's work, waiting for the commit that it shares with others."""

    work: Callable[[sa.Connection], Any]
    answer: Any = None
    error: BaseException | None = None
    done: bool = False
    heard: threading.Event | None = None


class Database:
    """The ledger's database: SQLite in a file, or whatever else the URL says.

    Connections are keyed by process: a forked child that inherits a SQLite connection could commit its
    parent's transaction.

    Parameters
    ----------
    url : str
        As SQLAlchemy has it, such as ``sqlite:////path/ledger.db`` or ``postgresql+psycopg://...``.
    """

    def __init__(self, url: str) -> None:
        try:
            self.url = sa.make_url(url)
        except sa.exc.ArgumentError as error:
            no_such_database(error)
        self._guard = threading.Lock()
        self._pid = 0
        self._engine: sa.Engine | None = None
        self._gate = threading.Condition()
        self._forking = False
        self._inside = 0
        self._held: sa.Connection | None = None
        self._inherited: list[tuple[sa.Engine, sa.Connection | None]] = []
        self._assured: Assured | None = None
        _databases.add(self)

    @property
    def engine(self) -> sa.Engine:
        """This process's engine, over tables that are up to date."""
        if self._engine is None or self._pid != os.getpid():
            with self._guard:
                if self._engine is None or self._pid != os.getpid():
                    self._open()
        assert self._engine is not None  # for the type checker
        return self._engine

    def _open(self) -> None:
        # Nothing of a parent's state is used in a forked child: not its connections, its locks or its queue.
        self._turn = threading.Lock()
        self._queue: deque[_Write] = deque()
        self._asked: SimpleQueue[_Write | None] = SimpleQueue()
        self._leader: threading.Thread | None = None
        self._brought: set[str] = set()
        with told(self.url):
            try:
                engine = connections(self.url)
            except (ImportError, sa.exc.ArgumentError) as error:
                no_such_database(error, self.url)
            except OSError as error:
                msg = f"the ledger at {shown(self.url)} can't be made: {error}"
                raise LedgerError(msg) from error
            try:
                OWN.bring(engine)
                self._assured = None if self._is_a_file else Assured(engine)
            except BaseException:
                engine.dispose()
                raise
        self._reading = engine.execution_options(bourn_read=True)
        if not self._is_a_file:
            self._reading = self._reading.execution_options(isolation_level="REPEATABLE READ")
        self._relaxed = engine.execution_options(bourn_durable=False)
        self._pid, self._engine = os.getpid(), engine

    @property
    def _is_a_file(self) -> bool:
        return self.url.get_backend_name() == "sqlite"

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A connection for looking; it sees one state from its first statement on."""
        self.engine  # noqa: B018  # opens it
        with told(self.url), self._entered(), self._reading.connect() as connection:
            yield connection

    def look(self, work: Callable[[sa.Connection], T]) -> T:
        """What `work` finds; done again where the server goes away meanwhile and comes back."""
        self.engine  # noqa: B018  # opens it; one that was never there is not waited for
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                with self.read() as connection:
                    return work(connection)
            except LedgerError as error:
                if not self._may_pass(error.__cause__, end):
                    raise

    def write(self, work: Callable[[sa.Connection], T]) -> T:
        """Run `work` in a transaction and return once it is durable.

        Whoever comes while another thread commits waits, and then all that wait are committed at once: the
        first of them does the work of all, each in a savepoint of its own. One fsync serves many jobs.
        """
        self.engine  # noqa: B018  # opens it
        mine = _Write(work)
        self._queue.append(mine)
        if threading.current_thread() is threading.main_thread():
            self._ask(mine)
        else:
            self._take_turn(mine)
        if mine.error is not None:
            with told(self.url):
                raise mine.error
        answer: T = mine.answer
        return answer

    def _take_turn(self, mine: _Write) -> None:
        with self._entered(), self._turn:
            if not mine.done:
                waiting = [self._queue.popleft() for _ in range(len(self._queue))]
                self._commit([write for write in waiting if not write.done])

    def _ask(self, mine: _Write) -> None:
        """Have another thread commit: Ctrl-C is raised in the main one, and not amid a commit that others share."""
        mine.heard = threading.Event()
        if self._leader is None or not self._leader.is_alive():
            self._leader = threading.Thread(target=self._lead, args=(self._asked,), name="bourn-ledger", daemon=True)
            self._leader.start()
        self._asked.put(mine)
        try:
            mine.heard.wait()
        except BaseException:
            mine.done = True  # unless it is being written already
            raise

    def _lead(self, asked: SimpleQueue[_Write | None]) -> None:
        while (mine := asked.get()) is not None:
            self._take_turn(mine)
            if mine.heard is not None:
                mine.heard.set()

    @contextmanager
    def _entered(self) -> Iterator[None]:
        """Within this no fork happens."""
        with self._gate:
            while self._forking:
                self._gate.wait()
            self._inside += 1
        try:
            yield
        finally:
            with self._gate:
                self._inside -= 1
                self._gate.notify_all()

    def stand_still(self) -> None:
        """Before a fork: let no transaction run and no connection be open.

        SQLite keeps its locks by process and in memory: a child that opens a file that its parent has open
        takes those for its own, and the parent, closing, deletes the log that the child writes.
        """
        with self._gate:
            self._forking = True
            self._gate.wait_for(lambda: not self._inside, STILL_SECONDS)
            if self._engine is not None and self._pid == os.getpid():
                self._let_go()
                self._engine.dispose()

    def go_on(self, *, child: bool) -> None:
        """After a fork."""
        if child:
            # Its threads, and what they hold, are the parent's. What may still be open is kept for good: closing
            # a connection in the wrong process breaks it, too.
            self._gate, self._guard, self._inside = threading.Condition(), threading.Lock(), 0
            if self._engine is not None:
                self._inherited.append((self._engine, self._held))
            self._engine = self._held = None
        with self._gate:
            self._forking = False
            self._gate.notify_all()

    def _commit(self, group: list[_Write]) -> None:
        try:
            with told(self.url):
                self._persist(group)
        except BaseException as error:  # noqa: BLE001  # every waiting thread must hear of it
            for write in group:
                write.error = write.error or error
        finally:
            for write in group:
                write.done = True

    def _persist(self, group: list[_Write]) -> None:
        """Commit, once: again where the server was lost before, but not where only its answer was."""
        end = time.monotonic() + PATIENCE_SECONDS
        in_doubt = False
        while group:
            try:
                if not (in_doubt and self._happened()):
                    in_doubt = False
                    self._transact(group)
            except sa.exc.SQLAlchemyError as error:
                in_doubt = in_doubt or is_lost(error)
                if not self._may_pass(error, end):
                    raise
            else:
                # Those that had to give way to another process's transaction, each for itself.
                group = [write for write in group if write.error is not None and self._may_pass(write.error, end)]
                in_doubt = False

    def _happened(self) -> bool:
        return self._assured is not None and self._assured.happened()

    def _transact(self, group: list[_Write]) -> None:
        if self._assured is not None:
            self._assured.number()
        with self._writing() as connection:
            if self._assured is not None:
                self._assured.sign(connection)
            for write in group:
                write.error = None
                try:
                    if len(group) == 1:
                        write.answer = write.work(connection)
                    else:
                        with connection.begin_nested():
                            write.answer = write.work(connection)
                except Exception as error:
                    if len(group) == 1 or connection.invalidated:
                        raise
                    write.error = error

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        """A transaction on the one connection that all commits share.

        Taking one out of the pool each time costs more than a small transaction; and where several write in turn,
        SQLite reads the pages that another one has changed anew, each time.
        """
        connection, self._held = self._held or self.engine.connect(), None
        try:
            with connection.begin():
                yield connection
        except BaseException:
            connection.close()
            raise
        self._held = connection

    def _let_go(self) -> None:
        connection, self._held = self._held, None
        if connection is not None:
            with suppress(sa.exc.SQLAlchemyError):  # it is of no use any more in any case
                connection.close()

    def _may_pass(self, error: BaseException | None, end: float) -> bool:
        """Whether to try once more; after a pause, if so."""
        if self._is_a_file or error is None or not is_passing(error) or time.monotonic() >= end:
            return False
        time.sleep(RETRY_SECONDS * (0.5 + random.random()))  # noqa: S311  # spreads load, guards nothing
        return True

    def write_soon(self, work: Callable[[sa.Connection], T]) -> T:
        """Run `work` in a transaction that a power cut may lose: progress and heartbeats, never an end."""
        self.engine  # noqa: B018  # opens it
        with told(self.url), self._entered(), self._relaxed.begin() as connection:
            return work(connection)

    def bring(self, history: History) -> None:
        """Have the tables of a plugin beside the ledger's, up to date; costs nothing the second time."""
        engine = self.engine
        if history.name not in self._brought:
            with told(self.url), self._entered():
                history.bring(engine)
            self._brought.add(history.name)

    def has(self, history: History) -> bool:
        """Whether the tables of a plugin are there, up to date; none are made."""
        self.engine  # noqa: B018  # opens it
        if history.name in self._brought:
            return True
        with self.read() as connection:
            return history.version(connection) == history.head

    def scrub(self) -> None:
        """Let go of what was overwritten, secrets among it: SQLite's log keeps it until the log is emptied."""
        if not self._is_a_file:
            return
        try:
            with self._entered(), self.engine.connect() as connection:
                driver: Any = connection.connection.dbapi_connection
                driver.execute("PRAGMA busy_timeout=100")  # somebody reads: the next one empties it
                try:
                    driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                finally:
                    driver.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")
        except (sa.exc.SQLAlchemyError, sqlite3.Error):
            _log.warning("the log of %s could not be emptied", self.url.database, exc_info=True)

    def close(self) -> None:
        """Give the connections back."""
        with self._guard:
            if self._engine is not None and self._pid == os.getpid():
                self._asked.put(None)
                with self._turn:
                    self._let_go()
                if self._assured is not None:
                    with suppress(sa.exc.SQLAlchemyError):  # a row too many harms nobody
                        self._assured.forget()
                self._engine.dispose()
            self._engine = None


_databases: weakref.WeakSet[Database] = weakref.WeakSet()


def _before_fork() -> None:
    for database in list(_databases):
        database.stand_still()


def _after_fork(*, child: bool) -> None:
    for database in list(_databases):
        database.go_on(child=child)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=partial(_after_fork, child=False),
        after_in_child=partial(_after_fork, child=True),
    )
