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
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
import sqlalchemy as sa
from sqlalchemy import event

from bourn.errors import LedgerError
from bourn.ledger.assured import Assured
from bourn.ledger.fault import is_lost, is_passing, no_such_database, shown, told
from bourn.ledger.tables import metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bourn.ledger.history import History

__all__ = ["Database", "alone", "upgrade"]

T = TypeVar("T")

_log = logging.getLogger("bourn.ledger")

HEAD = "0002"
"""The newest revision in ``migrations/versions``; a test holds it there."""

BUSY_SECONDS = 60
"""How long a writer waits for another process's transaction before it gives up."""

_ALONE = 0x626F75726E  # "bourn": the key of PostgreSQL's advisory lock


STILL_SECONDS = 5.0
"""How long a fork waits for transactions to end."""

PATIENCE_SECONDS = 30.0
"""How long a server that was there is waited for: it restarts, or another one takes its place."""

RETRY_SECONDS = 0.2

SERVER_GONE: dict[str, Any] = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
"""What libpq is told, where the URL says nothing: without it, a host that is gone without a word is waited for 15 minutes."""


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
        self._inherited: list[sa.Engine] = []
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
                engine = _sqlite(self.url) if self._is_a_file else _server(self.url)
            except (ImportError, sa.exc.ArgumentError) as error:
                no_such_database(error, self.url)
            try:
                _migrate(engine)
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
                self._engine.dispose()

    def go_on(self, *, child: bool) -> None:
        """After a fork."""
        if child:
            # Its threads, and what they hold, are the parent's. What may still be open is kept for good: closing
            # a connection in the wrong process breaks it, too.
            self._gate, self._guard, self._inside = threading.Condition(), threading.Lock(), 0
            if self._engine is not None:
                self._inherited.append(self._engine)
            self._engine = None
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
        engine = self.engine
        if self._assured is not None:
            self._assured.number()
        with engine.begin() as connection:
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
            with self._entered():
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
        for pragma in ("journal_mode=WAL", "foreign_keys=ON", "secure_delete=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        # FULL: with NORMAL a power cut takes back commits that were acknowledged. IMMEDIATE: a transaction
        # that reads first and writes then would otherwise fail at once when another one writes. Said to the
        # driver itself: through SQLAlchemy these three words cost more than the commit of a small job.
        options: Any = connection.get_execution_options()
        driver: Any = connection.connection.dbapi_connection
        if options.get("bourn_read"):
            driver.execute("BEGIN")
            return
        wanted = "FULL" if options.get("bourn_durable", True) else "NORMAL"
        if connection.info.get("bourn_synchronous") != wanted:
            driver.execute(f"PRAGMA synchronous={wanted}")
            connection.info["bourn_synchronous"] = wanted
        driver.execute("BEGIN IMMEDIATE")

    return engine


def _server(url: sa.URL) -> sa.Engine:
    if url.get_backend_name() != "postgresql":
        return sa.create_engine(url, pool_pre_ping=True)
    patient = {name: value for name, value in SERVER_GONE.items() if name not in url.query}
    engine = sa.create_engine(url, pool_pre_ping=True, connect_args=patient)

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        # A server that acknowledges what it may still lose is told not to, for this connection.
        with connection.cursor() as cursor:
            cursor.execute("select set_config('synchronous_commit', 'on', false)"
                           " where current_setting('synchronous_commit') = 'off'")
        connection.commit()

    @event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        options: Any = connection.get_execution_options()
        if not options.get("bourn_durable", True):
            connection.exec_driver_sql("SET LOCAL synchronous_commit = off")

    return engine


def alone(connection: sa.Connection) -> None:
    """Until the end of this transaction no other one that says so goes on; SQLite has one writer at a time anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ALONE)))


def _migrate(engine: sa.Engine) -> None:
    """Bring the tables up to date; Alembic is imported only when they are not."""
    version = sa.text("select version_num from bourn_core_version")
    with engine.connect() as connection:
        found = connection.scalar(version) if sa.inspect(connection).has_table("bourn_core_version") else None
    if found == HEAD:
        return
    if found is not None and found > HEAD:
        msg = f"the ledger at {shown(engine.url)}: its tables are of a later version of bourn ({found}, not {HEAD})"
        raise LedgerError(msg)
    with engine.begin() as connection:  # BEGIN IMMEDIATE keeps other SQLite processes out
        alone(connection)
        found = sa.inspect(connection)
        if found.has_table("bourn_core_version") or found.has_table("jobs"):
            upgrade(connection)
        else:
            _make(connection)


def _make(connection: sa.Connection) -> None:
    """All tables of a new database at once, as the history would leave them; a test compares the two.

    Alembic asks every installed distribution for its plugins when it is imported, so that one with broken
    metadata would keep everybody from their first start.
    """
    metadata.create_all(connection)
    version = sa.Table(
        "bourn_core_version",
        sa.MetaData(),
        sa.Column("version_num", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("version_num", name="bourn_core_version_pkc"),
    )
    version.create(connection)
    connection.execute(version.insert().values(version_num=HEAD))


def upgrade(connection: sa.Connection) -> None:
    """Bring the tables of an older version up to date, by their history."""
    from alembic import command, config  # 100 ms, once in the life of a version

    settings = config.Config()
    settings.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    settings.attributes["connection"] = connection
    command.upgrade(settings, "head")
