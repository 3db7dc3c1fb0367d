"""One job while this process carries it out."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import attrs

from bourn.ledger.ledger import ProgressUpdate
from bourn.ledger.stages import Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from bourn.contract.answers import Receipt
    from bourn.contract.artifact import Artifact
    from bourn.dispatch.plan import Plan

__all__ = ["Member"]


@attrs.define(kw_only=True, eq=False)
class Member:
    """One job while this process carries it out: what changes from moment to moment.

    Everything that must survive the process is in the ledger; this is what it need not know at once.
    """

    job_id: str
    delivery_id: str
    epoch: int
    plan: Plan
    principal: str
    filename: str
    attempt: int = 1
    first_try_at: datetime | None = None
    checkpoint: Mapping[str, Any] = attrs.field(factory=dict)
    deadline: datetime | None = None
    stage: Stage = Stage.QUEUED
    started_at: datetime | None = None
    done: int = 0
    total: int = 0
    note: str = ""
    artifact: Artifact | None = None
    receipt: Receipt | None = None
    failure: BaseException | None = None
    earlier: Member | None = None
    """The same job at an earlier try in this process, which its caller's object still knows."""

    cancel_wanted: threading.Event = attrs.field(factory=threading.Event)
    timed_out: bool = False
    changed: threading.Condition = attrs.field(factory=threading.Condition)
    gone: threading.Event = attrs.field(factory=threading.Event)
    """Set once this process has let go of it: it has ended, or its delivery waits for another try."""

    version: int = 0
    """Counts the changes, so that a watcher sees that there was one."""

    since: float = attrs.field(factory=time.monotonic)
    """When this process took it up, by the monotonic clock."""

    untold: bool = False
    """Whether something changed that the ledger was not told yet."""

    owed: Callable[[], None] | None = None
    """Writes down what could not be written when it came about (the disk was full): its end, or its pause."""

    _taken: bool = attrs.field(default=False, init=False)

    def take(self) -> bool:
        """Whether it is the caller's: True for the first who asks, to begin it or to end it before it has begun."""
        with self.changed:
            taken, self._taken = self._taken, True
            return not taken

    def enter(self, stage: Stage) -> None:
        """Go on to another stage."""
        with self.changed:
            self.stage, self.note, self.untold = stage, "", True
            self._notify()

    def tell(self, done: int, total: int, note: str = "") -> None:
        """Take down how far the stage is."""
        with self.changed:
            self.done, self.total, self.note, self.untold = done, total, note, True
            self._notify()

    def fail_with(self, failure: BaseException) -> None:
        """Keep why it failed, with the cause, for callers of this process."""
        self.failure = failure
        if self.earlier is not None:
            self.earlier.fail_with(failure)

    def leave(self) -> None:
        """Let go: whoever waits looks into the ledger from now on."""
        self.gone.set()
        with self.changed:
            self._notify()

    @property
    def left(self) -> bool:
        """Whether this process has let go of it."""
        return self.gone.is_set()

    def want_cancelled(self) -> None:
        """Ask for the job to be cancelled at the next point where that is possible."""
        self.cancel_wanted.set()

    def told(self) -> ProgressUpdate:
        """What the ledger should know of it now."""
        with self.changed:
            self.untold = False
            return ProgressUpdate(
                job_id=self.job_id, epoch=self.epoch, stage=self.stage, started_at=self.started_at,
                done=self.done, total=self.total, note=self.note,
            )  # fmt: skip

    def _notify(self) -> None:
        self.version += 1
        self.changed.notify_all()
