"""Threads of this process that carry out jobs; as many at a time as the settings say."""

from __future__ import annotations

import logging
import os
import secrets
import threading
import weakref
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from bourn.contract.artifact import Artifact
from bourn.errors import DeliveryError, LedgerError
from bourn.job.deliver import LONGEST_PAUSE, deliver
from bourn.job.encode import name_of
from bourn.job.executor import Places
from bourn.job.failure import failed, written
from bourn.job.finish import cancel, fail, owe
from bourn.job.job_group import Work, carry_out, carry_stored
from bourn.job.maintenance import TICK_SECONDS, Caretaker
from bourn.job.recovery import recover
from bourn.job.running_job import Member
from bourn.ledger.database_errors import is_connection_lost
from bourn.ledger.ledger import LeaseLost, NewJob
from bourn.ledger.stages import Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from bourn.dispatch.plan import Plan
    from bourn.job.services import Services
    from bourn.ledger.record import JobRecord
    from bourn.ledger.workers import Worker

__all__ = ["Engine", "artifact_of"]

_log = logging.getLogger("bourn.job")

DELIVERIES_AT_ONCE = 4
"""Of those that were left to be tried again. They wait for somebody else's answer, and never for hours of computing."""

CLAIMED_AT_ONCE = 50
"""How many deliveries that are due are taken over in one commit."""

PATIENCE = timedelta(hours=1)
"""How long a delivery whose plugin is not installed here is left to other processes."""


class Engine:
    """Carries out jobs in threads of this process; as many at a time as the settings say.

    It is this process's: a forked child starts with no jobs and no threads of its parent's.
    """

    def __init__(self, services: Callable[[], Services], threads: int) -> None:
        self._made_services = services
        self._threads = threads
        self._guard = threading.Lock()
        self._pid = 0
        _engines.add(self)

    # -- what a session asks for ----------------------------------------------------------------------------

    def submit(
        self,
        plans: Sequence[Plan],
        obj: Any,
        *,
        arguments: Mapping[str, Any],
        geobox: Any,
        timeout: float | None,
        waits: bool = False,
    ) -> list[Member]:
        """Write the jobs down, then carry them out in the background; or here, where the caller `waits` for them."""
        self._ensure()
        services = self._services
        now = services.clock()
        deadline = None if timeout is None else now + timedelta(seconds=timeout)
        group = secrets.token_hex(24)
        principal = services.settings.principal
        members = []
        for plan in plans:
            job_id = secrets.token_hex(24)
            members.append(
                Member(
                    job_id=job_id, delivery_id=secrets.token_hex(16), epoch=1, plan=plan, principal=principal,
                    filename=name_of(plan, job_id), deadline=deadline,
                )
            )  # fmt: skip
        work = Work(obj=obj, arguments=dict(arguments), geobox=geobox, members=members)
        self._begin(members, group, lambda: carry_out(work, services, self._deliver), waits=waits)
        return members

    def member(self, job_id: str) -> Member | None:
        """The job, while this process carries it out."""
        return self._members.get(job_id) if self._pid == os.getpid() else None

    def cancel(self, job_id: str) -> bool:
        """Ask for a job to be cancelled, wherever it runs; False where it has ended already."""
        self._ensure()
        services = self._services
        if not services.ledger.request_cancel(job_id, now=services.clock()):
            return False
        member = self.member(job_id)
        if member is not None:
            self._want_cancelled(member)
        if member is None or member.left:
            # Its process may have died; or its delivery waits, and is due now.
            recover(services)
            self.carry_due()
        return True

    def redeliver(self, record: JobRecord, plan: Plan) -> Member:
        """Deliver a stored artifact once more, as a new job; the old one stays as it ended."""
        self._ensure()
        services = self._services
        assert record.artifact is not None  # the caller looked
        member = Member(
            job_id=secrets.token_hex(24), delivery_id=secrets.token_hex(16), epoch=1, plan=plan,
            principal=services.settings.principal, filename=record.artifact.filename,
        )  # fmt: skip
        twin = _member_of(record, plan, services)
        self._begin([member], record.group_id, lambda: carry_stored(member, twin, services, self._deliver))
        return member

    def carry_due(self) -> int:
        """Take up every delivery that is due and that nobody owns; gives how many."""
        self._ensure()
        services = self._services
        self._caretaker.wake(due=True)
        taken = 0
        with self._claiming:
            self._take_up_claimed()
            try:
                while due := services.ledger.claim_due(self._worker.id, now=services.clock(), limit=CLAIMED_AT_ONCE):
                    taken += len(due)
                    for record in due:
                        self._take_up_record(record)
            except BaseException:
                self._in_doubt = True
                raise
        return taken

    def _take_up_claimed(self) -> None:
        """Where a claim was never answered, or not taken up: what this process owns and does not know of."""
        if self._in_doubt:
            for record in self._services.ledger.owned_by([self._worker.id]):
                if record.stage is Stage.SAVING and record.id not in self._members:
                    self._take_up_record(record)
            self._in_doubt = False

    def recover(self) -> int:
        """End or hand on what dead processes left; gives how many jobs that were."""
        self._ensure()
        return recover(self._services)

    def drain(self) -> None:
        """Wait until this process carries out nothing any more."""
        while self._pid == os.getpid() and self._members:
            for member in list(self._members.values()):
                if member.owed is not None:
                    # One more try; if the ledger still can't be written, recovery will say how it ended.
                    owe(member, "its end", member.owed)
                    member.leave()
                    self._let_go([member])
                else:
                    member.gone.wait(TICK_SECONDS)

    def close(self) -> None:
        """Wait for its jobs, then end its threads; the next call starts anew."""
        self.drain()
        with self._guard:
            if self._pid != os.getpid():
                return
            self._pid = 0
        self._places.close()
        self._delivering.close()
        self._caretaker.stop()
        with suppress(LedgerError):  # a sweep removes it later
            self._services.workers.remove(self._worker)

    # -- inside -----------------------------------------------------------------------------------------------

    def _ensure(self) -> None:
        """Start, or start again in a forked child: recover what dead processes left, and look after the rest."""
        if self._pid == os.getpid():
            return
        with self._guard:
            if self._pid == os.getpid():
                return
            self._services = self._made_services()
            self._members: dict[str, Member] = {}
            self._known: weakref.WeakValueDictionary[str, Member] = weakref.WeakValueDictionary()
            self._places = Places(self._threads, "bourn-job")
            self._delivering = Places(DELIVERIES_AT_ONCE, "bourn-delivery")
            self._worker: Worker = self._services.workers.enrol(now=self._services.clock())
            self._claiming = threading.RLock()
            self._in_doubt = False
            self._caretaker: Caretaker = Caretaker(
                self._services, self._worker, self._members,
                carry_due=self.carry_due, want_cancelled=self._want_cancelled, let_go=self._let_go,
            )  # fmt: skip
            self._pid = os.getpid()  # last: from now on no thread waits for this one
        recover(self._services)
        self._caretaker.wake()

    def _forget_parent(self) -> None:
        """In a forked child: its parent's thread may have held the lock."""
        self._guard = threading.Lock()

    def _begin(self, members: Sequence[Member], group: str, work: Callable[[], None], *, waits: bool = False) -> None:
        services = self._services
        self._caretaker.beat_now_and_then()  # after a long rest: who was not seen for long is taken for dead
        new = [
            NewJob(
                id=member.job_id, delivery_id=member.delivery_id, group_id=group, principal=member.principal,
                plan=member.plan.as_json(), secrets=member.plan.secrets(), deadline_at=member.deadline,
            )
            for member in members
        ]  # fmt: skip
        try:
            services.ledger.add(new, worker_id=self._worker.id, now=services.clock())
            self._take_up(members, partial(self._places.carry, waits=waits), work)
        except BaseException as error:
            # Ctrl-C in between, or no thread to be had: what was written down is not left for ever QUEUED.
            for member in members:
                if member.take():
                    self._withdraw(member, error)
            self._let_go(members)
            raise

    def _withdraw(self, member: Member, error: BaseException) -> None:
        """Cancel what was hardly begun."""
        if not isinstance(error, LedgerError):
            cancel(member, self._services)
        elif is_connection_lost(
            error.__cause__
        ):  # it may have been written down: to be looked up when the ledger is back
            member.owed = partial(cancel, member, self._services)
        else:
            member.leave()
        if member.owed is not None:
            with self._guard:
                self._members[member.job_id] = member
            self._caretaker.wake()

    def _take_up(
        self, members: Sequence[Member], carry: Callable[[Callable[[], None]], None], work: Callable[[], None]
    ) -> None:
        with self._guard:
            for member in members:
                self._members[member.job_id] = member
                self._known.setdefault(member.job_id, member)
        self._caretaker.wake()
        carry(partial(self._carry, members, work))

    def _carry(self, members: Sequence[Member], work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001  # see below
            # Strangers' code is called with care below; what gets here is a fault of ours. No job hangs for it.
            _log.exception("carrying out a job failed")
            for member in members:
                if not member.left and member.owed is None:
                    fail(member, self._services, failed(error, doing="carrying it out"))
        self._let_go(members)

    def _let_go(self, members: Iterable[Member]) -> None:
        with self._guard:
            for member in members:
                # Another try of the same job may have come in meanwhile.
                if member.left and self._members.get(member.job_id) is member:
                    del self._members[member.job_id]

    def _deliver(self, member: Member) -> None:
        if deliver(member, self._services) is not None:
            self._caretaker.wake(due=True)

    def _take_up_record(self, record: JobRecord) -> None:
        """Carry on with a delivery that another process, or an earlier try, has left."""
        services = self._services
        try:
            plan = services.dispatcher.restore(record.plan, record.secrets)
        except Exception as error:  # noqa: BLE001  # what a later version wrote may fail in any way
            with suppress(LeaseLost):
                _cannot_carry(record, services, error)
            return
        member = _member_of(record, plan, services)
        member.earlier = self._known.get(record.id)

        def work() -> None:
            if member.take():
                self._deliver(member)

        self._take_up([member], self._delivering.carry, work)
        if member.cancel_wanted.is_set():
            self._want_cancelled(member)

    def _want_cancelled(self, member: Member) -> None:
        member.want_cancelled()
        # One that still waits for a thread is ended at once; of a fan-out the others go on.
        if not member.take():
            return
        if member.artifact is None:
            self._cancel(member)
        else:  # a destination's `retract` takes its time
            threading.Thread(target=self._cancel, args=(member,), name="bourn-cancel").start()

    def _cancel(self, member: Member) -> None:
        cancel(member, self._services)
        self._let_go([member])


_engines: weakref.WeakSet[Engine] = weakref.WeakSet()


def _forget_parents() -> None:
    for engine in list(_engines):
        engine._forget_parent()  # noqa: SLF001  # its own


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_parents)


def artifact_of(record: JobRecord, services: Services) -> Artifact:
    """The artifact that the ledger keeps the facts of."""
    stored = record.artifact
    assert stored is not None  # the caller looked
    return Artifact(
        key=stored.key, filename=stored.filename, suffix=stored.suffix, media_type=stored.media_type,
        size_bytes=stored.size_bytes, sha256=stored.sha256, report=stored.report, source=services.store,
    )  # fmt: skip


def _member_of(record: JobRecord, plan: Plan, services: Services) -> Member:
    stored = record.artifact
    assert stored is not None  # only what is stored is delivered
    member = Member(
        job_id=record.id, delivery_id=record.delivery_id, epoch=record.epoch, plan=plan, principal=record.principal,
        filename=stored.filename, attempt=record.attempts, first_try_at=record.first_try_at,
        checkpoint=record.checkpoint, stage=record.stage, started_at=record.started_at,
        done=record.steps_done, total=record.steps_total, deadline=record.deadline_at,
    )  # fmt: skip
    member.artifact = artifact_of(record, services)
    member.timed_out = record.deadline_at is not None and record.deadline_at <= services.clock()
    if record.cancel_requested_at is not None or member.timed_out:
        member.want_cancelled()
    return member


def _cannot_carry(record: JobRecord, services: Services, error: Exception) -> None:
    """The plan can't be restored here (its plugin is not installed): leave it to others for a while, then give up."""
    now = services.clock()
    reason = failed(error, doing="reading its plan").message
    if now < (record.first_try_at or now) + PATIENCE:
        services.ledger.postpone(
            record.id, record.epoch, record.delivery_id, until=now + LONGEST_PAUSE, note=reason, now=now
        )
        return
    cancelled = record.cancel_requested_at is not None
    failure = None if cancelled else written(DeliveryError(f"the delivery can't be carried on: {reason}"))
    services.ledger.finish(
        record.id, record.epoch, Stage.CANCELLED if cancelled else Stage.FAILED,
        now=now, expires_at=now if cancelled else now + services.link_lifetime,
        started_at=record.started_at, error=failure,
    )  # fmt: skip
    services.hooks.job_changed(record.id)
