"""How the ledger's database is spoken to: what each connection is told, so that a commit is durable and none hangs."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import event

from bourn.fsync import make_directory

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["BUSY_SECONDS", "connections"]

BUSY_SECONDS = 60
"""How long a writer waits for another process's transaction before it gives up."""

SERVER_GONE: dict[str, Any] = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
"""What libpq is told, where the URL says nothing: else a host that is gone without a word is waited for 15 minutes."""


def connections(url: sa.URL) -> sa.Engine:
    """Connections to that database; `bourn_read` and `bourn_durable` are options of an execution."""
    return _sqlite(url) if url.get_backend_name() == "sqlite" else _server(url)


@contextmanager
def _wrapped(engine: sa.Engine) -> Iterator[None]:
    """What a driver raises where it is spoken to directly, as SQLAlchemy's own."""
    drivers: Any = engine.dialect.loaded_dbapi
    try:
        yield
    except drivers.Error as error:
        raise sa.exc.OperationalError(None, None, error) from error


def _sqlite(url: sa.URL) -> sa.Engine:
    if url.database:
        path = Path(url.database).absolute()
        make_directory(path.parent)
        # Signing keys are in it. Made before SQLite does, with nobody else's permission.
        path.touch(mode=0o600, exist_ok=True)
    engine = sa.create_engine(url, connect_args={"timeout": BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions are begun below, by hand
        with _wrapped(engine):
            for pragma in ("journal_mode=WAL", "foreign_keys=ON", "secure_delete=ON"):
                connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        # FULL: with NORMAL a power cut takes back commits that were acknowledged. IMMEDIATE: a transaction
        # that reads first and writes then would otherwise fail at once when another one writes. Said to the
        # driver itself: through SQLAlchemy these three words cost more than the commit of a small job.
        options: Any = connection.get_execution_options()
        driver: Any = connection.connection.dbapi_connection
        with _wrapped(engine):
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

    @event.listens_for(engine, "do_connect")
    def connect(dialect: Any, _record: Any, given: Any, named: Any) -> Any:
        # psycopg's own waiting for an answer takes a file, and does not say in its own words that there is none.
        try:
            return dialect.connect(*given, **named)
        except OSError as error:
            raise dialect.loaded_dbapi.OperationalError(str(error)) from error

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        # A server that acknowledges what it may still lose is told not to, for this connection.
        with _wrapped(engine), connection.cursor() as cursor:
            cursor.execute(
                "select set_config('synchronous_commit', 'on', false)"
                " where current_setting('synchronous_commit') = 'off'"
            )
            connection.commit()

    @event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        options: Any = connection.get_execution_options()
        if not options.get("bourn_durable", True):
            connection.exec_driver_sql("SET LOCAL synchronous_commit = off")

    return engine
