"""Everything that is written down about jobs: each method is one transaction, each move is made under a lease."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import sqlalchemy as sa

from bourn.ledger import statements
from bourn.ledger.batch import BatchedStatement, RowNotFound
from bourn.ledger.record import JobRecord, StoredArtifact
from bourn.ledger.stages import LIVE, Stage
from bourn.ledger.tables import deliveries, holds, jobs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from bourn.ledger.database import Database

__all__ = ["LeaseLost", "Ledger", "NewJob", "ProgressUpdate"]

_ARTIFACT_COLUMNS = tuple(attrs.fields_dict(StoredArtifact))


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
class ProgressUpdate:
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

        self.database.execute(
            BatchedStatement(statements.JOBS_ADDED, job_rows),
            BatchedStatement(statements.DELIVERIES_ADDED, delivery_rows),
        )

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

        moved = {"stage": Stage.SAVING, "updated_at": now, "started_at": started_at}
        self._move(job_id, epoch, statements.TO_SAVING, moved, BatchedStatement(statements.STORED, [row]))

    def postpone(self, job_id: str, epoch: int, delivery_id: str, *, until: datetime, note: str, now: datetime) -> None:
        """Give the lease up until `until`; then any process may try the delivery again.

        It is due earlier where the job is to be ended earlier: at once if somebody wants it cancelled, else when
        it is out of time.
        """
        left = {"updated_at": now, "note": note, "worker_id": None, "epoch": epoch + 1}
        due = {"b_delivery": delivery_id, "b_until": until}
        self._move(job_id, epoch, statements.IN_SAVING, left, BatchedStatement(statements.DUE_UNTIL, [due]))

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
        self._move(job_id, epoch, statements.TO_END[stage], ended, BatchedStatement(statements.ANSWERED, [answered]))

    def owned_by(self, worker_ids: Iterable[str]) -> Sequence[JobRecord]:
        """The live jobs of these workers."""
        owned = statements.WHOLE.where(jobs.c.stage.in_(LIVE), jobs.c.worker_id.in_(list(worker_ids)))
        with self.database.read() as connection:
            return [_record(row) for row in connection.execute(owned)]

    def claim_due(self, worker_id: str, *, now: datetime, limit: int) -> Sequence[JobRecord]:
        """Take over deliveries that are due and that nobody owns, those first that are due longest."""
        due = {"b_now": now, "b_limit": limit}
        mine = {"worker_id": worker_id, "updated_at": now}

        def work(connection: sa.Connection) -> Sequence[JobRecord]:
            ids = connection.scalars(statements.DUE_FOR_UPDATE, due).all()
            if not ids:
                return []
            connection.execute(statements.CLAIMED, {"b_ids": ids, **mine})
            connection.execute(statements.TRIED, {"b_ids": ids, "b_now": now})
            found = {
                record.id: record for record in map(_record, connection.execute(statements.ALL_OF, {"b_ids": ids}))
            }
            return [found[id_] for id_ in ids]

        with self.database.read() as connection:  # most looks find nothing, and a look locks nobody out
            if not connection.scalars(statements.DUE, due).all():
                return []
        return self.database.write(work)

    def next_due(self) -> datetime | None:
        """When the next of the deliveries that wait is due; None if none waits."""
        with self.database.read() as connection:
            due: datetime | None = connection.scalar(statements.SOONEST)
        return due

    def request_cancel(self, job_id: str, *, now: datetime) -> bool:
        """Ask the owner of a job to cancel it; False where the job has ended already."""

        def work(connection: sa.Connection) -> bool:
            asked = connection.execute(statements.CANCEL_ASKED, {"b_job": job_id, "b_now": now})
            # A delivery that waits has no owner: due at once, whoever carries it finds the request.
            connection.execute(statements.DUE_AT_ONCE, {"b_job": job_id, "b_now": now})
            return asked.rowcount == 1

        return self.database.write(work)

    def cancels_of(self, worker_id: str) -> set[str]:
        """Those live jobs of a worker that somebody wants cancelled."""
        with self.database.read() as connection:
            return set(connection.scalars(statements.CANCELS_OF, {"b_worker": worker_id}))

    def report_progress(self, told: Sequence[ProgressUpdate], *, now: datetime) -> None:
        """Write down how far jobs are; not durable, and nothing for those whose lease is over."""

        def work(connection: sa.Connection) -> None:
            for each in told:
                connection.execute(
                    statements.PROGRESS[each.stage],
                    {
                        "b_job": each.job_id, "b_epoch": each.epoch, "b_started_at": each.started_at,
                        "steps_done": each.done, "steps_total": each.total, "note": each.note, "updated_at": now,
                    },
                )  # fmt: skip

        self.database.write_relaxed(work)

    def checkpoint(self, job_id: str, epoch: int, delivery_id: str, value: Mapping[str, Any]) -> None:
        """Keep the state of a delivery of several steps."""
        kept = {"b_delivery": delivery_id, "checkpoint": dict(value)}
        self._move(job_id, epoch, statements.STILL_SAVING, {}, BatchedStatement(statements.STORED, [kept]))

    def _move(
        self, job_id: str, epoch: int, move: sa.Update, values: Mapping[str, Any], along: BatchedStatement
    ) -> None:
        try:
            self.database.execute(
                BatchedStatement(move, [{"b_job": job_id, "b_epoch": epoch, **values}], requires_row=True), along
            )
        except RowNotFound:
            raise LeaseLost(job_id) from None

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
        return self._one(statements.BY_JOB, {"b_job": job_id})

    def of_delivery(self, delivery_id: str) -> JobRecord | None:
        """The job that a delivery belongs to."""
        return self._one(statements.BY_DELIVERY, {"b_delivery": delivery_id})

    def ids_beginning(self, prefix: str, *, principal: str | None = None, limit: int) -> Sequence[str]:
        """Ids of jobs that begin so, in order; `prefix` is of hex digits."""
        chosen = sa.select(jobs.c.id).where(jobs.c.id >= prefix, jobs.c.id < prefix + "g").order_by(jobs.c.id)
        if principal is not None:
            chosen = chosen.where(jobs.c.principal == principal)
        with self.database.read() as connection:
            return list(connection.scalars(chosen.limit(limit)))

    def _one(self, chosen: sa.Select[Any], wanted: Mapping[str, str]) -> JobRecord | None:
        row = self.database.query(lambda connection: connection.execute(chosen, wanted).one_or_none())
        return None if row is None else _record(row)

    def list(
        self,
        *,
        stage: Stage | None = None,
        group_id: str | None = None,
        principal: str | None = None,
        limit: int | None = None,
    ) -> Sequence[JobRecord]:
        """Jobs, the newest first."""
        chosen = statements.WHOLE.order_by(jobs.c.created_at.desc(), jobs.c.id).limit(limit)
        if stage is not None:
            chosen = chosen.where(jobs.c.stage == stage)
        if group_id is not None:
            chosen = chosen.where(jobs.c.group_id == group_id)
        if principal is not None:
            chosen = chosen.where(jobs.c.principal == principal)
        with self.database.read() as connection:
            return [_record(row) for row in connection.execute(chosen)]


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
