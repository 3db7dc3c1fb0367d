"""Engines for the ledger's database: every commit is durable, and no connection waits without end."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import event

from bourn.folders import make_directory
from bourn.ledger.database_errors import is_connection_lost
from bourn.ledger.json_values import check_json

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["BUSY_SECONDS", "create_engine"]

BUSY_SECONDS = 60
"""How long a writer waits for another process's transaction before it gives up."""

LIBPQ_DEFAULTS: dict[str, Any] = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
"""Parameters of libpq where the URL does not set them: by default it waits 15 minutes for a host that is gone."""

PREPARE_THRESHOLD = "prepare_threshold"
"""Prepared statements are off unless the URL sets this: in transaction mode a pooler such as pgbouncer runs the next
transaction on another connection of the server, which does not know them."""


def create_engine(url: sa.URL) -> sa.Engine:
    """Return an engine for the database; `bourn_read` and `bourn_durable` are execution options of it."""
    return _sqlite(url) if url.get_backend_name() == "sqlite" else _server(url)


def _to_json(value: Any) -> str:
    """Serialize a value that every database takes."""
    check_json(value, "a value of the ledger")
    return json.dumps(value, allow_nan=False)


@contextmanager
def _wrap_errors(engine: sa.Engine) -> Iterator[None]:
    """Raise the driver's errors as SQLAlchemy's, where the driver is called directly."""
    drivers: Any = engine.dialect.loaded_dbapi
    try:
        yield
    except drivers.Error as error:
        raise sa.exc.OperationalError(None, None, error) from error


def _sqlite(url: sa.URL) -> sa.Engine:
    path = Path(url.database).absolute() if url.database and url.database != ":memory:" else None
    if path is not None:
        make_directory(path.parent)
        # It holds signing keys: created before SQLite does it, with mode 0600.
        path.touch(mode=0o600, exist_ok=True)
    opened = _identity(path)
    engine = sa.create_engine(url, connect_args={"timeout": BUSY_SECONDS}, json_serializer=_to_json)

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions are begun below, by hand
        with _wrap_errors(engine):
            for pragma in ("journal_mode=WAL", "foreign_keys=ON", "secure_delete=ON"):
                connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        # FULL: with NORMAL a power cut takes back acknowledged commits. IMMEDIATE: a transaction that reads first and
        # writes then would fail at once when another one writes. The driver is called directly: through SQLAlchemy
        # these statements cost more than the commit of a small job.
        if _identity(path) != opened:
            msg = f"the file {path} was replaced or removed while this process had it open; start the process again"
            raise sa.exc.OperationalError(None, None, sqlite3.OperationalError(msg))
        options: Any = connection.get_execution_options()
        driver: Any = connection.connection.dbapi_connection
        with _wrap_errors(engine):
            if options.get("bourn_read"):
                driver.execute("BEGIN")
                return
            wanted = "FULL" if options.get("bourn_durable", True) else "NORMAL"
            if connection.info.get("bourn_synchronous") != wanted:
                driver.execute(f"PRAGMA synchronous={wanted}")
                connection.info["bourn_synchronous"] = wanted
            driver.execute("BEGIN IMMEDIATE")

    return engine


def _identity(path: Path | None) -> tuple[int, int] | None:
    """Return device and inode of the file; None if there is none."""
    try:
        facts = None if path is None else os.stat(path)  # noqa: PTH116  # at each transaction: half the time of Path
    except FileNotFoundError:
        return None
    return None if facts is None else (facts.st_dev, facts.st_ino)


def _server(url: sa.URL) -> sa.Engine:
    if url.get_backend_name() != "postgresql":
        return sa.create_engine(url, pool_pre_ping=True, json_serializer=_to_json)
    arguments = {name: value for name, value in LIBPQ_DEFAULTS.items() if name not in url.query}
    threshold = url.query.get(PREPARE_THRESHOLD)
    arguments[PREPARE_THRESHOLD] = None if threshold is None else int(str(threshold))
    engine = sa.create_engine(
        url.difference_update_query([PREPARE_THRESHOLD]),
        pool_pre_ping=True,
        connect_args=arguments,
        json_serializer=_to_json,
    )

    @event.listens_for(engine, "do_connect")
    def connect(dialect: Any, _record: Any, positional: Any, named: Any) -> Any:
        # psycopg waits with a selector, which takes a file descriptor and raises OSError where there is none.
        try:
            return dialect.connect(*positional, **named)
        except OSError as error:
            raise dialect.loaded_dbapi.OperationalError(str(error)) from error

    @event.listens_for(engine, "connect")
    def connected(connection: Any, record: Any) -> None:
        with _wrap_errors(engine), connection.cursor() as cursor:
            cursor.execute("select current_setting('synchronous_commit')")
            record.info["bourn_lazy_server"] = cursor.fetchone()[0] == "off"
            connection.commit()

    @event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        # For this transaction: behind a pooler the next one may run on another connection of the server.
        options: Any = connection.get_execution_options()
        if not options.get("bourn_durable", True):
            connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
        elif connection.info.get("bourn_lazy_server") and not options.get("bourn_read"):
            connection.exec_driver_sql("SET LOCAL synchronous_commit = on")

    @event.listens_for(engine, "handle_error")
    def handle(context: sa.engine.ExceptionContext) -> None:
        # Behind the same name another server may be the primary now: no connection to the old one is kept.
        if is_connection_lost(context.sqlalchemy_exception):
            context.is_disconnect = True

    return engine
