"""Maintenance of the jobs of this process, in a thread of its own; and of what dead processes left."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
import weakref
from typing import TYPE_CHECKING, TypeVar

from bourn.errors import JobFailed
from bourn.job.delivery import write_or_defer
from bourn.job.failure import as_json
from bourn.ledger.ledger import LeaseLost
from bourn.ledger.stages import Stage
from bourn.ledger.workers import HEARTBEAT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from bourn.job.running_job import RunningJob
    from bourn.job.services import Services
    from bourn.ledger.record import JobRecord
    from bourn.ledger.workers import Worker

__all__ = ["Maintenance", "recover"]

_log = logging.getLogger("bourn.job")

T = TypeVar("T")

TICK_SECONDS = 0.25
"""How often it looks at the jobs of this process."""

YOUNG_SECONDS = 0.1
"""How old a job is before its progress is written for other processes: the smallest have ended by then."""

DUE_SECONDS = 2.0
"""How often it looks for deliveries that are due, of any process."""

SWEEP_SECONDS = 60.0
"""How often it asks whether a sweep is due, while there are jobs."""

STOP_SECONDS = 5.0
"""How long to wait for its round, or its sweep, to end."""


class Maintenance:
    """Works in rounds: deferred writes, time limits, progress, cancel requests, heartbeat, due deliveries, sweeps.

    It sleeps while this process has nothing to do, and ends when nothing refers to it any more.

    Parameters
    ----------
    services : Services
    worker : Worker
        Whose lease it renews.
    running : mapping of str to RunningJob
        The jobs of this process, by id; the engine's own, so it changes.
    carry_due, request_cancel, forget : callable
        What the engine does with deliveries that are due, with jobs to cancel, and with those that have ended.
    """

    def __init__(
        self,
        services: Services,
        worker: Worker,
        running: Mapping[str, RunningJob],
        *,
        carry_due: Callable[[], int],
        request_cancel: Callable[[RunningJob], None],
        forget: Callable[[Iterable[RunningJob]], None],
    ) -> None:
        self._services = services
        self._worker = worker
        self._running = running
        self._carry_due = carry_due
        self._request_cancel = request_cancel
        self._forget = forget
        self._check_due = threading.Event()
        self._check_due.set()
        self._due_at: float | None = None
        self._beaten = time.monotonic()
        self._sweep_at = 0.0
        self._sweeping: threading.Thread | None = None
        self._failed = False
        self._failure: str | None = None
        self._signals = _Signals()
        self._thread = threading.Thread(
            target=_loop, args=(self._signals, weakref.ref(self)), name="bourn-maintenance", daemon=True
        )
        weakref.finalize(self, self._signals.stop).atexit = False
        self._thread.start()

    def wake(self, *, due: bool = False) -> None:
        """There is something to do; `due`: a delivery, among other things."""
        if due:
            self._check_due.set()
        self._signals.awake.set()

    def stop(self) -> None:
        """End it, and wait for what it does."""
        self._signals.stop()
        for thread in (self._thread, self._sweeping):
            if thread is not None and thread is not threading.current_thread():
                thread.join(STOP_SECONDS)

    def renew_lease_if_due(self) -> None:
        """Renew the lease, if it is time to."""
        if time.monotonic() - self._beaten >= HEARTBEAT.total_seconds():
            self._services.workers.beat(self._worker, now=self._services.clock())
            self._beaten = time.monotonic()

    def busy(self) -> bool:
        """Whether the next round has something to do."""
        return bool(self._running) or self._due_at is not None or self._check_due.is_set()

    def work(self) -> None:
        """Do one round."""
        self._failed = False
        for step in (
            self._stop_overdue, self._write_deferred, self._write_progress, self._read_cancel_requests,
            self.renew_lease_if_due, self._sweep_if_due,
        ):  # fmt: skip
            self._attempt(step)
        if self._check_due.is_set() or (self._due_at is not None and time.monotonic() >= self._due_at):
            self._due_at = self._attempt(self._carry_and_look_ahead)
        if not self._failed:
            self._failure = None

    def _attempt(self, step: Callable[[], T]) -> T | None:
        try:
            return step()
        except Exception as error:  # noqa: BLE001  # the ledger may be out of reach for a while; jobs and this go on
            self._log_failure(error)
            return None

    def _log_failure(self, error: Exception) -> None:
        """Log a failure once, not at each of the rounds that it lasts."""
        text = f"{type(error).__name__}: {error}"
        level = logging.DEBUG if text == self._failure else logging.ERROR
        self._failed, self._failure = True, text
        _log.log(level, "maintenance of jobs failed; it tries again", exc_info=error)

    def _stop_overdue(self) -> None:
        for job in list(self._running.values()):
            if job.overdue() and not job.cancel_requested.is_set():
                job.timed_out = True
                self._request_cancel(job)

    def _write_deferred(self) -> None:
        """Write what could not be written when it came about."""
        for job in list(self._running.values()):
            write, job.deferred = job.deferred, None
            if write is not None:
                write_or_defer(job, "its end", write)
                self._forget([job])
                self._check_due.set()

    def _write_progress(self) -> None:
        before = time.monotonic() - YOUNG_SECONDS
        dirty = [job for job in list(self._running.values()) if job.dirty and not job.released and job.since <= before]
        if dirty:
            self._services.ledger.report_progress([job.progress_update() for job in dirty], now=self._services.clock())

    def _read_cancel_requests(self) -> None:
        open_to_it = {id_: job for id_, job in list(self._running.items()) if not job.cancel_requested.is_set()}
        if open_to_it:
            for id_ in self._services.ledger.cancels_of(self._worker.id) & open_to_it.keys():
                self._request_cancel(open_to_it[id_])

    def _sweep_if_due(self) -> None:
        """Sweep in a thread of its own: it may take minutes."""
        if time.monotonic() < self._sweep_at or (self._sweeping is not None and self._sweeping.is_alive()):
            return
        self._sweep_at = time.monotonic() + SWEEP_SECONDS
        self._sweeping = threading.Thread(target=_sweep, args=(self._services,), name="bourn-sweep", daemon=True)
        self._sweeping.start()

    def _carry_and_look_ahead(self) -> float | None:
        """Take up what is due; return when to look again, by the monotonic clock."""
        self._carry_due()
        self._check_due.clear()
        # Read after the flag is cleared: a delivery that is postponed from now on sets it again.
        try:
            due = self._services.ledger.next_due()
        except BaseException:
            self._check_due.set()
            raise
        if due is None:
            return None
        left = (due - self._services.clock()).total_seconds()
        return time.monotonic() + min(max(left, 0.0), DUE_SECONDS)


class _Signals:
    """What the thread waits for; it must not refer to the maintenance itself."""

    def __init__(self) -> None:
        self.awake = threading.Event()
        self.stopped = threading.Event()

    def stop(self) -> None:
        self.stopped.set()
        self.awake.set()


def _loop(signals: _Signals, reference: weakref.ref[Maintenance]) -> None:
    busy = True
    while True:
        if not busy:
            signals.awake.wait()
        signals.awake.clear()
        if signals.stopped.wait(TICK_SECONDS):
            return
        maintenance = reference()
        if maintenance is None:
            return
        maintenance.work()
        busy = maintenance.busy()
        del maintenance


def _sweep(services: Services) -> None:
    try:
        services.sweeper.sweep_if_due()
    except Exception:  # noqa: BLE001  # a disk that is full or a store out of reach: the next one tries again
        _log.exception("a sweep in the background failed; the next one tries again")


# -- what dead processes left -----------------------------------------------------------------------------------------


def recover(services: Services) -> int:
    """End or hand on the jobs of dead processes; return how many.

    Any number of processes may do it at once: each move is made under the dead one's epoch, so one of them makes it.
    """
    now = services.clock()
    dead = services.workers.dead(now=now)
    if not dead:
        return 0
    left = services.ledger.owned_by(dead)
    for record in left:
        with contextlib.suppress(LeaseLost):
            if record.stage is Stage.SAVING:
                services.ledger.postpone(
                    record.id, record.epoch, record.delivery_id,
                    until=now, note="its process died; the delivery is carried on", now=now,
                )  # fmt: skip
            else:
                _end_dead(record, services)
    return len(left)


def _end_dead(record: JobRecord, services: Services) -> None:
    failure = JobFailed(f"the process that carried it out died at {record.stage}, before its artifact was stored")
    cancelled = record.cancel_requested_at is not None
    now = services.clock()
    services.ledger.finish(
        record.id, record.epoch, Stage.CANCELLED if cancelled else Stage.FAILED,
        now=now, expires_at=now, started_at=record.started_at, error=None if cancelled else as_json(failure),
    )  # fmt: skip
    try:
        # An object may have been stored that was not recorded any more.
        for key in services.store.keys(f"{record.id}/"):
            services.store.delete(key)
    except OSError:
        _log.exception("what job %s may have left in the store is left to a sweep", record.id)
    services.hooks.job_changed(record.id)
