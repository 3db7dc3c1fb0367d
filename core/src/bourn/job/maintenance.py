"""Who looks after the jobs of this process: tells how far they are, hears of cancels, carries on what is due."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, TypeVar

from bourn.job.finish import owe
from bourn.ledger.workers import HEARTBEAT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from bourn.job.running_job import Member
    from bourn.job.services import Services
    from bourn.ledger.workers import Worker

__all__ = ["Caretaker"]

_log = logging.getLogger("bourn.job")

T = TypeVar("T")

TICK_SECONDS = 0.25
"""How often it looks at the jobs of this process."""

YOUNG_SECONDS = 0.1
"""How long a job may go on before other processes are told how far it is: the smallest have ended by then."""

DUE_SECONDS = 2.0
"""How often it looks for deliveries that are due, whoever left them."""

STOP_SECONDS = 5.0
"""How long to wait for its round to end."""


class Caretaker:
    """Goes its round in a thread of its own; sleeps where this process has nothing to do.

    Parameters
    ----------
    services : Services
    worker : Worker
        Whose lease it renews.
    members : mapping of str to Member
        The jobs of this process, by id; the engine's own, so it changes.
    carry_due, want_cancelled, let_go : callable
        What the engine does with deliveries that are due, with jobs to cancel, and with those that have ended.
    """

    def __init__(
        self,
        services: Services,
        worker: Worker,
        members: Mapping[str, Member],
        *,
        carry_due: Callable[[], int],
        want_cancelled: Callable[[Member], None],
        let_go: Callable[[Iterable[Member]], None],
    ) -> None:
        self._services = services
        self._worker = worker
        self._members = members
        self._carry_due = carry_due
        self._want_cancelled = want_cancelled
        self._let_go = let_go
        self._awake = threading.Event()
        self._look_for_due = threading.Event()
        self._look_for_due.set()
        self._stopped = threading.Event()
        self._beaten = time.monotonic()
        self._thread = threading.Thread(target=self._go_round, name="bourn-caretaker", daemon=True)
        self._thread.start()

    def wake(self, *, due: bool = False) -> None:
        """There is something to look after; `due`: a delivery, among other things."""
        if due:
            self._look_for_due.set()
        self._awake.set()

    def stop(self) -> None:
        """End its round."""
        self._stopped.set()
        self._awake.set()
        self._thread.join(STOP_SECONDS)

    def beat_now_and_then(self) -> None:
        """Renew the lease, if it is time to."""
        if time.monotonic() - self._beaten >= HEARTBEAT.total_seconds():
            self._services.workers.beat(self._worker, now=self._services.clock())
            self._beaten = time.monotonic()

    def _go_round(self) -> None:
        due_at: float | None = None
        steps = (self._settle, self._tell, self._look_for_cancels, self.beat_now_and_then)
        while True:
            if not self._members and due_at is None and not self._look_for_due.is_set():
                self._awake.wait()
            self._awake.clear()
            if self._stopped.wait(TICK_SECONDS):
                return
            for step in steps:
                self._take(step)
            if self._look_for_due.is_set() or (due_at is not None and time.monotonic() >= due_at):
                due_at = self._take(self._carry_and_see)

    def _take(self, step: Callable[[], T]) -> T | None:
        try:
            return step()
        except Exception:  # noqa: BLE001  # the ledger may be out of reach for a while; jobs go on, and so does the round
            _log.exception("looking after jobs failed; trying again")
            return None

    def _settle(self) -> None:
        """Write down what could not be written when it came about."""
        for member in list(self._members.values()):
            settle, member.owed = member.owed, None
            if settle is not None:
                owe(member, "its end", settle)
                self._let_go([member])
                self._look_for_due.set()

    def _tell(self) -> None:
        before = time.monotonic() - YOUNG_SECONDS
        untold = [
            member
            for member in list(self._members.values())
            if member.untold and not member.left and member.since <= before
        ]
        if untold:
            self._services.ledger.report_progress([member.told() for member in untold], now=self._services.clock())

    def _look_for_cancels(self) -> None:
        members = {id_: member for id_, member in list(self._members.items()) if not member.cancel_wanted.is_set()}
        if not members:
            return
        now = self._services.clock()
        late = {id_ for id_, member in members.items() if member.deadline is not None and now >= member.deadline}
        for id_ in late:
            members[id_].timed_out = True
        for id_ in late | (self._services.ledger.cancels_of(self._worker.id) & members.keys()):
            self._want_cancelled(members[id_])

    def _carry_and_see(self) -> float | None:
        """Take up what is due; gives when to look again, by the monotonic clock."""
        self._carry_due()
        self._look_for_due.clear()
        # Read after the flag went down: whoever postpones a delivery from now on puts it up again.
        try:
            due = self._services.ledger.next_due()
        except BaseException:
            self._look_for_due.set()
            raise
        if due is None:
            return None
        left = (due - self._services.clock()).total_seconds()
        return time.monotonic() + min(max(left, 0.0), DUE_SECONDS)
