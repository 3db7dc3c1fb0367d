"""What the ledger knows of links and of the bytes behind them: who may still be read, and what may go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import sqlalchemy as sa

from bourn.ledger.record import StoredArtifact
from bourn.ledger.stages import LIVE, Stage
from bourn.ledger.tables import Instant, deliveries, holds, jobs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from bourn.ledger.database import Database

__all__ = ["ExpiredObject", "LinkLedger", "Linked"]

_COLUMNS = tuple(attrs.fields_dict(StoredArtifact))
_JOINED = deliveries.join(jobs, jobs.c.id == deliveries.c.job_id)
_LIVE = [str(stage) for stage in LIVE]
_HELD = sa.exists().where(holds.c.delivery_id == deliveries.c.id)
_ONE = sa.select(deliveries, jobs.c.stage).select_from(_JOINED).where(deliveries.c.id == sa.bindparam("b_delivery"))


@attrs.frozen(kw_only=True)
class Linked:
    """What a link leads to."""

    delivery_id: str
    job_id: str
    stage: Stage
    artifact: StoredArtifact


@attrs.frozen(kw_only=True)
class ExpiredObject:
    """An object whose time is over."""

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
        """What the delivery has stored; None if there is no such delivery, or nothing stored yet."""
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
        """Write down that the link was seen as expired: it stays so, whatever the clock says later."""
        seen = deliveries.update().where(deliveries.c.id == delivery_id, deliveries.c.expired_at.is_(None))
        self._write(seen.values(expired_at=now))

    def revoke(self, delivery_id: str, *, now: datetime) -> bool:
        """End a link before its time; False if there is none."""
        revoked = deliveries.update().where(deliveries.c.id == delivery_id, deliveries.c.stored_at.is_not(None))
        first = sa.func.coalesce(deliveries.c.revoked_at, sa.literal(now, Instant))
        return self._write(revoked.values(revoked_at=first)) == 1

    def discard(self, delivery_id: str, owner: str, *, now: datetime) -> None:
        """End a hold, and with the last one the artifact's link: its bytes go with the next sweep."""
        released = holds.delete().where(holds.c.delivery_id == delivery_id, holds.c.owner == owner)
        over = deliveries.update().where(deliveries.c.id == delivery_id, deliveries.c.expired_at.is_(None), ~_HELD)

        def work(connection: sa.Connection) -> None:
            connection.execute(released)
            connection.execute(over.values(expired_at=now))

        self.database.write(work)

    def expire(self, *, now: datetime, limit: int) -> int:
        """Mark links whose time is over, `limit` at most; gives their number."""
        over = (
            sa.select(deliveries.c.id)
            .select_from(_JOINED)
            .where(deliveries.c.expires_at <= now, deliveries.c.expired_at.is_(None), jobs.c.stage.not_in(_LIVE))
            .limit(limit)
        )
        return self._write(
            deliveries.update()
            # Said twice: where another process marks the same ones, this is what is looked at again.
            .where(deliveries.c.id.in_(over.scalar_subquery()), deliveries.c.expired_at.is_(None))
            .values(expired_at=now)
        )

    def expired_objects(self, *, after: str = "", limit: int) -> Sequence[ExpiredObject]:
        """Objects to erase, in the order of their delivery ids beyond `after`.

        Those of marked links and of cancelled jobs; not what somebody holds, nor what is erased already.
        """
        chosen = (
            sa.select(deliveries.c.id, deliveries.c.key, deliveries.c.size_bytes)
            .select_from(_JOINED)
            .where(
                deliveries.c.id > after,
                deliveries.c.stored_at.is_not(None),
                deliveries.c.erased_at.is_(None),
                sa.or_(deliveries.c.expired_at.is_not(None), jobs.c.stage == Stage.CANCELLED),
                jobs.c.stage.not_in(_LIVE),
                ~_HELD,
            )
            .order_by(deliveries.c.id)
            .limit(limit)
        )
        with self.database.read() as connection:
            return [
                ExpiredObject(delivery_id=id_, key=key, size_bytes=size)
                for id_, key, size in connection.execute(chosen)
            ]

    def mark_erased(self, delivery_ids: Iterable[str], *, now: datetime) -> set[str]:
        """Write down that the bytes are gone; gives those for which nobody else did."""

        def work(connection: sa.Connection) -> set[str]:
            gone = deliveries.update().where(
                deliveries.c.id == sa.bindparam("b_delivery"), deliveries.c.erased_at.is_(None)
            )
            gone = gone.values(erased_at=now)
            return {id_ for id_ in ids if connection.execute(gone, {"b_delivery": id_}).rowcount}

        ids = list(delivery_ids)
        return self.database.write(work) if ids else set()

    def empty(self, job_ids: Sequence[str]) -> set[str]:
        """Those of these jobs that have ended and keep nothing stored: objects of theirs are orphans."""
        kept = sa.and_(deliveries.c.stored_at.is_not(None), deliveries.c.erased_at.is_(None))
        chosen = (
            sa.select(jobs.c.id)
            .select_from(_JOINED)
            .where(jobs.c.id.in_(job_ids), jobs.c.stage.not_in(_LIVE), sa.not_(kept), ~_HELD)
        )
        with self.database.read() as connection:
            return set(connection.scalars(chosen))

    def known(self, job_ids: Sequence[str]) -> set[str]:
        """Those of these jobs that this ledger has."""
        with self.database.read() as connection:
            return set(connection.scalars(sa.select(jobs.c.id).where(jobs.c.id.in_(job_ids))))

    def tombstones(self, *, before: datetime, limit: int) -> Sequence[tuple[str, str | None]]:
        """Job ids and keys of what is over since `before`: erased, or ended without anything stored."""
        ended_at = sa.func.coalesce(deliveries.c.expires_at, jobs.c.finished_at, type_=Instant)
        chosen = (
            sa.select(jobs.c.id, deliveries.c.key)
            .select_from(_JOINED)
            .where(
                jobs.c.stage.not_in(_LIVE),
                ended_at <= before,
                sa.or_(deliveries.c.stored_at.is_(None), deliveries.c.erased_at <= before),
                ~_HELD,
            )
            .limit(limit)
        )
        with self.database.read() as connection:
            return [(job_id, key) for job_id, key in connection.execute(chosen)]

    def forget(self, job_ids: Sequence[str]) -> int:
        """Remove these jobs and their deliveries; gives their number. Their links were never given, then."""

        def work(connection: sa.Connection) -> int:
            connection.execute(deliveries.delete().where(deliveries.c.job_id.in_(job_ids)))
            return connection.execute(jobs.delete().where(jobs.c.id.in_(job_ids))).rowcount

        return self.database.write(work) if job_ids else 0

    def _write(self, statement: sa.Update) -> int:
        def work(connection: sa.Connection) -> int:
            answer: Any = connection.execute(statement)
            return int(answer.rowcount)

        return self.database.write(work)
