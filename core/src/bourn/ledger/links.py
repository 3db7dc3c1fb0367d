"""Links and retention in the ledger: which artifacts may still be read, and which are to be erased."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import sqlalchemy as sa

from bourn.ledger.ledger import release_hold
from bourn.ledger.record import StoredArtifact
from bourn.ledger.stages import LIVE, Stage
from bourn.ledger.tables import Instant, deliveries, job_keys, jobs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from bourn.ledger.database import Database

__all__ = ["ExpiredObject", "LinkLedger", "Linked"]

_COLUMNS = tuple(attrs.fields_dict(StoredArtifact))
_JOINED = deliveries.join(jobs, jobs.c.id == deliveries.c.job_id)
_LIVE = [str(stage) for stage in LIVE]
_ENDED_UNSTORED = [str(Stage.FAILED), str(Stage.CANCELLED)]
_ONE = sa.select(deliveries, jobs.c.stage).select_from(_JOINED).where(deliveries.c.id == sa.bindparam("b_delivery"))
_UNHELD = deliveries.c.held == sa.literal_column("0")  # literal, so that partial indexes apply


@attrs.frozen(kw_only=True)
class Linked:
    """The target of a link."""

    delivery_id: str
    job_id: str
    stage: Stage
    artifact: StoredArtifact


@attrs.frozen(kw_only=True)
class ExpiredObject:
    """An object that is to be erased."""

    delivery_id: str
    key: str
    size_bytes: int


class LinkLedger:
    """Links and retention, in the ledger's own tables; each method is one transaction.

    The time of a link counts from its job's end: while the job lives, its link does.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    def find(self, delivery_id: str) -> Linked | None:
        """Return what the delivery stored; None if there is no such delivery, or nothing stored yet."""
        row = self.database.query(
            lambda connection: connection.execute(_ONE, {"b_delivery": delivery_id}).one_or_none()
        )
        if row is None or row.stored_at is None:
            return None
        values = row._mapping  # noqa: SLF001  # the documented way to a row by column
        return Linked(
            delivery_id=row.id,
            job_id=row.job_id,
            stage=Stage(row.stage),
            artifact=StoredArtifact(**{name: values[deliveries.c[name]] for name in _COLUMNS}),
        )

    def mark_expired(self, delivery_id: str, *, now: datetime) -> None:
        """Record that the link was seen as expired: it stays so, whatever the clock says later."""
        seen = deliveries.update().where(deliveries.c.id == delivery_id, deliveries.c.expired_at.is_(None))
        self._update(seen.values(expired_at=now))

    def mark_damaged(self, key: str, *, now: datetime) -> None:
        """Record that the bytes of the object `key` differ from the digest; the first time counts."""
        damaged = deliveries.update().where(deliveries.c.job_id == key.partition("/")[0], deliveries.c.key == key)
        self._update(damaged.values(damaged_at=_first(deliveries.c.damaged_at, now)))

    def revoke(self, delivery_id: str, *, now: datetime) -> bool:
        """End a link before its time; return False if there is none."""
        revoked = deliveries.update().where(deliveries.c.id == delivery_id, deliveries.c.stored_at.is_not(None))
        return self._update(revoked.values(revoked_at=_first(deliveries.c.revoked_at, now))) == 1

    def extend(self, delivery_id: str, until: datetime, *, now: datetime) -> datetime | None:
        """Have a link work until then at least; return until when it does, None where none works now."""
        works = (
            deliveries.c.id == delivery_id, deliveries.c.expires_at > now,
            *(deliveries.c[name].is_(None) for name in ("expired_at", "revoked_at", "erased_at")),
        )  # fmt: skip
        longer = deliveries.update().where(*works, deliveries.c.expires_at < until).values(expires_at=until)

        def work(connection: sa.Connection) -> datetime | None:
            connection.execute(longer)
            found: datetime | None = connection.scalar(sa.select(deliveries.c.expires_at).where(*works))
            return found

        return self.database.write(work)

    def discard(self, delivery_id: str, owner: str, *, now: datetime) -> None:
        """End a hold, and with the last one the artifact's link: its bytes go with the next sweep."""
        over = deliveries.update().where(deliveries.c.id == delivery_id, deliveries.c.expired_at.is_(None), _UNHELD)

        def work(connection: sa.Connection) -> None:
            release_hold(connection, delivery_id, owner)
            connection.execute(over.values(expired_at=now))

        self.database.write(work)

    def expire(self, *, now: datetime, limit: int) -> int:
        """Mark links whose time is over, `limit` at most; return their number."""
        over = (
            sa.select(deliveries.c.id)
            .select_from(_JOINED)
            .where(deliveries.c.expires_at <= now, deliveries.c.expired_at.is_(None), jobs.c.stage.not_in(_LIVE))
            .limit(limit)
        )
        if not self.database.query(lambda connection: connection.scalars(over.limit(1)).all()):
            return 0
        return self._update(
            deliveries.update()
            # Repeated: where another process marks the same ones, this is evaluated again.
            .where(deliveries.c.id.in_(over.scalar_subquery()), deliveries.c.expired_at.is_(None))
            .values(expired_at=now)
        )

    def expired_objects(self, *, after: str = "", limit: int) -> Sequence[ExpiredObject]:
        """Return objects to erase, in the order of their delivery ids beyond `after`.

        Those of marked links; not held ones, nor what is erased already.
        """
        chosen = (
            sa.select(deliveries.c.id, deliveries.c.key, deliveries.c.size_bytes)
            .select_from(_JOINED)
            .where(
                deliveries.c.id > after,
                deliveries.c.expired_at.is_not(None),
                deliveries.c.erased_at.is_(None),
                _UNHELD,
                deliveries.c.stored_at.is_not(None),
                jobs.c.stage.not_in(_LIVE),
            )
            .order_by(deliveries.c.id)
            .limit(limit)
        )
        found = self.database.query(lambda connection: connection.execute(chosen).all())
        return [ExpiredObject(delivery_id=id_, key=key, size_bytes=size) for id_, key, size in found]

    def mark_erased(self, delivery_ids: Iterable[str], *, now: datetime) -> set[str]:
        """Record that the bytes are gone; return those that no other process recorded."""
        ids = list(delivery_ids)
        gone = deliveries.update().where(deliveries.c.id.in_(ids), deliveries.c.erased_at.is_(None))
        marked = gone.values(erased_at=now).returning(deliveries.c.id)
        return self.database.write(lambda connection: set(connection.scalars(marked))) if ids else set()

    def empty(self, job_ids: Sequence[str]) -> set[str]:
        """Return those of these jobs that have ended and keep nothing stored: their objects are orphans."""
        kept = sa.and_(deliveries.c.stored_at.is_not(None), deliveries.c.erased_at.is_(None))
        chosen = (
            sa.select(jobs.c.id)
            .select_from(_JOINED)
            .where(jobs.c.id.in_(job_ids), jobs.c.stage.not_in(_LIVE), sa.not_(kept), _UNHELD)
        )
        return self.database.query(lambda connection: set(connection.scalars(chosen)))

    def known(self, job_ids: Sequence[str]) -> set[str]:
        """Return those of these jobs that are in this ledger."""
        chosen = sa.select(jobs.c.id).where(jobs.c.id.in_(job_ids))
        return self.database.query(lambda connection: set(connection.scalars(chosen)))

    def tombstones(self, *, before: datetime, limit: int) -> Sequence[tuple[str, str | None]]:
        """Return ids and keys of jobs that are over since `before`: erased, or ended without anything stored."""
        erased = (
            sa.select(jobs.c.id, deliveries.c.key)
            .select_from(_JOINED)
            .where(
                deliveries.c.erased_at.is_not(None),
                deliveries.c.erased_at <= before,
                sa.func.coalesce(deliveries.c.expires_at, jobs.c.finished_at, type_=Instant) <= before,
                jobs.c.stage.not_in(_LIVE),
                _UNHELD,
            )
            .limit(limit)
        )
        unstored = (
            sa.select(jobs.c.id, deliveries.c.key)
            .select_from(_JOINED)
            .where(
                jobs.c.finished_at <= before,
                jobs.c.stage.in_(_ENDED_UNSTORED),
                deliveries.c.stored_at.is_(None),
                _UNHELD,
            )
            .limit(limit)
        )

        def look(connection: sa.Connection) -> list[tuple[str, str | None]]:
            found = connection.execute(erased).all() or connection.execute(unstored).all()
            return [(job_id, key) for job_id, key in found]

        return self.database.query(look)

    def forget(self, job_ids: Sequence[str]) -> int:
        """Remove these jobs and their deliveries; return their number. Their links are unknown from then on."""

        def work(connection: sa.Connection) -> int:
            connection.execute(deliveries.delete().where(deliveries.c.job_id.in_(job_ids)))
            connection.execute(job_keys.delete().where(job_keys.c.job_id.in_(job_ids)))
            return connection.execute(jobs.delete().where(jobs.c.id.in_(job_ids))).rowcount

        return self.database.write(work) if job_ids else 0

    def _update(self, statement: sa.Update) -> int:
        def work(connection: sa.Connection) -> int:
            answer: Any = connection.execute(statement)
            return int(answer.rowcount)

        return self.database.write(work)


def _first(column: sa.Column[Any], now: datetime) -> sa.ColumnElement[Any]:
    return sa.func.coalesce(column, sa.literal(now, Instant))
