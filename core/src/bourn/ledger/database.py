"""Connections to the ledger's database: one engine a process, schema migrated on first use, writes in groups."""

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
from sqlalchemy import event

from bourn.errors import LedgerError
from bourn.ledger.commit_marker import CommitMarker
from bourn.ledger.connection import BUSY_SECONDS, create_engine
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

FORK_WAIT_SECONDS = 5.0
"""How long a fork waits for transactions to end."""


class Database:
    """The ledger's database: SQLite in a file, or PostgreSQL.

    Connections belong to a process: a forked child that uses a SQLite connection of its parent may commit the
    parent's transaction.

    Parameters
    ----------
    url : str
        A URL of SQLAlchemy, such as ``sqlite:////path/ledger.db`` or ``postgresql+psycopg://...``.
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
        self._transactions = 0
        self._writer: sa.Connection | None = None
        self._inherited: list[tuple[sa.Engine, sa.Connection | None]] = []
        self._marker: CommitMarker | None = None
        _databases.add(self)

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file of this machine."""
        return self.url.get_backend_name() == "sqlite"

    @property
    def engine(self) -> sa.Engine:
        """This process's engine; the ledger's tables are up to date."""
        if self._engine is None or self._pid != os.getpid():
            with self._guard:
                if self._engine is None or self._pid != os.getpid():
                    self._open()
        assert self._engine is not None  # for the type checker
        return self._engine

    def _open(self) -> None:
        # A forked child uses nothing of its parent's state: connections, locks, queue.
        self._checked_schemas: set[str] = set()
        with translate_errors(self.url):
            try:
                engine = create_engine(self.url)
            except (ImportError, sa.exc.ArgumentError) as error:
                raise_unusable_url(error, self.url)
            except OSError as error:
                msg = f"the ledger at {display_url(self.url)} can't be created: {error}"
                raise LedgerError(msg) from error
            try:
                LEDGER_MIGRATIONS.ensure_schema(engine)
                self._marker = None if self.is_sqlite else CommitMarker(engine)
            except BaseException:
                engine.dispose()
                raise
        self._reading = engine.execution_options(bourn_read=True)
        if not self.is_sqlite:
            self._reading = self._reading.execution_options(isolation_level="REPEATABLE READ")
        self._relaxed = engine.execution_options(bourn_durable=False)
        self._commits = GroupCommit(self.url, self._write_transaction, self._entered, self._marker)
        self._pid, self._engine = os.getpid(), engine

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Yield a connection for reading; it sees one state from its first statement on."""
        self.engine  # noqa: B018  # opens it
        with translate_errors(self.url), self._entered(), self._retried(self._connect) as connection:
            yield connection

    def _connect(self) -> sa.Connection:
        with translate_errors(self.url):
            return self._reading.connect()

    def query(self, work: Callable[[sa.Connection], T]) -> T:
        """Return what `work` reads; it runs again where the server goes away meanwhile and comes back."""

        def read() -> T:
            with self.read() as connection:
                return work(connection)

        return self._retried(read)

    def _retried(self, operation: Callable[[], T]) -> T:
        """Return `operation()`, done again while a server that worked before is away; not one that never was there."""
        self.engine  # noqa: B018  # opens it
        began = time.monotonic()
        while True:
            try:
                return operation()
            except LedgerError as error:
                if self.is_sqlite or not pause_before_retry(error.__cause__, began):
                    raise

    def write(self, work: Callable[[sa.Connection], T]) -> T:
        """Run `work` in a transaction; return what it returns once that is durable.

        Writes that arrive while another thread commits are committed together. So `work` may run more than once:
        where one of a group fails, the others run again without it.
        """
        self.engine  # noqa: B018  # opens it
        answer: T = self._commits.write(work)
        return answer

    def execute(self, *statements: BatchedStatement) -> None:
        """Execute statements in one durable transaction; equal ones of other threads go to the driver with them.

        Raises
        ------
        RowNotFound
            A required row does not exist; then none of these statements took effect.
        """
        self.engine  # noqa: B018  # opens it
        self._commits.write(None, statements)

    def write_relaxed(self, work: Callable[[sa.Connection], T]) -> T:
        """Run `work` in a transaction that a power cut may lose: progress and heartbeats, never the end of a job.

        It may run more than once.
        """

        def write() -> T:
            with translate_errors(self.url), self._entered(), self._relaxed.begin() as connection:
                return work(connection)

        return self._retried(write)

    def ensure_schema(self, migrations: Migrations) -> None:
        """Create or migrate the tables of a plugin; costs nothing the second time."""
        engine = self.engine
        if migrations.name not in self._checked_schemas:
            with translate_errors(self.url), self._entered():
                migrations.ensure_schema(engine)
            self._checked_schemas.add(migrations.name)

    def has_schema(self, migrations: Migrations) -> bool:
        """Return whether the tables of a plugin exist and are up to date; creates none."""
        self.engine  # noqa: B018  # opens it
        if migrations.name in self._checked_schemas:
            return True
        return self.query(lambda connection: migrations.version(connection) == migrations.head)

    def truncate_log(self) -> None:
        """Erase overwritten values, secrets among them: SQLite's log keeps them until it is truncated."""
        if not self.is_sqlite:
            return
        try:
            with self._entered(), self.engine.connect() as connection:
                driver: Any = connection.connection.dbapi_connection
                driver.execute("PRAGMA busy_timeout=100")  # where somebody reads, the next call truncates it
                try:
                    driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                finally:
                    driver.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")
        except (sa.exc.SQLAlchemyError, sqlite3.Error):
            _log.warning("the log of %s could not be truncated", self.url.database, exc_info=True)

    def close(self) -> None:
        """Close the connections; the next call opens them again."""
        with self._guard:
            if self._engine is not None and self._pid == os.getpid():
                self._commits.close(self._release_writer)
                if self._marker is not None:
                    with suppress(sa.exc.SQLAlchemyError):  # a row too many does no harm
                        self._marker.remove()
                # A connection that another thread has at this moment is closed when it gives it back.
                event.listen(self._engine.pool, "checkin", _close_connection)
                self._engine.dispose()
            self._engine = None

    @contextmanager
    def _entered(self) -> Iterator[None]:
        """Keep the process from being forked."""
        with self._gate:
            while self._forking:
                self._gate.wait()
            self._transactions += 1
        try:
            yield
        finally:
            with self._gate:
                self._transactions -= 1
                self._gate.notify_all()

    @contextmanager
    def _write_transaction(self) -> Iterator[sa.Connection]:
        """Yield a transaction on the one connection that all commits use.

        Taking one from the pool each time costs more than a small transaction; and SQLite reads pages again that
        another connection has changed.
        """
        connection, self._writer = self._writer or self.engine.connect(), None
        try:
            with connection.begin():
                yield connection
        except BaseException:
            connection.close()
            raise
        self._writer = connection

    def _release_writer(self) -> None:
        connection, self._writer = self._writer, None
        if connection is not None:
            with suppress(sa.exc.SQLAlchemyError):  # it is of no use any more in any case
                connection.close()

    def before_fork(self) -> None:
        """Wait until no transaction is under way, then close all connections.

        SQLite keeps its locks by process and in memory: a child that opens a file that its parent has open takes the
        parent's locks for its own, and the parent, closing, deletes the log that the child writes.
        """
        with self._gate:
            self._forking = True
            self._gate.wait_for(lambda: not self._transactions, FORK_WAIT_SECONDS)
            if self._engine is not None and self._pid == os.getpid():
                self._release_writer()
                self._engine.dispose()

    def after_fork(self, *, child: bool) -> None:
        """Go on in the parent; start anew in the child."""
        if child:
            # Threads, and the locks that they hold, are the parent's. What may still be open is never closed: closing
            # a connection in the wrong process breaks it.
            self._gate, self._guard, self._transactions = threading.Condition(), threading.Lock(), 0
            if self._engine is not None:
                self._inherited.append((self._engine, self._writer))
            self._engine = self._writer = None
        with self._gate:
            self._forking = False
            self._gate.notify_all()


def _close_connection(_connection: Any, record: Any) -> None:
    record.close()


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
