"""The engine of a session: submits, cancels, delivers again and looks up jobs; runs them in threads of this process."""

from __future__ import annotations

import logging
import os
import re
import secrets
import threading
import time
import weakref
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs

from bourn.contract.artifact import Artifact
from bourn.dispatch.lifetime import lifetime_problems, read_lifetime
from bourn.errors import BournError, DeliveryError, JobError, LedgerError, Problem, RequestError, UnknownJob
from bourn.fork import ForkSafeLock
from bourn.job.at_exit import failed_unseen, wait_at_exit
from bourn.job.delivery import PAUSE_MAX, cancel, deliver, fail, write_or_defer
from bourn.job.encode import filename_of
from bourn.job.executor import Executor, TimeLimit, in_job
from bourn.job.failure import as_job_error, as_json
from bourn.job.job import Job, Submission, unknown_job
from bourn.job.job_group import JobGroup, deliver_stored
from bourn.job.maintenance import TICK_SECONDS, Maintenance, recover
from bourn.job.running_job import RunningJob
from bourn.ledger.database_errors import is_connection_lost
from bourn.ledger.ledger import KeyTaken, LeaseLost, NewJob
from bourn.ledger.stages import Stage
from bourn.wording import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from bourn.dispatch.plan import Plan
    from bourn.job.services import Services
    from bourn.ledger.record import JobRecord
    from bourn.ledger.workers import Worker

__all__ = ["Engine"]

_log = logging.getLogger("bourn.job")

DELIVERIES_AT_ONCE = 4
"""Of those that were left to be tried again: they wait for another server, and never for hours of computing."""

CLAIMED_AT_ONCE = 50
"""How many deliveries that are due are taken over in one commit."""

FOREIGN_PLUGIN_PATIENCE = timedelta(hours=1)
"""How long a delivery whose plugin is not installed here is left to other processes."""

_ID = re.compile(r"[0-9a-zA-Z_-]{1,100}")
"""What an id can look like: the ledger is not asked for anything else."""


@attrs.define(kw_only=True, eq=False)
class _Run:
    """What an engine has from its first job in this process until it is closed."""

    services: Services
    worker: Worker
    executor: Executor
    deliveries: Executor
    running: dict[str, RunningJob] = attrs.field(factory=dict)
    known: weakref.WeakValueDictionary[str, RunningJob] = attrs.field(factory=weakref.WeakValueDictionary)
    claiming: threading.RLock = attrs.field(factory=threading.RLock)
    in_doubt: bool = False
    closing: bool = False
    maintenance: Maintenance = attrs.field(init=False)
    pid: int = attrs.field(factory=os.getpid)


class Engine:
    """Runs jobs in threads of this process, as many at a time as the settings say; and looks jobs up in the ledger.

    A forked child starts with no jobs and no threads of its parent.

    Parameters
    ----------
    open_services : callable
        Returns the services; others in a forked child.
    threads : int
        How many jobs run at a time.
    reduce_job : callable
        Returns what pickle keeps of the job of an id.
    """

    def __init__(
        self, open_services: Callable[[], Services], threads: int, *, reduce_job: Callable[[str], tuple[Any, ...]]
    ) -> None:
        self._open_services = open_services
        self._threads = threads
        self.reduce_job = reduce_job
        self._current: _Run | None = None
        self._closing: list[_Run] = []
        self._guard = ForkSafeLock()
        self._open: set[tuple[int, str]] = set()

    # -- submitting -----------------------------------------------------------------------------------------------

    def submit(  # noqa: PLR0913  # what a request consists of
        self,
        plans: Sequence[Plan],
        obj: Any,
        *,
        arguments: Mapping[str, Any],
        geobox: Any,
        name: str | None = None,
        key: str | None = None,
        limit: TimeLimit | None = None,
        block: bool = False,
        waits: bool = False,
    ) -> list[Job]:
        """Record the jobs, then run them in the background.

        Parameters
        ----------
        plans : sequence of Plan
        obj, arguments, geobox
            What the caller gave to `compute`.
        name : str, optional
            Of the file.
        key : str, optional
            By which the request, of one plan, is recognised: the job that has it already is returned.
        limit : TimeLimit, optional
            When the jobs are stopped.
        block : bool
            Whether the caller stops them by itself when the time is over.
        waits : bool
            Whether the caller does nothing but wait: they may run in its thread.
        """
        run = self._start()
        left = None if limit is None or block else limit.left()
        deadline = None if left is None else run.services.clock() + timedelta(seconds=left)
        stop_at = None if left is None else time.monotonic() + left
        group_id = secrets.token_hex(24)
        jobs = []
        for plan in plans:
            job_id = secrets.token_hex(24)
            jobs.append(
                RunningJob(
                    job_id=job_id, delivery_id=secrets.token_hex(16), epoch=1, plan=plan, deadline=deadline,
                    principal=run.services.settings.principal, filename=filename_of(plan, job_id, name),
                    stop_at=stop_at,
                )
            )  # fmt: skip
        group = JobGroup(
            obj=obj, arguments=dict(arguments), geobox=geobox, jobs=jobs, services=run.services,
            deliver=partial(self._deliver, run),
        )  # fmt: skip
        try:
            with self._recorded(run, jobs, group_id, limit, key):
                run.executor.submit(self._registered(run, jobs, group.run), waits=waits)
        except KeyTaken as taken:
            return [self._job_of_key(taken.job_id, plans[0])]
        given = partial(Submission, obj=obj, arguments=arguments, geobox=geobox, name=name)
        return [Job(job.job_id, self, submission=given(job=job)) for job in jobs]

    def _job_of_key(self, job_id: str, plan: Plan) -> Job:
        """Return the job that has the key of a request, which must be the same request."""
        job = self.job(job_id)
        for role, asked in (("destination", plan.destination), ("format", plan.format)):
            given = getattr(job, role)
            if dict(given) != dict(asked):
                msg = f"is that of job {job_id}, whose {role} is {dict(given)}, not {dict(asked)}; use another key"
                raise RequestError([Problem("key", msg)])
        return job

    def resubmit(self, record: JobRecord, submission: Submission | None) -> Job:
        """Do a job once more, as a new one.

        Raises
        ------
        JobError
            Its object is not held in this process, and nothing is stored that could be delivered.
        """
        if submission is not None:
            return self.submit(
                [submission.job.plan], submission.obj,
                arguments=submission.arguments, geobox=submission.geobox, name=submission.name,
            )[0]  # fmt: skip
        stored = record.artifact
        cancelled = record.stage is Stage.CANCELLED
        if stored is None or stored.erased_at or cancelled or stored.expires_at <= self.services.clock():
            why = "its object is not kept in this process, and no artifact of it is stored"
        elif record.plan.get("withheld") and not record.secrets:
            why = "the secrets among its options are erased, and its object is not kept in this process"
        else:
            return self._deliver_again(record)
        raise JobError(f"job {record.id} can't be done again: {why}", job=Job(record.id, self))

    def _deliver_again(self, record: JobRecord) -> Job:
        """Deliver a stored artifact once more, as a new job; the old one stays as it ended."""
        run = self._start()
        assert record.artifact is not None  # the caller looked
        plan = self.plan_of(record)
        job = RunningJob(
            job_id=secrets.token_hex(24), delivery_id=secrets.token_hex(16), epoch=1, plan=plan,
            principal=run.services.settings.principal, filename=record.artifact.filename,
        )  # fmt: skip
        source = self._running_job(record, plan, run.services)
        work = partial(deliver_stored, job, source, run.services, partial(self._deliver, run))
        with self._recorded(run, [job], record.group_id):
            run.executor.submit(self._registered(run, [job], work))
        return Job(job.job_id, self)

    # -- looking up -----------------------------------------------------------------------------------------------

    @property
    def services(self) -> Services:
        """What jobs need from their session."""
        return self._open_services()

    def job(self, job_id: str) -> Job:
        """Return the job of that id, if it is one of this session's user.

        Raises
        ------
        UnknownJob
        """
        if type(job_id) is not str or not _ID.fullmatch(job_id):
            msg = f"there is no job {shown(job_id)}: an id is 48 hex digits"
            raise UnknownJob(msg)
        record = self.record_of(job_id)
        if record is None or self._principal not in {None, record.principal}:  # another user's looks like none
            raise unknown_job(job_id)
        return Job(job_id, self, record=record)

    def jobs(
        self, *, stage: Stage | None = None, group_id: str | None = None, limit: int | None = None
    ) -> Sequence[Job]:
        """Return jobs of this session's user, the newest first."""
        records = self.services.ledger.list(stage=stage, group_id=group_id, principal=self._principal, limit=limit)
        return [Job(record.id, self, record=record) for record in records]

    def ids_beginning(self, prefix: str, *, limit: int) -> Sequence[str]:
        """Return ids of jobs of this session's user that begin so."""
        return self.services.ledger.ids_beginning(prefix, principal=self._principal, limit=limit)

    @property
    def _principal(self) -> str | None:
        """Whose jobs this session may see and change; None is everybody's, of a team that shares its ledger."""
        settings = self.services.settings
        return None if settings.shared_ledger else settings.principal

    def record_of(self, job_id: str) -> JobRecord | None:
        """Return the job's record, as the ledger has it now."""
        return self.services.ledger.get(job_id)

    def plan_of(self, record: JobRecord) -> Plan:
        """Return the plan that the ledger keeps of a job."""
        return self.services.dispatcher.restore(record.plan, record.secrets, ended=record.stage.done)

    def artifact_of(self, record: JobRecord) -> Artifact:
        """Return a job's artifact."""
        services, stored = self.services, record.artifact
        assert stored is not None  # the caller looked
        return Artifact(
            key=stored.key, filename=stored.filename, suffix=stored.suffix, media_type=stored.media_type,
            size_bytes=stored.size_bytes, sha256=stored.sha256, report=stored.report, source=services.store,
        )  # fmt: skip

    @property
    def running(self) -> Mapping[str, RunningJob]:
        """The jobs that this process runs, by id."""
        found: dict[str, RunningJob] = {}
        for run in self._runs():
            found |= run.running
        return found

    def running_job(self, job_id: str) -> RunningJob | None:
        """Return the job, while this process runs it."""
        return next((job for run in self._runs() if (job := run.running.get(job_id)) is not None), None)

    def _runs(self) -> list[_Run]:
        pid = os.getpid()
        return [run for run in [self._current, *self._closing] if run is not None and run.pid == pid]

    # -- cancelling, carrying on ----------------------------------------------------------------------------------

    def cancel(self, job_id: str) -> bool:
        """Ask for a job to be cancelled, whatever process runs it; return False where it has ended already."""
        run = self._start()
        if not run.services.ledger.request_cancel(job_id, now=run.services.clock()):
            return False
        job = self.running_job(job_id)
        if job is not None:
            self._request_cancel(job)
        if job is None or job.released:
            # Its process may have died; or its delivery waits, and is due now.
            recover(run.services)
            self.carry_due()
        return True

    def stop(self, job: RunningJob) -> bool:
        """Have a job of this process stopped, without asking the ledger; return False where it has ended already."""
        if job.released and job.stage.done:
            return False
        self._request_cancel(job, apart=True)
        return True

    def extend(self, record: JobRecord, expires_after: Any) -> datetime:
        """Have the link of a job work for so long from now on; one that works longer is left as it is."""
        settings = self.services.settings
        most = max(settings.link_days, settings.max_link_days)
        given = timedelta(days=settings.link_days) if expires_after is None else read_lifetime(expires_after)
        problems = [] if expires_after is None else list(lifetime_problems(expires_after, most))
        if given is None or problems:
            raise RequestError(problems)
        now = self.services.clock()
        until = None
        if record.stage.done and record.stage is not Stage.CANCELLED:
            until = self.services.link_ledger.extend(record.delivery_id, now + given, now=now)
        if until is None:
            msg = f"the link of job {record.id} can't be extended: there is none that works"
            raise JobError(msg, job=Job(record.id, self))
        return until

    def cancel_all(self) -> None:
        """Have all jobs of this process stopped."""
        for job in self.running.values():
            self._request_cancel(job)

    def carry_due(self) -> int:
        """Take up every delivery that is due and that no process owns; return how many."""
        run = self._start()
        run.maintenance.wake(due=True)
        return self._carry_due_of(run)

    def _carry_due_of(self, run: _Run) -> int:
        services = run.services
        taken = 0
        with run.claiming:
            if run.closing:  # its threads are about to end: a later start or another process takes up what is due
                return 0
            self._take_up_claimed(run)
            try:
                while due := services.ledger.claim_due(run.worker.id, now=services.clock(), limit=CLAIMED_AT_ONCE):
                    taken += len(due)
                    for record in due:
                        self._take_up_record(run, record)
            except BaseException:
                run.in_doubt = True
                raise
        return taken

    def _take_up_claimed(self, run: _Run) -> None:
        """After a claim whose answer was lost: take up what this process owns and does not know of."""
        if run.in_doubt:
            for record in run.services.ledger.owned_by([run.worker.id]):
                if record.stage is Stage.SAVING and record.id not in run.running:
                    self._take_up_record(run, record)
            run.in_doubt = False

    def recover(self) -> int:
        """End or hand on what dead processes left; return how many jobs that were."""
        return recover(self._start().services)

    def relieve(self, job: RunningJob) -> None:
        """Give a job that waits in the queue a thread of its own, where nothing goes on otherwise.

        The running jobs may be waiting for it, from threads that are not known to work for them.
        """
        if job.stage is Stage.QUEUED and job.work is not None:
            for run in self._runs():
                if job.job_id in run.running and run.executor.stalled():
                    run.executor.run_apart(job.work)

    # -- the end --------------------------------------------------------------------------------------------------

    def drain(self) -> None:
        """Wait until this process runs no job any more."""
        for run in self._runs():
            self._drain(run)

    def _drain(self, run: _Run) -> None:
        while run.pid == os.getpid() and run.running:
            for job in list(run.running.values()):
                if job.deferred is not None:
                    # One more try; if the ledger still can't be written, recovery will say how it ended.
                    write_or_defer(job, "its end", job.deferred)
                    job.release()
                    self._forget(run, [job])
                elif not job.ended.wait(TICK_SECONDS):
                    self.relieve(job)

    def close(self) -> None:
        """Wait for the jobs that there are now, then end the threads; a later call starts new ones.

        From a thread of a job it does not wait: the job would wait for itself.
        """
        with self._guard:
            run, self._current = self._current, None
            if run is None or run.pid != os.getpid():
                return
            self._closing.append(run)
        if in_job():
            threading.Thread(target=self._end, args=(run,), name="bourn-close", daemon=True).start()
        else:
            self._end(run)

    def _end(self, run: _Run) -> None:
        with run.claiming:  # what a round of maintenance is taking up is waited for, too
            run.closing = True
        self._drain(run)
        run.executor.close()
        run.deliveries.close()
        run.maintenance.stop()
        with suppress(LedgerError):  # else a sweep removes it
            run.services.workers.remove(run.worker)
        with self._guard:
            self._closing.remove(run)
            if self._current is None and not self._closing:
                run.services.ledger.database.close()

    def open_jobs(self) -> list[str]:
        """Say of each job of this process that has not succeeded what has become of it."""
        return [line for pid, job_id in list(self._open) if pid == os.getpid() and (line := self._open_line(job_id))]

    def _open_line(self, job_id: str) -> str | None:
        try:
            record = self.record_of(job_id)
        except BournError as error:
            return f"job {job_id}: the ledger could not be written or read: {error}"
        if record is None or record.stage in {Stage.SUCCEEDED, Stage.CANCELLED}:
            return None
        if record.stage is Stage.FAILED:
            return f"job {job_id} failed: {(record.error or {}).get('message', '')}"
        note = f" ({record.note})" if record.note else ""
        return (
            f"job {job_id} has not ended: it is at {record.stage}{note}; `bourn sweep`, `bourn serve` or the next "
            "process that uses this ledger carries it on"
        )

    # -- inside ---------------------------------------------------------------------------------------------------

    def _start(self) -> _Run:
        """Start, or start again in a forked child or after `close`; recover what dead processes left."""
        run = self._current
        if run is not None and run.pid == os.getpid():
            return run
        with self._guard:
            run = self._current
            if run is not None and run.pid == os.getpid():
                return run
            services = self._open_services()
            run = _Run(
                services=services, worker=services.workers.enrol(now=services.clock()),
                executor=Executor(self._threads, "bourn-job"),
                deliveries=Executor(DELIVERIES_AT_ONCE, "bourn-delivery"),
            )  # fmt: skip
            run.maintenance = Maintenance(
                services, run.worker, run.running,
                carry_due=partial(self._carry_due_of, run), request_cancel=self._request_cancel,
                forget=partial(self._forget, run),
            )  # fmt: skip
            for executor in (run.executor, run.deliveries):
                weakref.finalize(run, executor.close).atexit = False
            self._current = run  # last: from now on no thread waits for this one
        recover(run.services)
        run.maintenance.wake()
        return run

    @contextmanager
    def _recorded(
        self,
        run: _Run,
        jobs: Sequence[RunningJob],
        group_id: str,
        limit: TimeLimit | None = None,
        key: str | None = None,
    ) -> Iterator[None]:
        """Write the jobs to the ledger; where the block fails, which has them run, cancel them."""
        services = run.services
        run.maintenance.renew_lease_if_due()  # after a long rest: a worker not seen for long is taken for dead
        new = [
            NewJob(
                id=job.job_id, delivery_id=job.delivery_id, group_id=group_id, principal=job.principal,
                plan=job.plan.as_json(), secrets=job.plan.secrets(), deadline_at=job.deadline, key=key,
            )
            for job in jobs
        ]  # fmt: skip
        try:
            services.ledger.add(new, worker_id=run.worker.id, now=services.clock())
            self._open.update((run.pid, job.job_id) for job in jobs)
            wait_at_exit(self)
            if limit is not None and limit.left() == 0:  # the ledger took too long: the caller has gone on
                for job in jobs:
                    job.cancel_requested.set()
            yield
        except KeyTaken:
            for job in jobs:
                job.take()
                job.release()
            raise
        except BaseException as error:
            # Ctrl-C in between, or no thread is available: what was recorded does not stay QUEUED for ever.
            for job in jobs:
                self._open.discard((run.pid, job.job_id))
                if job.take():
                    self._withdraw(run, job, error)
            self._forget(run, jobs)
            raise

    def _withdraw(self, run: _Run, job: RunningJob, error: BaseException) -> None:
        """Cancel what has hardly begun."""
        if not isinstance(error, LedgerError):
            cancel(job, run.services)
        elif is_connection_lost(error.__cause__):  # it may have been recorded: looked up when the ledger is back
            job.deferred = partial(cancel, job, run.services)
        else:
            job.release()
        if job.deferred is not None:
            with self._guard:
                run.running[job.job_id] = job
            run.maintenance.wake()

    def _registered(self, run: _Run, jobs: Sequence[RunningJob], work: Callable[[], None]) -> Callable[[], None]:
        """Count the jobs among those that this process runs; return what runs them, to be submitted."""
        guarded = partial(self._work, run, jobs, work)
        with self._guard:
            for job in jobs:
                job.work = guarded
                run.running[job.job_id] = job
                run.known.setdefault(job.job_id, job)
        run.maintenance.wake()
        return guarded

    def _work(self, run: _Run, jobs: Sequence[RunningJob], work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001  # see below
            # Errors of third-party code are handled by `work`; what gets here is our own, and no job hangs for it.
            _log.exception("running a job failed")
            for job in jobs:
                if not job.released and job.deferred is None:
                    fail(job, run.services, as_job_error(error, doing="carrying it out"))
        self._forget(run, jobs)

    def _forget(self, run: _Run, jobs: Iterable[RunningJob]) -> None:
        """Drop those that are released."""
        with self._guard:
            for job in jobs:
                if not job.released:
                    continue
                job.work = None  # it refers to the result
                # Another try of the same job may have come in meanwhile.
                if run.running.get(job.job_id) is job:
                    del run.running[job.job_id]
                if job.stage.done and (run.pid, job.job_id) in self._open:
                    self._open.discard((run.pid, job.job_id))
                    if job.stage is Stage.FAILED and not job.seen:
                        failed_unseen(self, job.job_id, str(job.failure or ""))

    def _deliver(self, run: _Run, job: RunningJob) -> None:
        if deliver(job, run.services) is not None:
            run.maintenance.wake(due=True)

    def _take_up_record(self, run: _Run, record: JobRecord) -> None:
        """Carry on with a delivery that another process, or an earlier try, has left."""
        services = run.services
        try:
            plan = services.dispatcher.restore(record.plan, record.secrets)
        except Exception as error:  # noqa: BLE001  # what a later version wrote may fail in any way
            with suppress(LeaseLost):
                _leave_to_others(record, services, error)
            return
        job = self._running_job(record, plan, services)
        job.earlier = run.known.get(record.id)
        if job.earlier is not None:
            job.first_tried = job.earlier.first_tried

        def work() -> None:
            if job.take():
                self._deliver(run, job)

        run.deliveries.submit(self._registered(run, [job], work))
        if job.cancel_requested.is_set():
            self._request_cancel(job)

    def _running_job(self, record: JobRecord, plan: Plan, services: Services) -> RunningJob:
        stored = record.artifact
        assert stored is not None  # only what is stored is delivered
        now = services.clock()
        left = None if record.deadline_at is None else (record.deadline_at - now).total_seconds()
        if left is not None and left <= 0 and not services.clock.is_trusted(now):
            left = None  # by a clock that has leapt nothing is over
        job = RunningJob(
            job_id=record.id, delivery_id=record.delivery_id, epoch=record.epoch, plan=plan,
            principal=record.principal, filename=stored.filename, attempt=record.attempts,
            first_try_at=record.first_try_at, checkpoint=record.checkpoint, stage=record.stage,
            started_at=record.started_at, done=record.steps_done, total=record.steps_total,
            deadline=record.deadline_at, stop_at=None if left is None else time.monotonic() + left,
        )  # fmt: skip
        job.artifact = self.artifact_of(record)
        job.timed_out = left is not None and left <= 0
        if record.cancel_requested_at is not None or job.timed_out:
            job.cancel_requested.set()
        return job

    def _request_cancel(self, job: RunningJob, *, apart: bool = False) -> None:
        job.cancel_requested.set()
        # One that still waits for a thread is ended at once; of a fan-out the others go on.
        if not job.take():
            return
        run = next((run for run in self._runs() if run.running.get(job.job_id) is job), None)
        if run is None:
            return
        if job.artifact is None and not apart:
            self._cancel(run, job)
        else:  # a destination's `retract` takes its time, or the caller has none
            threading.Thread(target=self._cancel, args=(run, job), name="bourn-cancel", daemon=True).start()

    def _cancel(self, run: _Run, job: RunningJob) -> None:
        cancel(job, run.services)
        self._forget(run, [job])


def _leave_to_others(record: JobRecord, services: Services, error: Exception) -> None:
    """The plan can't be restored here (its plugin is not installed): leave it to others for a while, then give up."""
    now = services.clock()
    reason = as_job_error(error, doing="reading its plan").message
    if now < (record.first_try_at or now) + FOREIGN_PLUGIN_PATIENCE:
        services.ledger.postpone(
            record.id, record.epoch, record.delivery_id, until=now + PAUSE_MAX, note=reason, now=now
        )
        return
    cancelled = record.cancel_requested_at is not None
    failure = None if cancelled else as_json(DeliveryError(f"the delivery can't be carried on: {reason}"))
    services.ledger.finish(
        record.id, record.epoch, Stage.CANCELLED if cancelled else Stage.FAILED,
        now=now, expires_at=now if cancelled else now + timedelta(days=services.settings.link_days),
        started_at=record.started_at, error=failure,
    )  # fmt: skip
    services.hooks.job_changed(record.id)
