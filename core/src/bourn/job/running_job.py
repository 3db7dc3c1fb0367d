"""One job while this process runs it."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import attrs

from bourn.job.at_exit import forget_failure
from bourn.ledger.record import ProgressUpdate
from bourn.ledger.stages import Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from bourn.contract.artifact import Artifact
    from bourn.contract.receipt import Receipt
    from bourn.dispatch.plan import Plan

__all__ = ["RunningJob"]


@attrs.define(kw_only=True, eq=False)
class RunningJob:
    """One job while this process runs it: the state that changes from moment to moment.

    Everything that must survive the process is in the ledger; this is what the ledger need not have at once.
    """

    job_id: str
    delivery_id: str
    epoch: int
    plan: Plan
    principal: str
    filename: str
    attempt: int = 1
    first_try_at: datetime | None = None
    first_tried: float | None = None
    """The same by the monotonic clock, where it was in this process."""

    checkpoint: Mapping[str, Any] = attrs.field(factory=dict)
    deadline: datetime | None = None
    """When it is stopped, for the ledger and for other processes."""

    stop_at: float | None = None
    """When it is stopped, by the monotonic clock: what counts in this process, whatever is done to the wall clock."""

    stage: Stage = Stage.QUEUED
    started_at: datetime | None = None
    done: int = 0
    total: int = 0
    note: str = ""
    artifact: Artifact | None = None
    receipt: Receipt | None = None
    failure: BaseException | None = None
    earlier: RunningJob | None = None
    """The same job at an earlier try in this process, which its caller's object still refers to."""

    cancel_requested: threading.Event = attrs.field(factory=threading.Event)
    timed_out: bool = False
    changed: threading.Condition = attrs.field(factory=threading.Condition)
    ended: threading.Event = attrs.field(factory=threading.Event)
    """Set once this process has released the job: it has ended, or its delivery waits for another try."""

    version: int = 0
    """Counts the changes, so that a watcher sees that there was one."""

    since: float = attrs.field(factory=time.monotonic)
    """When this process took it up, by the monotonic clock."""

    dirty: bool = False
    """Whether its progress has changed since it was last written to the ledger."""

    deferred: Callable[[], None] | None = None
    """A write to the ledger that failed when it was due (the disk was full): its end, or its pause."""

    seen: bool = False
    """Whether a caller knows how it ended."""

    work: Callable[[], None] | None = None
    """What runs it; doing it twice does it once."""

    _taken: bool = attrs.field(default=False, init=False)

    def take(self) -> bool:
        """Return True to the first caller: who begins it, or ends it before it has begun."""
        with self.changed:
            taken, self._taken = self._taken, True
            return not taken

    def enter(self, stage: Stage) -> None:
        """Go on to another stage."""
        with self.changed:
            self.stage, self.note, self.dirty = stage, "", True
            self._notify()

    def report_progress(self, done: int, total: int, note: str = "") -> None:
        """Set how far the stage is."""
        with self.changed:
            self.done, self.total, self.note, self.dirty = done, total, note, True
            self._notify()

    def fail_with(self, failure: BaseException) -> None:
        """Keep why it failed, with the cause, for callers of this process."""
        self.failure = failure
        if self.earlier is not None:
            self.earlier.fail_with(failure)

    def release(self) -> None:
        """Stop being the source of the job's state: those who wait read the ledger from now on."""
        self.ended.set()
        with self.changed:
            self._notify()

    def mark_seen(self) -> None:
        """Note that a caller knows how it ended."""
        self.seen = True
        forget_failure(self.job_id)

    @property
    def released(self) -> bool:
        """Whether this process has released the job."""
        return self.ended.is_set()

    def overdue(self) -> bool:
        """Whether its time is over."""
        return self.stop_at is not None and time.monotonic() >= self.stop_at

    def progress_update(self) -> ProgressUpdate:
        """Return what the ledger should have of its progress now."""
        with self.changed:
            self.dirty = False
            return ProgressUpdate(
                job_id=self.job_id, epoch=self.epoch, stage=self.stage, started_at=self.started_at,
                done=self.done, total=self.total, note=self.note,
            )  # fmt: skip

    def _notify(self) -> None:
        self.version += 1
        self.changed.notify_all()
