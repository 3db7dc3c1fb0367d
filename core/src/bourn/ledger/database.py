"""Connections to the ledger's database: made once a process, migrated when needed, writes committed in groups."""

from __future__ import annotations

import os
import threading
from collections import deque
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
import sqlalchemy as sa
from sqlalchemy import event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Database"]

T = TypeVar("T")

HEAD = "0001"
"""The newest revision in ``migrations/versions``; a test holds it there."""

BUSY_SECONDS = 60
"""How long a writer waits for another process's transaction before it gives up."""

_MIGRATION_LOCK = 0x626F75726E  # "bourn": the key of PostgreSQL's advisory lock


@attrs.define
class _Write:
    """One caller's work, waiting for the commit that it shares with others."""

    work: Callable[[sa.Connection], Any]
    answer: Any = None
    error: BaseException | None = None
    done: bool = False


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
        self.url = sa.make_url(url)
        self._guard = threading.Lock()
        self._pid = 0
        self._engine: sa.Engine | None = None

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
        engine = _sqlite(self.url) if self.url.get_backend_name() == "sqlite" else _server(self.url)
        _migrate(engine)
        self._reading = engine.execution_options(bourn_read=True)
        self._relaxed = engine.execution_options(bourn_durable=False)
        self._pid, self._engine = os.getpid(), engine

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A connection for looking; it sees one state from its first statement on."""
        self.engine  # noqa: B018  # opens it
        with self._reading.connect() as connection:
            yield connection

    def write(self, work: Callable[[sa.Connection], T]) -> T:
        """Run `work` in a transaction and return once it is durable.

        Whoever comes while another thread commits waits, and then all that wait are committed at once: the
        first of them does the work of all, each in a savepoint of its own. One fsync serves many jobs.
        """
        engine = self.engine
        mine = _Write(work)
        self._queue.append(mine)
        with self._turn:
            if not mine.done:
                group = [self._queue.popleft() for _ in range(len(self._queue))]
                self._commit(engine, group)
        if mine.error is not None:
            raise mine.error
        answer: T = mine.answer
        return answer

    @staticmethod
    def _commit(engine: sa.Engine, group: list[_Write]) -> None:
        try:
            with engine.begin() as connection:
                for write in group:
                    try:
                        if len(group) == 1:
                            write.answer = write.work(connection)
                        else:
                            with connection.begin_nested():
                                write.answer = write.work(connection)
                    except Exception as error:
                        write.error = error
                        if len(group) == 1:
                            raise
        except BaseException as error:  # noqa: BLE001  # every waiting thread must hear of it
            for write in group:
                write.error = write.error or error
        finally:
            for write in group:
                write.done = True

    def write_soon(self, work: Callable[[sa.Connection], T]) -> T:
        """Run `work` in a transaction that a power cut may lose: progress and heartbeats, never an end."""
        self.engine  # noqa: B018  # opens it
        with self._relaxed.begin() as connection:
            return work(connection)

    def close(self) -> None:
        """Give the connections back."""
        with self._guard:
            if self._engine is not None and self._pid == os.getpid():
                self._engine.dispose()
            self._engine = None


def _sqlite(url: sa.URL) -> sa.Engine:
    if url.database:
        path = Path(url.database)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Signing keys are in it. Made before SQLite does, with nobody else's permission.
        path.touch(mode=0o600, exist_ok=True)
    engine = sa.create_engine(url, connect_args={"timeout": BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions are begun below, by hand
        for pragma in ("journal_mode=WAL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        # FULL: with NORMAL a power cut takes back commits that were acknowledged. IMMEDIATE: a transaction
        # that reads first and writes then would otherwise fail at once when another one writes.
        options = connection.get_execution_options()
        if options.get("bourn_read"):
            connection.exec_driver_sql("BEGIN")
            return
        connection.exec_driver_sql(f"PRAGMA synchronous={'FULL' if options.get('bourn_durable', True) else 'NORMAL'}")
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _server(url: sa.URL) -> sa.Engine:
    engine = sa.create_engine(url, pool_pre_ping=True)
    if url.get_backend_name() == "postgresql":

        @event.listens_for(engine, "begin")
        def begin(connection: sa.Connection) -> None:
            if not connection.get_execution_options().get("bourn_durable", True):
                connection.exec_driver_sql("SET LOCAL synchronous_commit = off")

    return engine


def _migrate(engine: sa.Engine) -> None:
    """Bring the tables up to date; Alembic is imported only when they are not."""
    version = sa.text("select version_num from bourn_core_version")
    with engine.connect() as connection:
        if sa.inspect(connection).has_table("bourn_core_version") and connection.scalar(version) == HEAD:
            return
    from alembic import command, config  # 100 ms, once in the life of a database

    settings = config.Config()
    settings.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.begin() as connection:  # BEGIN IMMEDIATE keeps other SQLite processes out
        if engine.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
        settings.attributes["connection"] = connection
        command.upgrade(settings, "head")
