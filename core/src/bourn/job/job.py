"""A job as its caller sees it: where it is, what it gives, and how to stop it."""

from __future__ import annotations

import time
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

import attrs

from bourn.contract.answers import Receipt
from bourn.errors import JobCancelled, JobError, JobTimeout, LinkExpired, UnknownJob
from bourn.job.failure import raised
from bourn.job.file import write_file
from bourn.job.progress import Bar, Progress
from bourn.ledger.stages import Stage

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime, timedelta

    from bourn.contract.artifact import Artifact
    from bourn.dispatch.plan import Plan
    from bourn.job.home import JobHome
    from bourn.job.running_job import Member
    from bourn.ledger.record import JobRecord

__all__ = ["Given", "Job"]

POLL_SECONDS = (0.02, 0.5)
"""How often the ledger is asked about a job that runs elsewhere: at first, and at the slowest."""


@attrs.frozen(kw_only=True, eq=False)
class Given:
    """What the caller of this process handed over; kept with the job object, never written down."""

    member: Member
    obj: Any
    arguments: Mapping[str, Any]
    geobox: Any


class Job:
    """One plan being carried out, by this process or by another one.

    What an attribute says is what the ledger said when it was last asked: `refresh`, `wait`, `watch` and
    `result` ask again, and so does an attribute of a job that has not ended.
    """

    default_home: ClassVar[Callable[[], JobHome]]
    """Gives the default session; set by the room of sessions, which is above this one."""

    def __init__(
        self, job_id: str, home: JobHome, *, record: JobRecord | None = None, given: Given | None = None
    ) -> None:
        self._id = job_id
        self._home = home
        self._given = given
        self._record = record

    @staticmethod
    def get(id: str) -> Job:  # DESIGN: Job.get(id)
        """The job of that id, from any process that sees the same ledger, by the default session.

        Raises
        ------
        UnknownJob
        """
        return Job.default_home().job(id)

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
        member = self._home.member_of(self._id)
        return str(member.stage if member is not None and not member.left else self._current().stage)

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
        return self._home.plan_of(self._known()) if self._given is None else self._given.member.plan

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
        return None if record.artifact is None else self._home.link_of(record)

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
        return None if record.started_at is None else (record.finished_at or self._home.now()) - record.started_at

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
        artifact = self._current().artifact
        return {} if artifact is None else dict(artifact.report)

    @property
    def progress(self) -> Progress:
        """How far it is."""
        member = self._home.member_of(self._id)
        if member is not None and not member.left:
            return Progress(stage=str(member.stage), done=member.done, total=member.total, note=member.note)
        record = self._current()
        return Progress(stage=str(record.stage), done=record.steps_done, total=record.steps_total, note=record.note)

    # -- what one does with it ----------------------------------------------------------------------------------

    def refresh(self) -> Job:
        """Ask the ledger again; gives the job itself."""
        record = self._home.record_of(self._id)
        if record is None:
            msg = f"the ledger knows no job {self._id!r}; its record may have been swept away"
            raise UnknownJob(msg)
        self._record = record
        return self

    def watch(self, timeout: float | None = None) -> Iterator[Progress]:
        """Yield how far it is, now and at each change, until it has ended.

        Parameters
        ----------
        timeout : float, optional
            Seconds after which `JobTimeout` is raised; the job goes on.
        """
        limit = None if timeout is None else time.monotonic() + timeout
        seen: Progress | None = None
        pause, slowest = POLL_SECONDS
        while True:
            member = self._home.member_of(self._id)
            version = -1 if member is None else member.version
            progress = self.progress
            if progress != seen:
                seen, pause = progress, POLL_SECONDS[0]
                yield progress
            if Stage(progress.stage).done:
                return
            left = None if limit is None else limit - time.monotonic()
            if left is not None and left <= 0:
                raise self._late(timeout)
            if member is not None and not member.left:
                with member.changed:
                    if member.version == version:
                        member.changed.wait(slowest if left is None else min(left, slowest))
            else:
                time.sleep(pause if left is None else min(pause, left))
                pause = min(pause * 1.5, slowest)
                if pause == slowest:
                    self._home.recover()  # its process may have died

    def wait(
        self,
        timeout: float | None = None,
        progress_bar: bool | None = False,  # DESIGN's order
        cancel_on_timeout: bool = True,
        cancel_on_interrupt: bool = True,
    ) -> Job:
        """Wait until it has ended; gives the job itself.

        Parameters
        ----------
        timeout : float, optional
            Seconds.
        progress_bar : bool or None
            Whether to draw how far it is; None does in notebooks only.
        cancel_on_timeout, cancel_on_interrupt : bool
            Whether a time-out, or Ctrl-C, cancels the job.

        Raises
        ------
        JobFailed, JobCancelled
            It did not succeed.
        JobTimeout
            It did not end in time.
        """
        bar = Bar.drawn_where(self._id, wanted=progress_bar)
        try:
            self._follow(bar, timeout)
        except JobTimeout:
            if not cancel_on_timeout or self.cancel():
                raise self._late(timeout) from None
            # It has ended at this very moment.
        except KeyboardInterrupt:
            if cancel_on_interrupt:
                self.cancel()
            raise
        finally:
            bar.close()
        if self._delivered_here() is not None:
            return self
        record = self._current()
        if record.stage is Stage.CANCELLED:
            msg = "the job was cancelled"
            raise JobCancelled(msg, job=self)
        if record.stage is Stage.FAILED:
            raise self._failure(record)
        return self

    def result(self, timeout: float | None = None, progress_bar: bool | None = None, **waiting: bool) -> Any:
        """What came of it: the Python object where the format gives one back, else the bytes.

        Waits as `wait` does, and raises what it raises.

        Raises
        ------
        LinkExpired
            Its time is over, and the data is gone.
        """
        self.wait(timeout, progress_bar, **waiting)
        fresh = self._delivered_here()
        if fresh is None:
            record = self._current()
            if self.plan.to.plugin.gives_data:  # else the result is another place's, and lasts as long as that has it
                self._check_not_expired(record)
            fresh = self.receipt or Receipt(), self._home.artifact_of(record)
        return self._home.load(self._id, self.plan, *fresh)

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
        self.wait(timeout, progress_bar, **waiting)
        if not self.plan.to.plugin.gives_data:
            msg = f"the destination {self.plan.to.name!r} does not give data back"
            raise JobError(msg, job=self)
        record = self._current()
        self._check_not_expired(record)
        with self._home.artifact_of(record).open() as source:
            write_file(file, source)

    def cancel(self) -> bool:
        """Ask for it to be cancelled; False where it has ended already, which changes nothing."""
        return self._home.cancel(self._id)

    def resubmit(self) -> Job:
        """Do it once more, as a new job.

        Recomputes while this process holds the object; else delivers a stored artifact again.

        Raises
        ------
        JobError
            Neither is to be had any more.
        """
        return self._home.resubmit(self.refresh()._known(), self._given)  # noqa: SLF001  # it is itself

    # -- inside -------------------------------------------------------------------------------------------------

    def _known(self) -> JobRecord:
        """The record, for what never changes."""
        if self._record is None:
            self.refresh()
        assert self._record is not None  # refresh has set it, or raised
        return self._record

    def _delivered_here(self) -> tuple[Receipt, Artifact] | None:
        """Receipt and artifact of a job that this process has brought to success not long ago; else None.

        It saves a short job the look into the ledger, which costs as much as a commit.
        """
        member = None if self._given is None else self._given.member
        if member is None or not member.left or member.stage is not Stage.SUCCEEDED:
            return None
        if member.receipt is None or member.artifact is None or not self._home.is_recent(member.started_at):
            return None
        return member.receipt, member.artifact

    def _current(self) -> JobRecord:
        """The record as it is now: an end is final and needs no second look, but its links may be revoked."""
        if self._record is None or not self._record.stage.done:
            self.refresh()
        return self._known()

    def _follow(self, bar: Bar, timeout: float | None) -> None:
        limit = None if timeout is None else time.monotonic() + timeout
        member = self._home.member_of(self._id)
        if member is not None and not bar.shown:
            # Woken once: a wait that is woken at each step would cost a short job more than its work.
            member.gone.wait(timeout)
        if not bar.shown and self._delivered_here() is not None:
            return
        left = None if limit is None else max(limit - time.monotonic(), 0.0)
        for progress in self.watch(left):
            bar.draw(progress)

    def _failure(self, record: JobRecord) -> JobError:
        error = raised(record.error or {}, self)
        member = self._home.member_of(self._id) if self._given is None else self._given.member
        if member is not None and member.failure is not None:
            error.__cause__ = member.failure.__cause__ or member.failure
        return error

    def _late(self, timeout: float | None) -> JobTimeout:
        return JobTimeout(f"the job did not end in {timeout:.3g} s; it is at {self.stage}", job=self)

    def _check_not_expired(self, record: JobRecord) -> None:
        stored = record.artifact
        if stored is not None and (stored.expired_at is not None or stored.expires_at <= self._home.now()):
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
