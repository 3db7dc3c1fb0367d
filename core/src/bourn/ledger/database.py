"""Connections to the ledger's database: made once a process, migrated when needed, writes committed in groups."""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import time
import weakref
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa

from bourn.errors import LedgerError
from bourn.ledger.commit_marker import CommitMarker
from bourn.ledger.connection import BUSY_SECONDS, connections
from bourn.ledger.database_errors import display_url, raise_unusable_url, translate_errors
from bourn.ledger.group_commit import GroupCommit, pause_before_retry
from bourn.ledger.schema import LEDGER_MIGRATIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bourn.ledger.batch import BatchedStatement
    from bourn.ledger.schema import Migrations

__all__ = ["Database"]

T = TypeVar("T")

_log = logging.getLogger("bourn.ledger")

STILL_SECONDS = 5.0
"""How long a fork waits for transactions to end."""


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
            raise_unusable_url(error)
        self._guard = threading.Lock()
        self._pid = 0
        self._engine: sa.Engine | None = None
        self._gate = threading.Condition()
        self._forking = False
        self._inside = 0
        self._held: sa.Connection | None = None
        self._inherited: list[tuple[sa.Engine, sa.Connection | None]] = []
        self._marker: CommitMarker | None = None
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
        self._brought: set[str] = set()
        with translate_errors(self.url):
            try:
                engine = connections(self.url)
            except (ImportError, sa.exc.ArgumentError) as error:
                raise_unusable_url(error, self.url)
            except OSError as error:
                msg = f"the ledger at {display_url(self.url)} can't be made: {error}"
                raise LedgerError(msg) from error
            try:
                LEDGER_MIGRATIONS.ensure_schema(engine)
                self._marker = None if self._is_a_file else CommitMarker(engine)
            except BaseException:
                engine.dispose()
                raise
        self._reading = engine.execution_options(bourn_read=True)
        if not self._is_a_file:
            self._reading = self._reading.execution_options(isolation_level="REPEATABLE READ")
        self._relaxed = engine.execution_options(bourn_durable=False)
        self._commits = GroupCommit(self.url, self._writing, self._entered, self._marker)
        self._pid, self._engine = os.getpid(), engine

    @property
    def _is_a_file(self) -> bool:
        return self.url.get_backend_name() == "sqlite"

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A connection for looking; it sees one state from its first statement on."""
        self.engine  # noqa: B018  # opens it
        with translate_errors(self.url), self._entered(), self._reading.connect() as connection:
            yield connection

    def look(self, work: Callable[[sa.Connection], T]) -> T:
        """What `work` finds; done again where the server goes away meanwhile and comes back."""
        self.engine  # noqa: B018  # opens it; one that was never there is not waited for
        began = time.monotonic()
        while True:
            try:
                with self.read() as connection:
                    return work(connection)
            except LedgerError as error:
                if self._is_a_file or not pause_before_retry(error.__cause__, began):
                    raise

    def write(self, work: Callable[[sa.Connection], T]) -> T:
        """Run `work` in a transaction and return once it is durable.

        Whoever comes while another thread commits waits, and then all that wait are committed at once. So `work` may
        be done more than once: where one of them can't be done, the others are done anew without it.
        """
        self.engine  # noqa: B018  # opens it
        answer: T = self._commits.write(work)
        return answer

    def take(self, *steps: BatchedStatement) -> None:
        """Take these steps in a transaction and return once it is durable; like steps of others go along with them.

        Raises
        ------
        RowNotFound
            One that must hit found no row; then none is taken.
        """
        self.engine  # noqa: B018  # opens it
        self._commits.write(None, steps)

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

    def before_fork(self) -> None:
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

    def after_fork(self, *, child: bool) -> None:
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

    def write_relaxed(self, work: Callable[[sa.Connection], T]) -> T:
        """Run `work` in a transaction that a power cut may lose: progress and heartbeats, never an end."""
        self.engine  # noqa: B018  # opens it
        with translate_errors(self.url), self._entered(), self._relaxed.begin() as connection:
            return work(connection)

    def ensure_schema(self, migrations: Migrations) -> None:
        """Have the tables of a plugin beside the ledger's, up to date; costs nothing the second time."""
        engine = self.engine
        if migrations.name not in self._brought:
            with translate_errors(self.url), self._entered():
                migrations.ensure_schema(engine)
            self._brought.add(migrations.name)

    def has_schema(self, migrations: Migrations) -> bool:
        """Whether the tables of a plugin are there, up to date; none are made."""
        self.engine  # noqa: B018  # opens it
        if migrations.name in self._brought:
            return True
        with self.read() as connection:
            return migrations.version(connection) == migrations.head

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
                self._commits.close(self._let_go)
                if self._marker is not None:
                    with suppress(sa.exc.SQLAlchemyError):  # a row too many harms nobody
                        self._marker.forget()
                self._engine.dispose()
            self._engine = None


_databases: weakref.WeakSet[Database] = weakref.WeakSet()


def _before_fork() -> None:
    for database in list(_databases):
        database.before_fork()


def _after_fork(*, child: bool) -> None:
    for database in list(_databases):
        database.after_fork(child=child)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=partial(_after_fork, child=False),
        after_in_child=partial(_after_fork, child=True),
    )
