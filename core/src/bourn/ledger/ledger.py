"""Jobs and deliveries in the ledger: each method is one transaction, each move is made under a lease."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from bourn.ledger import statements
from bourn.ledger.batch import BatchedStatement, RowNotFound
from bourn.ledger.clock import SKEW
from bourn.ledger.json_values import check_json
from bourn.ledger.record import JobRecord, ProgressUpdate, StoredArtifact
from bourn.ledger.stages import LIVE, Stage
from bourn.ledger.tables import deliveries, holds, job_keys, jobs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from bourn.ledger.database import Database

__all__ = ["KeyTaken", "LeaseLost", "Ledger", "NewJob", "release_hold"]

_ARTIFACT_COLUMNS = tuple(attrs.fields_dict(StoredArtifact))


class LeaseLost(Exception):  # no error of the job: another process has it
    """This process may not move the job any more: it ended, or another process took it over."""


@attrs.frozen(kw_only=True)
class NewJob:
    """A job to add."""

    id: str
    delivery_id: str
    group_id: str
    principal: str
    plan: Mapping[str, Any]
    secrets: Mapping[str, Any] | None = None
    deadline_at: datetime | None = None
    key: str | None = None


class KeyTaken(Exception):  # no error of the job: the caller gets the other one
    """Another job that has not failed has the key.

    Parameters
    ----------
    job_id : str
    """

    def __init__(self, job_id: str) -> None:
        super().__init__(job_id)
        self.job_id = job_id


class Ledger:
    """Jobs and deliveries in a database that any number of processes share.

    A job is moved only by the worker that owns it, and only in the epoch in which it owns it: each method
    that moves one takes the epoch, and raises `LeaseLost` where that is over.

    Parameters
    ----------
    database : Database
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    def add(self, new: Sequence[NewJob], *, worker_id: str, now: datetime) -> None:
        """Add jobs as QUEUED, owned by `worker_id` in epoch 1; all of them or none.

        Raises
        ------
        KeyTaken
            A job has a key that another one has, which is live or has succeeded.
        """
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

        keyed = [job for job in new if job.key is not None]
        if not keyed:
            self.database.execute(
                BatchedStatement(statements.JOBS_ADDED, job_rows),
                BatchedStatement(statements.DELIVERIES_ADDED, delivery_rows),
            )
            return

        def work(connection: sa.Connection) -> None:
            for job in keyed:
                _take_key(connection, job)
            connection.execute(statements.JOBS_ADDED, job_rows)
            connection.execute(statements.DELIVERIES_ADDED, delivery_rows)

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
        """Record that the artifact is whole and durable, and move the job to SAVING, for its first try."""
        check_json(artifact.report, "the report")
        now = artifact.stored_at
        row = attrs.asdict(artifact, recurse=False) | {"b_delivery": delivery_id, "attempts": 1, "first_try_at": now}

        moved = {"stage": Stage.SAVING, "updated_at": now, "started_at": started_at}
        self._move(job_id, epoch, statements.TO_SAVING, moved, BatchedStatement(statements.STORED, [row]))

    def postpone(self, job_id: str, epoch: int, delivery_id: str, *, until: datetime, note: str, now: datetime) -> None:
        """Give up the lease; from `until` on any process may try the delivery again.

        It is due earlier where the job ends earlier: at once where its cancellation is requested, else at its time-out.
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
        """Move a job to one of its ends, erase its secrets, and set when its link expires: at once if cancelled."""
        ended = {
            "stage": stage, "updated_at": now, "finished_at": now, "secrets": None, "error": error,
            "worker_id": None, "note": "", "started_at": started_at,
        }  # fmt: skip
        if steps is not None:
            ended |= {"steps_done": steps[0], "steps_total": steps[1]}
        cancelled = stage is Stage.CANCELLED
        answered = {
            "b_job": job_id,
            "receipt": receipt,
            "next_try_at": None,
            "b_expires_at": now if cancelled else expires_at,
        }
        statement = statements.ANSWERED_CANCELLED if cancelled else statements.ANSWERED
        self._move(job_id, epoch, statements.TO_END[stage], ended, BatchedStatement(statement, [answered]))

    def owned_by(self, worker_ids: Iterable[str]) -> Sequence[JobRecord]:
        """Return the live jobs of these workers."""
        owned = statements.WHOLE.where(jobs.c.stage.in_(LIVE), jobs.c.worker_id.in_(list(worker_ids)))
        return self._records(owned)

    def claim_due(self, worker_id: str, *, now: datetime, limit: int) -> Sequence[JobRecord]:
        """Take over deliveries that are due and have no owner, the longest due first."""
        due = {"b_now": now, "b_ahead": now + SKEW, "b_limit": limit}
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

        # Most of the time nothing is due, and a query locks nobody out.
        if not self.database.query(lambda connection: connection.scalars(statements.DUE, due).all()):
            return []
        return self.database.write(work)

    def next_due(self) -> datetime | None:
        """Return when the next waiting delivery is due; None if none waits."""
        due: datetime | None = self.database.query(lambda connection: connection.scalar(statements.SOONEST))
        return due

    def request_cancel(self, job_id: str, *, now: datetime) -> bool:
        """Ask the owner of a job to cancel it; return False where the job has ended."""

        def work(connection: sa.Connection) -> bool:
            asked = connection.execute(statements.CANCEL_ASKED, {"b_job": job_id, "b_now": now})
            # A waiting delivery has no owner: it is due at once, and the process that takes it finds the request.
            connection.execute(statements.DUE_AT_ONCE, {"b_job": job_id, "b_now": now})
            return asked.rowcount == 1

        return self.database.write(work)

    def cancels_of(self, worker_id: str) -> set[str]:
        """Return the live jobs of a worker whose cancellation is requested."""
        wanted = {"b_worker": worker_id}
        return self.database.query(lambda connection: set(connection.scalars(statements.CANCELS_OF, wanted)))

    def report_progress(self, updates: Sequence[ProgressUpdate], *, now: datetime) -> None:
        """Record how far jobs are; not durable, and nothing for those whose lease is over."""

        def work(connection: sa.Connection) -> None:
            for each in updates:
                connection.execute(
                    statements.PROGRESS[each.stage],
                    {
                        "b_job": each.job_id, "b_epoch": each.epoch, "b_started_at": each.started_at,
                        "steps_done": each.done, "steps_total": each.total, "note": each.note, "updated_at": now,
                    },
                )  # fmt: skip

        self.database.write_relaxed(work)

    def checkpoint(self, job_id: str, epoch: int, delivery_id: str, value: Mapping[str, Any]) -> None:
        """Store the state of a delivery of several steps."""
        check_json(value, "the checkpoint")
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
            connection.execute(deliveries.update().where(deliveries.c.id == delivery_id).values(held=1))
            if connection.scalar(held) is None:
                connection.execute(holds.insert().values(delivery_id=delivery_id, owner=owner))

        self.database.write(work)

    def release(self, delivery_id: str, owner: str) -> None:
        """End a hold."""
        self.database.write(lambda connection: release_hold(connection, delivery_id, owner))

    def get(self, job_id: str) -> JobRecord | None:
        """Return the job with this id; None if there is none."""
        return self._one(statements.BY_JOB, {"b_job": job_id})

    def of_delivery(self, delivery_id: str) -> JobRecord | None:
        """Return the job of a delivery; None if there is none."""
        return self._one(statements.BY_DELIVERY, {"b_delivery": delivery_id})

    def ids_beginning(self, prefix: str, *, principal: str | None = None, limit: int) -> Sequence[str]:
        """Return ids of jobs that begin with `prefix` (hex digits), in order."""
        chosen = sa.select(jobs.c.id).where(jobs.c.id >= prefix, jobs.c.id < prefix + "g").order_by(jobs.c.id)
        if principal is not None:
            chosen = chosen.where(jobs.c.principal == principal)
        return self.database.query(lambda connection: list(connection.scalars(chosen.limit(limit))))

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
        before: JobRecord | None = None,
    ) -> Sequence[JobRecord]:
        """Return jobs, the newest first.

        Parameters
        ----------
        stage, group_id : optional
            Only those at this stage; only those of this group.
        limit : int, optional
        before : JobRecord, optional
            Only those after this one in the list: the last one of the page before.
        """
        chosen = statements.WHOLE.order_by(jobs.c.created_at.desc(), jobs.c.id).limit(limit)
        if stage is not None:
            chosen = chosen.where(jobs.c.stage == stage)
        if group_id is not None:
            chosen = chosen.where(jobs.c.group_id == group_id)
        if principal is not None:
            chosen = chosen.where(jobs.c.principal == principal)
        if before is not None:
            created, id_ = before.created_at, before.id
            later = sa.and_(jobs.c.created_at == created, jobs.c.id > id_)
            chosen = chosen.where(jobs.c.created_at <= created, sa.or_(jobs.c.created_at < created, later))
        return self._records(chosen)

    def _records(self, chosen: sa.Select[Any]) -> Sequence[JobRecord]:
        return self.database.query(lambda connection: [_record(row) for row in connection.execute(chosen)])


def release_hold(connection: sa.Connection, delivery_id: str, owner: str) -> None:
    """End a hold, within a transaction."""
    delivery = deliveries.update().where(deliveries.c.id == delivery_id)
    connection.execute(delivery.values(held=deliveries.c.held))  # locks the row: two holds may end at the same time
    connection.execute(holds.delete().where(holds.c.delivery_id == delivery_id, holds.c.owner == owner))
    held = sa.exists().where(holds.c.delivery_id == deliveries.c.id)
    connection.execute(delivery.values(held=sa.case((held, 1), else_=0)))


def _with_key(connection: sa.Connection, principal: str, key: str) -> str | None:
    chosen = (
        sa.select(jobs.c.id)
        .join(job_keys, job_keys.c.job_id == jobs.c.id)
        .where(
            job_keys.c.principal == principal, job_keys.c.key == key,
            jobs.c.stage.not_in([Stage.FAILED, Stage.CANCELLED]),
        )
    )  # fmt: skip
    found: str | None = connection.scalar(chosen)
    return found


def _take_key(connection: sa.Connection, job: NewJob) -> None:
    """Give the key to the job. The first statement locks the row, so that the next ones see what others committed."""
    insert: Any = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    row = insert(job_keys).values(principal=job.principal, key=job.key, job_id=job.id)
    holder = connection.scalar(
        row.on_conflict_do_update(
            index_elements=[job_keys.c.principal, job_keys.c.key], set_={"key": row.excluded.key}
        ).returning(job_keys.c.job_id)
    )
    if holder == job.id:
        return
    other = _with_key(connection, job.principal, str(job.key))
    if other is not None:
        raise KeyTaken(other)
    mine = job_keys.update().where(job_keys.c.principal == job.principal, job_keys.c.key == job.key)
    connection.execute(mine.values(job_id=job.id))


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
