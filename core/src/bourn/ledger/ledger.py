"""Everything that is written down about jobs: each method is one transaction, each move is made under a lease."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import sqlalchemy as sa

from bourn.ledger.record import JobRecord, StoredArtifact
from bourn.ledger.stages import LIVE, MOVES, Stage
from bourn.ledger.tables import Instant, deliveries, holds, jobs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from bourn.ledger.database import Database

__all__ = ["LeaseLost", "Ledger", "NewJob", "Told"]

_ARTIFACT_COLUMNS = tuple(attrs.fields_dict(StoredArtifact))
_WHOLE = sa.select(jobs, deliveries).join(deliveries, deliveries.c.job_id == jobs.c.id)
_BY_JOB = _WHOLE.where(jobs.c.id == sa.bindparam("b_wanted"))
_BY_DELIVERY = _WHOLE.where(deliveries.c.id == sa.bindparam("b_wanted"))

# Before a stage can be told, the job must be in it or in one from which it can be reached.
_BEFORE = {stage: (stage, *MOVES.get(stage, ())) for stage in LIVE}


def _moved(stage: Stage) -> sa.Update:
    # Built once: making a statement costs more than running it.
    mine = (jobs.c.id == sa.bindparam("b_job"), jobs.c.epoch == sa.bindparam("b_epoch"))
    return jobs.update().where(*mine, sa.or_(*(jobs.c.stage == before for before in MOVES[stage])))


_TO_SAVING = _moved(Stage.SAVING)
_TO_END = {stage: _moved(stage) for stage in Stage if stage.done}
_STORED = deliveries.update().where(deliveries.c.id == sa.bindparam("b_delivery"))
_ANSWERED = (
    deliveries.update()
    .where(deliveries.c.job_id == sa.bindparam("b_job"))
    .values(
        # Nothing stored, nothing that could expire.
        expires_at=sa.case((deliveries.c.stored_at.is_(None), None), else_=sa.bindparam("b_expires_at", type_=Instant)),
    )
)
_STILL_SAVING = (
    jobs.update()
    .where(
        jobs.c.id == sa.bindparam("b_job"), jobs.c.epoch == sa.bindparam("b_epoch"), jobs.c.stage == str(Stage.SAVING)
    )
    .values(epoch=jobs.c.epoch)
)
_JOBS_ADDED = jobs.insert()
_DELIVERIES_ADDED = deliveries.insert()


class LeaseLost(Exception):  # not a fault of the job: somebody else has it now
    """This process may not move the job any more: it ended, or another process has taken it over."""


@attrs.frozen(kw_only=True)
class NewJob:
    """A job to be written down."""

    id: str
    delivery_id: str
    group_id: str
    principal: str
    plan: Mapping[str, Any]
    secrets: Mapping[str, Any] | None = None
    deadline_at: datetime | None = None


@attrs.frozen(kw_only=True)
class Told:
    """How far a job is that this process carries out."""

    job_id: str
    epoch: int
    stage: Stage
    started_at: datetime | None
    done: int
    total: int
    note: str


class Ledger:
    """Jobs and deliveries in a database that any number of processes share.

    A job is moved only by the worker that owns it, and only in the epoch in which it owns it: each method
    that moves one takes the epoch, and raises `LeaseLost` where that is over.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    def add(self, new: Sequence[NewJob], *, worker_id: str, now: datetime) -> None:
        """Write jobs down as QUEUED, owned by `worker_id` in epoch 1; all of them or none."""
        job_rows = [
            {
                "id": job.id, "group_id": job.group_id, "stage": Stage.QUEUED, "principal": job.principal,
                "plan": job.plan, "secrets": job.secrets, "created_at": now, "updated_at": now,
                "worker_id": worker_id, "epoch": 1, "steps_done": 0, "steps_total": 0, "note": "",
                "deadline_at": job.deadline_at,
            }
            for job in new
        ]  # fmt: skip
        delivery_rows = [{"id": job.delivery_id, "job_id": job.id, "attempts": 0} for job in new]

        def work(connection: sa.Connection) -> None:
            connection.execute(_JOBS_ADDED, job_rows)
            connection.execute(_DELIVERIES_ADDED, delivery_rows)

        self.database.write(work)

    def store(
        self,
        job_id: str,
        epoch: int,
        delivery_id: str,
        artifact: StoredArtifact,
        *,
        started_at: datetime | None = None,
    ) -> None:
        """Write down that the artifact is whole and durable, and move the job to SAVING, for its first try."""
        now = artifact.stored_at
        row = attrs.asdict(artifact, recurse=False) | {"b_delivery": delivery_id, "attempts": 1, "first_try_at": now}

        def work(connection: sa.Connection) -> None:
            moved = {"stage": Stage.SAVING, "updated_at": now, "started_at": started_at}
            _run(connection, _TO_SAVING, job_id, epoch, moved)
            connection.execute(_STORED, row)

        self.database.write(work)

    def postpone(self, job_id: str, epoch: int, delivery_id: str, *, until: datetime, note: str, now: datetime) -> None:
        """Give the lease up until `until`; then any process may try the delivery again.

        It is due earlier where the job is to be ended earlier: at once if somebody wants it cancelled, else when
        it is out of time.
        """
        ends = sa.select(jobs.c.cancel_requested_at, jobs.c.deadline_at).where(jobs.c.id == job_id)

        def work(connection: sa.Connection) -> None:
            values = {"updated_at": now, "note": note, "worker_id": None, "epoch": epoch + 1}
            _own(connection, job_id, epoch, (Stage.SAVING,), values)
            due = min(moment for moment in (until, *connection.execute(ends).one()) if moment is not None)
            connection.execute(deliveries.update().where(deliveries.c.id == delivery_id).values(next_try_at=due))

        self.database.write(work)

    def finish(  # noqa: PLR0913  # what an end consists of
        self,
        job_id: str,
        epoch: int,
        stage: Stage,
        *,
        now: datetime,
        expires_at: datetime,
        started_at: datetime | None = None,
        receipt: Mapping[str, Any] | None = None,
        error: Mapping[str, Any] | None = None,
        steps: tuple[int, int] | None = None,
    ) -> None:
        """Move a job to one of its ends, erase its secrets, and set when its link expires."""
        ended = {
            "stage": stage, "updated_at": now, "finished_at": now, "secrets": None, "error": error,
            "worker_id": None, "note": "", "started_at": started_at,
        }  # fmt: skip
        if steps is not None:
            ended |= {"steps_done": steps[0], "steps_total": steps[1]}
        answered = {"b_job": job_id, "receipt": receipt, "next_try_at": None, "b_expires_at": expires_at}

        def work(connection: sa.Connection) -> None:
            _run(connection, _TO_END[stage], job_id, epoch, ended)
            connection.execute(_ANSWERED, answered)

        self.database.write(work)

    def owned_by(self, worker_ids: Iterable[str]) -> Sequence[JobRecord]:
        """The live jobs of these workers."""
        owned = _WHOLE.where(jobs.c.stage.in_(LIVE), jobs.c.worker_id.in_(list(worker_ids)))
        with self.database.read() as connection:
            return [_record(row) for row in connection.execute(owned)]

    def claim_due(self, worker_id: str, *, now: datetime) -> JobRecord | None:
        """Take over one delivery that is due and that nobody owns; None if there is none."""
        due = (
            sa.select(jobs.c.id)
            .join(deliveries, deliveries.c.job_id == jobs.c.id)
            .where(jobs.c.stage == Stage.SAVING, jobs.c.worker_id.is_(None), deliveries.c.next_try_at <= now)
            .order_by(deliveries.c.next_try_at)
            .limit(1)
        )

        def work(connection: sa.Connection) -> JobRecord | None:
            job_id = connection.scalar(due.with_for_update(skip_locked=True, of=jobs))
            if job_id is None:
                return None
            connection.execute(
                jobs.update()
                .where(jobs.c.id == job_id)
                .values(worker_id=worker_id, epoch=jobs.c.epoch + 1, updated_at=now)
            )
            connection.execute(
                deliveries.update()
                .where(deliveries.c.job_id == job_id)
                .values(
                    attempts=deliveries.c.attempts + 1,
                    first_try_at=_first(deliveries.c.first_try_at, now),
                    next_try_at=None,
                )
            )
            return _record(connection.execute(_WHOLE.where(jobs.c.id == job_id)).one())

        with self.database.read() as connection:  # most looks find nothing, and a look locks nobody out
            if connection.scalar(due) is None:
                return None
        return self.database.write(work)

    def next_due(self) -> datetime | None:
        """When the next of the deliveries that wait is due; None if none waits."""
        soonest = (
            sa.select(sa.func.min(deliveries.c.next_try_at, type_=Instant))
            .join(jobs, deliveries.c.job_id == jobs.c.id)
            .where(jobs.c.stage == Stage.SAVING, jobs.c.worker_id.is_(None))
        )
        with self.database.read() as connection:
            due: datetime | None = connection.scalar(soonest)
        return due

    def request_cancel(self, job_id: str, *, now: datetime) -> bool:
        """Ask the owner of a job to cancel it; False where the job has ended already."""

        def work(connection: sa.Connection) -> bool:
            asked = connection.execute(
                jobs.update()
                .where(jobs.c.id == job_id, jobs.c.stage.in_(LIVE))
                .values(cancel_requested_at=_first(jobs.c.cancel_requested_at, now))
            )
            # A delivery that waits has no owner: due at once, whoever carries it finds the request.
            connection.execute(
                deliveries.update()
                .where(deliveries.c.job_id == job_id, deliveries.c.next_try_at.is_not(None))
                .values(next_try_at=now)
            )
            return asked.rowcount == 1

        return self.database.write(work)

    def cancels_of(self, worker_id: str) -> set[str]:
        """Those live jobs of a worker that somebody wants cancelled."""
        asked = sa.select(jobs.c.id).where(
            jobs.c.stage.in_(LIVE), jobs.c.worker_id == worker_id, jobs.c.cancel_requested_at.is_not(None)
        )
        with self.database.read() as connection:
            return set(connection.scalars(asked))

    def tell(self, told: Sequence[Told], *, now: datetime) -> None:
        """Write down how far jobs are; not durable, and nothing for those whose lease is over."""

        def work(connection: sa.Connection) -> None:
            for each in told:
                # A row that somebody is moving just now is left to him: to wait for one while holding another
                # is how two transactions come to wait for each other.
                free = sa.select(jobs.c.id).where(jobs.c.id == each.job_id).with_for_update(skip_locked=True)
                reached = (jobs.c.epoch == each.epoch, jobs.c.stage.in_(_BEFORE[each.stage]))
                connection.execute(
                    jobs.update()
                    .where(jobs.c.id.in_(free), *reached)
                    .values(
                        stage=each.stage,
                        started_at=_first(jobs.c.started_at, each.started_at),
                        steps_done=each.done,
                        steps_total=each.total,
                        note=each.note,
                        updated_at=now,
                    )
                )

        self.database.write_soon(work)

    def checkpoint(self, job_id: str, epoch: int, delivery_id: str, value: Mapping[str, Any]) -> None:
        """Keep the state of a delivery of several steps."""

        def work(connection: sa.Connection) -> None:
            _run(connection, _STILL_SAVING, job_id, epoch, {})
            connection.execute(_STORED, {"b_delivery": delivery_id, "checkpoint": dict(value)})

        self.database.write(work)

    def hold(self, delivery_id: str, owner: str) -> None:
        """Exempt an artifact from expiry for `owner`; twice is once."""

        def work(connection: sa.Connection) -> None:
            held = sa.select(holds.c.owner).where(holds.c.delivery_id == delivery_id, holds.c.owner == owner)
            if connection.scalar(held) is None:
                connection.execute(holds.insert().values(delivery_id=delivery_id, owner=owner))

        self.database.write(work)

    def release(self, delivery_id: str, owner: str) -> None:
        """End a hold."""
        gone = holds.delete().where(holds.c.delivery_id == delivery_id, holds.c.owner == owner)
        self.database.write(lambda connection: connection.execute(gone))

    def get(self, job_id: str) -> JobRecord | None:
        """The job of that id."""
        return self._one(_BY_JOB, job_id)

    def of_delivery(self, delivery_id: str) -> JobRecord | None:
        """The job that a delivery belongs to."""
        return self._one(_BY_DELIVERY, delivery_id)

    def ids_beginning(self, prefix: str, *, limit: int) -> Sequence[str]:
        """Ids of jobs that begin so, in order; `prefix` is of hex digits."""
        chosen = sa.select(jobs.c.id).where(jobs.c.id >= prefix, jobs.c.id < prefix + "g").order_by(jobs.c.id)
        with self.database.read() as connection:
            return list(connection.scalars(chosen.limit(limit)))

    def _one(self, chosen: sa.Select[Any], wanted: str) -> JobRecord | None:
        row = self.database.look(lambda connection: connection.execute(chosen, {"b_wanted": wanted}).one_or_none())
        return None if row is None else _record(row)

    def list(
        self, *, stage: Stage | None = None, group_id: str | None = None, limit: int | None = None
    ) -> Sequence[JobRecord]:
        """Jobs, the newest first."""
        chosen = _WHOLE.order_by(jobs.c.created_at.desc(), jobs.c.id).limit(limit)
        if stage is not None:
            chosen = chosen.where(jobs.c.stage == stage)
        if group_id is not None:
            chosen = chosen.where(jobs.c.group_id == group_id)
        with self.database.read() as connection:
            return [_record(row) for row in connection.execute(chosen)]


def _first(column: sa.Column[Any], moment: datetime | None) -> sa.ColumnElement[Any]:
    """The moment that stands there already, else this one."""
    return sa.func.coalesce(column, sa.literal(moment, Instant), type_=Instant)


def _run(connection: sa.Connection, move: sa.Update, job_id: str, epoch: int, values: Mapping[str, Any]) -> None:
    if connection.execute(move, {"b_job": job_id, "b_epoch": epoch, **values}).rowcount != 1:
        raise LeaseLost(job_id)


def _own(
    connection: sa.Connection, job_id: str, epoch: int, stages: Sequence[Stage], values: Mapping[str, Any]
) -> None:
    moved = jobs.update().where(jobs.c.id == job_id, jobs.c.epoch == epoch, jobs.c.stage.in_(stages)).values(values)
    if connection.execute(moved).rowcount != 1:
        raise LeaseLost(job_id)


def _record(row: sa.Row[Any]) -> JobRecord:
    values = row._mapping  # noqa: SLF001  # the documented way to a row by column
    stored = {name: values[deliveries.c[name]] for name in _ARTIFACT_COLUMNS}
    return JobRecord(
        **{column.name: values[column] for column in jobs.c if column.name != "stage"},
        stage=Stage(values[jobs.c.stage]),
        delivery_id=values[deliveries.c.id],
        artifact=None if stored["stored_at"] is None else StoredArtifact(**stored),
        attempts=values[deliveries.c.attempts],
        first_try_at=values[deliveries.c.first_try_at],
        next_try_at=values[deliveries.c.next_try_at],
        checkpoint=values[deliveries.c.checkpoint] or {},
        receipt=values[deliveries.c.receipt],
    )
