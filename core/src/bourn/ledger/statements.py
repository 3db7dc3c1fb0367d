"""Statements of the ledger, built once: building one costs more than running it.

Parameters that begin with ``b_`` select rows; the others are columns to set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from bourn.ledger.stages import LIVE, MOVES, Stage
from bourn.ledger.tables import Instant, deliveries, jobs

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "ALL_OF",
    "ANSWERED",
    "ANSWERED_CANCELLED",
    "BY_DELIVERY",
    "BY_JOB",
    "CANCELS_OF",
    "CANCEL_ASKED",
    "CLAIMED",
    "DELIVERIES_ADDED",
    "DUE",
    "DUE_AT_ONCE",
    "DUE_FOR_UPDATE",
    "DUE_UNTIL",
    "IN_SAVING",
    "JOBS_ADDED",
    "PROGRESS",
    "SOONEST",
    "STILL_SAVING",
    "STORED",
    "TO_END",
    "TO_SAVING",
    "TRIED",
    "WHOLE",
]

_JOB: sa.BindParameter[str] = sa.bindparam("b_job")
_DELIVERY: sa.BindParameter[str] = sa.bindparam("b_delivery")
_NOW = sa.bindparam("b_now", type_=Instant)
_IDS: sa.BindParameter[Sequence[str]] = sa.bindparam("b_ids", expanding=True)

_LEASED = sa.and_(jobs.c.id == _JOB, jobs.c.epoch == sa.bindparam("b_epoch"))
_UNOWNED = sa.and_(jobs.c.stage == str(Stage.SAVING), jobs.c.worker_id.is_(None))


def _first(column: sa.Column[Any], moment: sa.BindParameter[Any]) -> sa.ColumnElement[Any]:
    """Return the value of the column, else the parameter."""
    return sa.func.coalesce(column, moment, type_=Instant)


def _sooner(one: sa.ColumnElement[Any], other: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """Return the earlier of two times; `other` where `one` is NULL."""
    return sa.case((one < other, one), else_=other)


def _moved(stage: Stage) -> sa.Update:
    return jobs.update().where(_LEASED, sa.or_(*(jobs.c.stage == str(before) for before in MOVES[stage])))


def _progress(stage: Stage) -> sa.Update:
    # Rows that another transaction is moving are skipped: waiting for one while holding others makes deadlocks.
    free = sa.select(jobs.c.id).where(jobs.c.id == _JOB).with_for_update(skip_locked=True)
    reached = (stage, *MOVES.get(stage, ()))
    return (
        jobs.update()
        .where(jobs.c.id.in_(free), _LEASED, jobs.c.stage.in_(reached))
        .values(stage=stage, started_at=_first(jobs.c.started_at, sa.bindparam("b_started_at", type_=Instant)))
    )


# Queries.

WHOLE = sa.select(jobs, deliveries).join(deliveries, deliveries.c.job_id == jobs.c.id)
BY_JOB = WHOLE.where(jobs.c.id == _JOB)
BY_DELIVERY = WHOLE.where(deliveries.c.id == _DELIVERY)
ALL_OF = WHOLE.where(jobs.c.id.in_(_IDS))
DUE = (
    sa.select(jobs.c.id)
    .join(deliveries, deliveries.c.job_id == jobs.c.id)
    # One that was postponed in the future is of a clock that was ahead, and would wait until then.
    .where(
        _UNOWNED,
        sa.or_(deliveries.c.next_try_at <= _NOW, jobs.c.updated_at > sa.bindparam("b_ahead", type_=Instant)),
    )
    .order_by(deliveries.c.next_try_at)
    .limit(sa.bindparam("b_limit", type_=sa.Integer))
)
DUE_FOR_UPDATE = DUE.with_for_update(skip_locked=True, of=jobs)
SOONEST = (
    sa.select(sa.func.min(deliveries.c.next_try_at, type_=Instant))
    .join(jobs, deliveries.c.job_id == jobs.c.id)
    .where(_UNOWNED)
)
CANCELS_OF = sa.select(jobs.c.id).where(
    jobs.c.stage.in_(LIVE), jobs.c.worker_id == sa.bindparam("b_worker"), jobs.c.cancel_requested_at.is_not(None)
)

# Jobs. Statements under a lease update one row, or none where the lease is over.

JOBS_ADDED = jobs.insert()
PROGRESS = {stage: _progress(stage) for stage in LIVE}
TO_SAVING = _moved(Stage.SAVING)
TO_END = {stage: _moved(stage) for stage in Stage if stage.done}
IN_SAVING = jobs.update().where(_LEASED, jobs.c.stage == str(Stage.SAVING))
STILL_SAVING = IN_SAVING.values(epoch=jobs.c.epoch)
CLAIMED = jobs.update().where(jobs.c.id.in_(_IDS)).values(epoch=jobs.c.epoch + 1)
CANCEL_ASKED = (
    jobs.update()
    .where(jobs.c.id == _JOB, jobs.c.stage.in_(LIVE))
    .values(cancel_requested_at=_first(jobs.c.cancel_requested_at, _NOW))
)

# Deliveries.

DELIVERIES_ADDED = deliveries.insert()
STORED = deliveries.update().where(deliveries.c.id == _DELIVERY)
ANSWERED = (
    deliveries.update()
    .where(deliveries.c.job_id == _JOB)
    .values(
        # What is not stored does not expire.
        expires_at=sa.case((deliveries.c.stored_at.is_(None), None), else_=sa.bindparam("b_expires_at", type_=Instant)),
    )
)
ANSWERED_CANCELLED = ANSWERED.values(
    expired_at=sa.case((deliveries.c.stored_at.is_(None), None), else_=sa.bindparam("b_expires_at", type_=Instant))
)
DUE_UNTIL = (
    deliveries.update()
    .where(deliveries.c.id == _DELIVERY)
    .values(
        # Earlier where the job is to end earlier.
        next_try_at=sa.select(
            _sooner(jobs.c.cancel_requested_at, _sooner(jobs.c.deadline_at, sa.bindparam("b_until", type_=Instant)))
        )
        .where(jobs.c.id == deliveries.c.job_id)
        .scalar_subquery()
    )
)
DUE_AT_ONCE = (
    deliveries.update()
    .where(deliveries.c.job_id == _JOB, deliveries.c.next_try_at.is_not(None))
    .values(next_try_at=_NOW)
)
TRIED = (
    deliveries.update()
    .where(deliveries.c.job_id.in_(_IDS))
    .values(
        attempts=deliveries.c.attempts + 1,
        first_try_at=_first(deliveries.c.first_try_at, _NOW),
        next_try_at=None,
    )
)
