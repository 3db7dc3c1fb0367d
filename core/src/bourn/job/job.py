"""A job as its caller sees it: its state, its result, and how to stop it."""

from __future__ import annotations

import time
from contextlib import ExitStack
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, TypeVar

import attrs

from bourn.contract.receipt import Receipt
from bourn.errors import JobCancelled, JobError, JobTimeout, LinkExpired, UnknownJob
from bourn.job.executor import TimeLimit
from bourn.job.failure import from_json
from bourn.job.file import write_file
from bourn.job.load import load
from bourn.job.progress import Bar, Progress
from bourn.ledger.stages import Stage

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime, timedelta

    from bourn.contract.artifact import Artifact
    from bourn.dispatch.plan import Plan
    from bourn.job.engine import Engine
    from bourn.job.running_job import RunningJob
    from bourn.ledger.record import JobRecord

__all__ = ["Job", "Submission", "gather", "unknown_job"]

T = TypeVar("T")

POLL_SECONDS = (0.02, 0.5)
"""How often the ledger is asked about a job that runs elsewhere: at first, and at the slowest."""

QUEUED_SECONDS = 0.25
"""How often a waiting caller looks whether its job needs a thread of its own."""

CANCEL_SECONDS = 0.3
"""How long a caller whose time is over waits for the ledger to take its cancel."""


@attrs.frozen(kw_only=True, eq=False)
class Submission:
    """What the caller gave to `compute`; kept with the job object, never stored."""

    job: RunningJob
    obj: Any
    arguments: Mapping[str, Any]
    geobox: Any
    name: str | None


class Job:
    """One plan that is carried out, by this process or by another one.

    An attribute says what the ledger said when it was last asked: `refresh`, `wait`, `watch` and `result` ask again,
    and so does an attribute of a job that has not ended.
    """

    default_engine: ClassVar[Callable[[], Engine]]
    """Returns the engine of the default session, which is defined in a package above this one."""

    def __init__(
        self, job_id: str, engine: Engine, *, record: JobRecord | None = None, submission: Submission | None = None
    ) -> None:
        self._id = job_id
        self._engine = engine
        self._submission = submission
        self._record = record

    @staticmethod
    def get(id: str) -> Job:  # DESIGN: Job.get(id)
        """Return the job of that id, from any process that uses the same ledger, by the default session.

        Raises
        ------
        UnknownJob
        """
        return Job.default_engine().job(id)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the id and where the ledger is: a job is looked up again in another process."""
        return self._engine.reduce_job(self._id)

    # -- what it is -------------------------------------------------------------------------------------------

    @property
    def id(self) -> str:
        """48 hex digits."""
        return self._id

    @property
    def group(self) -> str:
        """The id that the jobs of one fan-out share."""
        return self._known().group_id

    @property
    def stage(self) -> str:
        """QUEUED, PREPARING, RUNNING, SAVING, SUCCEEDED, FAILED or CANCELLED."""
        running = self._engine.running_job(self._id)
        return str(running.stage if running is not None and not running.released else self._current().stage)

    @property
    def done(self) -> bool:
        """Whether it has ended, one way or another."""
        return Stage(self.stage).done

    @property
    def cancelled(self) -> bool:
        """Whether it was cancelled."""
        return self.stage == Stage.CANCELLED

    @property
    def plan(self) -> Plan:
        """The plan that it carries out."""
        return self._engine.plan_of(self._known()) if self._submission is None else self._submission.job.plan

    @property
    def destination(self) -> Mapping[str, Any]:
        """The destination as a mapping, defaults filled in."""
        return MappingProxyType(dict(self._known().plan["destination"]))

    @property
    def format(self) -> Mapping[str, Any]:
        """The format as a mapping, defaults filled in."""
        return MappingProxyType(dict(self._known().plan["format"]))

    @property
    def url(self) -> str | None:
        """The link to the artifact, once it is stored; where the destination names another place, that one."""
        record = self._current()
        if record.receipt is not None and record.receipt.get("url"):
            return str(record.receipt["url"])
        return (
            None
            if record.artifact is None
            else self._engine.services.links.url(record.delivery_id, record.artifact.filename)
        )

    @property
    def expires_datetime(self) -> datetime | None:
        """When the link expires; until the job has ended, when it will at the earliest."""
        artifact = self._current().artifact
        return None if artifact is None else artifact.expires_at

    @property
    def created_datetime(self) -> datetime:
        """When it was asked for."""
        return self._known().created_at

    @property
    def updated_datetime(self) -> datetime:
        """When it last went on."""
        return self._current().updated_at

    @property
    def runtime(self) -> timedelta | None:
        """From its start to its end, or until now; None while it is queued."""
        record = self._current()
        return (
            None
            if record.started_at is None
            else (record.finished_at or self._engine.services.clock()) - record.started_at
        )

    @property
    def error(self) -> JobError | None:
        """Why it failed; None where it did not."""
        record = self._current()
        return None if record.error is None else self._failure(record)

    @property
    def receipt(self) -> Receipt | None:
        """What the destination answered."""
        receipt = self._current().receipt
        return None if receipt is None else Receipt(url=receipt.get("url"), detail=receipt.get("detail", {}))

    @property
    def report(self) -> Mapping[str, Any]:
        """What the destination and the format had to say of the result: ``{"prepare": ..., "encode": ...}``."""
        fresh = self._delivered_here()
        artifact = self._current().artifact if fresh is None else fresh[1]
        return {} if artifact is None else dict(artifact.report)

    @property
    def progress(self) -> Progress:
        """How far it is."""
        running = self._engine.running_job(self._id)
        if running is not None and not running.released:
            return Progress(stage=str(running.stage), done=running.done, total=running.total, note=running.note)
        record = self._current()
        return Progress(stage=str(record.stage), done=record.steps_done, total=record.steps_total, note=record.note)

    # -- what one does with it ----------------------------------------------------------------------------------

    def refresh(self) -> Job:
        """Ask the ledger again; return the job itself."""
        record = self._engine.record_of(self._id)
        if record is None:
            raise unknown_job(self._id)
        self._record = record
        return self

    def watch(self, timeout: float | None = None) -> Iterator[Progress]:
        """Yield the progress, now and at each change, until the job has ended.

        Parameters
        ----------
        timeout : float, optional
            Seconds after which `JobTimeout` is raised; the job goes on.
        """
        limit = TimeLimit(timeout)
        seen: Progress | None = None
        pause, slowest = POLL_SECONDS
        while True:
            running = self._engine.running_job(self._id)
            version = -1 if running is None else running.version
            progress = self._within(limit, lambda: self.progress)
            if progress != seen:
                seen, pause = progress, POLL_SECONDS[0]
                yield progress
            if Stage(progress.stage).done:
                return
            left = limit.left()
            if left == 0:
                raise self._late(limit)
            if running is not None and not running.released:
                with running.changed:
                    if running.version == version:
                        running.changed.wait(slowest if left is None else min(left, slowest))
                self._engine.relieve(running)
            else:
                time.sleep(pause if left is None else min(pause, left))
                pause = min(pause * 1.5, slowest)
                if pause == slowest:
                    self._within(limit, self._engine.recover)  # its process may have died

    def wait(
        self,
        timeout: float | None = None,
        progress_bar: bool | None = False,  # DESIGN's order
        cancel_on_timeout: bool = True,
        cancel_on_interrupt: bool = True,
    ) -> Job:
        """Wait until the job has ended; return the job itself.

        Parameters
        ----------
        timeout : float, optional
            Seconds.
        progress_bar : bool or None
            Whether to draw the progress; None does in notebooks only.
        cancel_on_timeout, cancel_on_interrupt : bool
            Whether a time-out, or Ctrl-C, cancels the job.

        Raises
        ------
        JobFailed, JobCancelled
            It did not succeed.
        JobTimeout
            It did not end in time.
        """
        limit = TimeLimit(timeout)
        bar = Bar.drawn_where(self._id, wanted=progress_bar)
        try:
            self._follow(bar, limit)
        except JobTimeout:
            if not cancel_on_timeout or self._stop():
                raise self._late(limit) from None
            # It has ended at this very moment.
        except KeyboardInterrupt:
            if cancel_on_interrupt:
                self._mark_seen()
                self.cancel()
            raise
        finally:
            bar.close()
        if self._delivered_here() is not None:
            return self
        record = self._within(limit, self._current)
        if record.stage is Stage.CANCELLED:
            msg = "the job was cancelled"
            raise JobCancelled(msg, job=self)
        if record.stage is Stage.FAILED:
            raise self._failure(record)
        return self

    def result(self, timeout: float | None = None, progress_bar: bool | None = None, **waiting: bool) -> Any:
        """Return the result: the Python object where the format gives one back, else the bytes.

        Waits as `wait` does, and raises what it raises.

        Raises
        ------
        LinkExpired
            Its time is over, and the data is erased.
        """
        limit = TimeLimit(timeout)
        self.wait(timeout, progress_bar, **waiting)
        return self._within(limit, self._load)

    def result_to_file(
        self,
        file: str | os.PathLike[str] | BinaryIO,
        timeout: float | None = None,
        progress_bar: bool | None = None,
        **waiting: bool,
    ) -> None:
        """Write the artifact's bytes to a path or a binary file object.

        A path gets a new file whole or not at all: an old one survives a failure.
        """
        limit = TimeLimit(timeout)
        self.wait(timeout, progress_bar, **waiting)
        if not self.plan.chosen_destination.plugin.gives_data:
            msg = f"the destination {self.plan.chosen_destination.name!r} does not give data back"
            raise JobError(msg, job=self)
        record = self._within(limit, self._current)
        self._check_not_expired(record)
        artifact = self._engine.artifact_of(record)
        with ExitStack() as stack:
            opening = self._engine.services.reader.stream(artifact)
            source = self._within(limit, lambda: stack.enter_context(opening))
            write_file(file, _Limited(source, partial(self._within, limit)))

    def cancel(self) -> bool:
        """Ask for the job to be cancelled; return False where it has ended already, which changes nothing."""
        return self._engine.cancel(self._id)

    def extend(self, expires_after: timedelta | str | None = None) -> datetime:
        """Have its link work for so long from now on; one that works longer is left as it is.

        Parameters
        ----------
        expires_after : timedelta or str, optional
            ISO 8601 such as ``"P2D"``, or ``"2d"``; at most the setting ``max_link_days``. By default ``link_days``.

        Returns
        -------
        datetime
            Until when it works.

        Raises
        ------
        RequestError
            `expires_after` is no duration, or too long.
        JobError
            It has no link that works now.
        """
        until = self._engine.extend(self.refresh()._known(), expires_after)  # noqa: SLF001  # it is itself
        self.refresh()
        return until

    def resubmit(self) -> Job:
        """Do it once more, as a new job.

        Recomputes while this process holds the object; else delivers a stored artifact again.

        Raises
        ------
        JobError
            Neither is possible any more.
        """
        return self._engine.resubmit(self.refresh()._known(), self._submission)  # noqa: SLF001  # it is itself

    # -- inside -------------------------------------------------------------------------------------------------

    def _known(self) -> JobRecord:
        """Return the record, for what never changes."""
        if self._record is None:
            self.refresh()
        assert self._record is not None  # refresh has set it, or raised
        return self._record

    def _current(self) -> JobRecord:
        """Return the record as it is now: an end is final and is not asked for again, but its links may be revoked."""
        if self._record is None or not self._record.stage.done:
            self.refresh()
        record = self._known()
        if record.stage.done:
            self._mark_seen()
        return record

    def _mark_seen(self) -> None:
        if self._submission is not None:
            self._submission.job.mark_seen()

    def _within(self, limit: TimeLimit, call: Callable[[], T]) -> T:
        """Return what `call` returns; where the ledger or the store does not answer in time, raise JobTimeout."""
        try:
            return limit.run(call, f"job {self._id}: asking the ledger or the store")
        except JobTimeout as error:
            error.job = error.job or self
            raise

    def _delivered_here(self) -> tuple[Receipt, Artifact] | None:
        """Return receipt and artifact of a job that this process has brought to success not long ago; else None.

        It saves a short job the query of the ledger, which costs as much as a commit.
        """
        running = None if self._submission is None else self._submission.job
        if running is None or not running.released or running.stage is not Stage.SUCCEEDED:
            return None
        services, began = self._engine.services, running.started_at
        if running.receipt is None or running.artifact is None or began is None:
            return None
        # What began within the life of a link can't have expired.
        until = began + services.lifetime_of(running.plan)
        return (running.receipt, running.artifact) if began <= services.clock() < until else None

    def _load(self) -> Any:
        fresh = self._delivered_here()
        if fresh is None:
            record = self._current()
            if (
                self.plan.chosen_destination.plugin.gives_data
            ):  # else the result is another place's, and lasts as long as that has it
                self._check_not_expired(record)
            fresh = self.receipt or Receipt(), self._engine.artifact_of(record)
        return load(self._id, self.plan, *fresh, self._engine.services)

    def _follow(self, bar: Bar, limit: TimeLimit) -> None:
        running = self._engine.running_job(self._id)
        if running is not None and not bar.shown:
            # Woken once: a wait that is woken at each step would cost a short job more than its work.
            while not running.ended.wait(_shorter(limit.left(), QUEUED_SECONDS)):
                if limit.left() == 0:
                    raise self._late(limit)
                self._engine.relieve(running)
        if not bar.shown and self._delivered_here() is not None:
            return
        for progress in self.watch(limit.left()):
            bar.draw(progress)

    def _stop(self) -> bool:
        """Have it cancelled without waiting for the ledger; return False where it has ended already."""
        running = self._engine.running_job(self._id)
        if running is None and self._submission is not None:
            running = self._submission.job
        if running is not None and not (running.released and not running.stage.done):
            self._mark_seen()
            return self._engine.stop(running)
        try:
            return TimeLimit(CANCEL_SECONDS).run(self.cancel, "asking for it to be cancelled")
        except JobTimeout:
            return True  # it is asked for, in the background

    def _failure(self, record: JobRecord) -> JobError:
        error = from_json(record.error or {}, self)
        running = self._engine.running_job(self._id) if self._submission is None else self._submission.job
        if running is not None and running.failure is not None:
            error.__cause__ = running.failure.__cause__ or running.failure
        return error

    def _late(self, limit: TimeLimit) -> JobTimeout:
        running = self._engine.running_job(self._id)
        stage = running.stage if running is not None else None if self._record is None else self._record.stage
        at = "" if stage is None else f"; it is at {stage}"
        return JobTimeout(f"the job did not end in {limit.seconds:.3g} s{at}", job=self)

    def _check_not_expired(self, record: JobRecord) -> None:
        stored = record.artifact
        if stored is not None and (stored.expired_at is not None or stored.expires_at <= self._engine.services.clock()):
            when = f"{stored.expires_at:%Y-%m-%d %H:%M} UTC"
            msg = f"the result of job {self._id} has expired on {when}, and its data is gone"
            raise LinkExpired(msg)

    def __repr__(self) -> str:
        return f"<Job {self._id}: {self.stage}>"

    def _repr_html_(self) -> str:
        from html import escape  # notebooks only

        record = self._current()
        rows = {
            "id": record.id,
            "stage": self.stage,
            "destination": str(self.destination.get("type")),
            "format": str(self.format.get("type")),
            "link": self.url or "",
            "until": "" if record.artifact is None else f"{record.artifact.expires_at:%Y-%m-%d %H:%M} UTC",
            "error": "" if record.error is None else str(record.error.get("message")),
        }
        cells = "".join(f"<tr><th>{name}</th><td>{escape(text)}</td></tr>" for name, text in rows.items() if text)
        return f"<table>{cells}</table>"


def unknown_job(job_id: str) -> UnknownJob:
    """Return the error for a job that is not in the ledger; another user's job looks the same."""
    return UnknownJob(f"the ledger knows no job {job_id!r}; its record may have been swept away")


def gather(jobs: Sequence[Job], timeout: float | None, progress_bar: bool | None) -> None:
    """Wait for all; then raise the first failure."""
    limit = TimeLimit(timeout)
    failures = []
    for job in jobs:
        try:
            job.wait(limit.left(), progress_bar)
        except JobError as error:
            error.jobs = tuple(jobs)
            failures.append(error)
        except KeyboardInterrupt:
            for other in jobs:  # the caller has no reference to any of them
                other.cancel()
            raise
    if failures:
        raise failures[0]


def _shorter(left: float | None, seconds: float) -> float:
    return seconds if left is None else min(left, seconds)


class _Limited:
    """A file that is read within a time limit."""

    def __init__(self, source: BinaryIO, within: Callable[[Callable[[], bytes]], bytes]) -> None:
        self._source = source
        self._within = within

    def read(self, size: int, /) -> bytes:
        return self._within(partial(self._source.read, size))
