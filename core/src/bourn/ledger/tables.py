"""The tables of the ledger in SQLAlchemy Core, as the newest migration leaves them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    text,
)

__all__ = ["Instant", "deliveries", "holds", "jobs", "keys", "metadata", "stamps", "workers", "writers"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Instant(TypeDecorator[datetime]):
    """A time as whole microseconds since 1970 in UTC: exact, comparable, the same in every database.

    Examples
    --------
    >>> import sqlalchemy as sa
    >>> sa.Column("when", Instant, nullable=False).type
    Instant()
    """

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Return the microseconds of a datetime with a time zone."""
        return None if value is None else (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Return the datetime in UTC."""
        return None if value is None else _EPOCH + timedelta(microseconds=value)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _partial_index(name: str, column: str, condition: str) -> Index:
    """Return an index of the few rows that a sweep looks for, among millions."""
    return Index(name, column, sqlite_where=text(condition), postgresql_where=text(condition))


workers = Table(
    "workers",
    metadata,
    Column("id", String(64), primary_key=True),
    # The kernel and pid namespace in which the pid is valid.
    Column("machine", String(128), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("process_start", BigInteger, nullable=False),
    Column("seen_at", Instant, nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(48), primary_key=True),
    Column("group_id", String(48), nullable=False, index=True),
    Column("stage", String(9), nullable=False),
    Column("principal", String(255), nullable=False),
    Column("plan", JSON, nullable=False),
    # Secret options; erased when the job ends.
    Column("secrets", JSON(none_as_null=True)),
    Column("created_at", Instant, nullable=False),
    Column("started_at", Instant),
    Column("updated_at", Instant, nullable=False),
    Column("finished_at", Instant),
    # The lease: the worker that may move the job. Each new owner counts the epoch up, so a late writer finds no row.
    Column("worker_id", String(64)),
    Column("epoch", Integer, nullable=False),
    Column("cancel_requested_at", Instant),
    # When its time-out ends it, in whatever process.
    Column("deadline_at", Instant),
    Column("steps_done", BigInteger, nullable=False),
    Column("steps_total", BigInteger, nullable=False),
    Column("note", Text, nullable=False),
    Column("error", JSON(none_as_null=True)),
    Index("ix_jobs_stage_worker_id", "stage", "worker_id"),
    Index("ix_jobs_stage_created_at", "stage", "created_at"),
    Index("ix_jobs_principal_created_at", "principal", "created_at"),
    Index("ix_jobs_principal_stage_created_at", "principal", "stage", "created_at"),
    Index("ix_jobs_stage_finished_at", "stage", "finished_at"),
    Index("ix_jobs_created_at", "created_at"),
)

job_keys = Table(
    "job_keys",
    metadata,
    # A request with a key is one job of its principal, however often it is made.
    Column("principal", String(255), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("job_id", String(48), nullable=False, index=True),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("job_id", String(48), ForeignKey("jobs.id"), nullable=False, unique=True),
    # The artifact: empty until it is whole and durable in the store.
    Column("key", String(255)),
    Column("filename", String(255)),
    Column("suffix", String(32)),
    Column("media_type", String(255)),
    Column("size_bytes", BigInteger),
    Column("sha256", String(64)),
    Column("report", JSON(none_as_null=True)),
    Column("stored_at", Instant),
    Column("expires_at", Instant),
    Column("revoked_at", Instant),
    # Tombstones: a link once seen as expired stays expired, whatever the clock says later.
    Column("expired_at", Instant),
    Column("erased_at", Instant),
    # When the bytes in the store were found to differ from the digest.
    Column("damaged_at", Instant),
    # 1 while a row of `holds` exempts the artifact from expiry.
    Column("held", Integer, nullable=False, server_default="0"),
    # The outbox: when to try next, and the answer.
    Column("attempts", Integer, nullable=False),
    Column("first_try_at", Instant),
    Column("next_try_at", Instant),
    Column("checkpoint", JSON(none_as_null=True)),
    Column("receipt", JSON(none_as_null=True)),
    _partial_index("ix_deliveries_expires_at", "expires_at", "expired_at IS NULL"),
    _partial_index("ix_deliveries_next_try_at", "next_try_at", "next_try_at IS NOT NULL"),
    _partial_index("ix_deliveries_erasable", "id", "expired_at IS NOT NULL AND erased_at IS NULL AND held = 0"),
    _partial_index("ix_deliveries_erased_at", "erased_at", "erased_at IS NOT NULL"),
)

holds = Table(
    "holds",
    metadata,
    Column("delivery_id", String(32), ForeignKey("deliveries.id"), primary_key=True),
    Column("owner", String(255), primary_key=True),
)

keys = Table(
    "keys",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("secret", String(128), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("retired_at", Instant),
)

# The number of the last transaction that a process has committed at a server; see marker.py.
writers = Table(
    "writers",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("number", BigInteger, nullable=False),
)

# Times of the whole installation: the last sweep, the latest time that was trusted; see clock.py.
stamps = Table(
    "stamps",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("at", Instant, nullable=False),
)
