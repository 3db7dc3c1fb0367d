"""Threads that carry out jobs, and one that looks after them: heartbeats, cancels, deadlines, due deliveries."""

from __future__ import annotations

import logging
import os
import secrets
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bourn.contract.artifact import Artifact
from bourn.errors import BournError, DeliveryError
from bourn.job.deliver import LONGEST_PAUSE, deliver
from bourn.job.encode import name_of
from bourn.job.endings import cancel
from bourn.job.failure import written
from bourn.job.member import Member
from bourn.job.recovery import recover
from bourn.job.work import Work, carry_out, carry_stored
from bourn.ledger.ledger import NewJob
from bourn.ledger.stages import Stage
from bourn.ledger.workers import HEARTBEAT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from bourn.dispatch.plan import Plan
    from bourn.job.services import Services
    from bourn.ledger.record import JobRecord
    from bourn.ledger.workers import Worker

__all__ = ["Engine", "artifact_of"]

_log = logging.getLogger("bourn.job")

TICK_SECONDS = 0.25
"""How often the caretaker looks at the jobs of this process."""

DUE_SECONDS = 2.0
"""How often it looks for deliveries that are due, whoever left them."""

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

    # -- what a session asks for ----------------------------------------------------------------------------

    def submit(
        self, plans: Sequence[Plan], obj: Any, *, arguments: Mapping[str, Any], geobox: Any, timeout: float | None
    ) -> list[str]:
        """Write the jobs down, then carry them out in the background; gives their ids."""
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
        new = [
            NewJob(
                id=member.job_id, delivery_id=member.delivery_id, group_id=group, principal=principal,
                plan=member.plan.as_json(), secrets=member.plan.secrets(),
            )
            for member in members
        ]  # fmt: skip
        services.ledger.add(new, worker_id=self._worker.id, now=now)
        work = Work(obj=obj, arguments=dict(arguments), geobox=geobox, members=members)
        self._take_up(members, lambda: carry_out(work, services, self._deliver))
        return [member.job_id for member in members]

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
        else:
            self.carry_due()
        return True

    def redeliver(self, record: JobRecord, plan: Plan) -> str:
        """Deliver a stored artifact once more, as a new job; the old one stays as it ended."""
        self._ensure()
        services = self._services
        assert record.artifact is not None  # the caller looked
        job_id = secrets.token_hex(24)
        member = Member(
            job_id=job_id, delivery_id=secrets.token_hex(16), epoch=1, plan=plan,
            principal=services.settings.principal, filename=record.artifact.filename,
        )  # fmt: skip
        new = NewJob(
            id=job_id, delivery_id=member.delivery_id, group_id=record.group_id, principal=member.principal,
            plan=plan.as_json(), secrets=plan.secrets(),
        )  # fmt: skip
        services.ledger.add([new], worker_id=self._worker.id, now=services.clock())
        twin = _member_of(record, plan, services)
        self._take_up([member], lambda: carry_stored(member, twin, services, self._deliver))
        return job_id

    def carry_due(self) -> int:
        """Take up every delivery that is due and that nobody owns; gives how many."""
        self._ensure()
        services = self._services
        taken = 0
        while (record := services.ledger.claim_due(self._worker.id, now=services.clock())) is not None:
            taken += 1
            self._take_up_record(record)
        return taken

    def recover(self) -> int:
        """End or hand on what dead processes left; gives how many jobs that were."""
        self._ensure()
        return recover(self._services)

    def drain(self) -> None:
        """Wait until this process carries out nothing any more."""
        while self._pid == os.getpid() and self._members:
            for member in list(self._members.values()):
                with member.changed:
                    if not member.left:
                        member.changed.wait(TICK_SECONDS)

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
            self._futures: dict[str, Future[None]] = {}
            self._awake = threading.Event()
            self._waiting_until: float | None = None
            self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="bourn-job")
            self._worker: Worker = self._services.workers.enrol(now=self._services.clock())
            self._pid = os.getpid()
            threading.Thread(target=self._look_after, name="bourn-caretaker", daemon=True).start()
        if recover(self._services):
            self._awake.set()

    def _take_up(self, members: Iterable[Member], work: Callable[[], None]) -> None:
        members = list(members)
        for member in members:
            self._members[member.job_id] = member
        future = self._pool.submit(work)
        for member in members:
            self._futures[member.job_id] = future
        future.add_done_callback(lambda _: self._let_go(members))
        self._awake.set()

    def _let_go(self, members: Iterable[Member]) -> None:
        for member in members:
            if member.left:
                self._members.pop(member.job_id, None)
                self._futures.pop(member.job_id, None)

    def _deliver(self, member: Member) -> None:
        until = deliver(member, self._services)
        if until is not None:
            wait = (until - self._services.clock()).total_seconds()
            due = time.monotonic() + max(wait, 0.0)
            self._waiting_until = due if self._waiting_until is None else min(due, self._waiting_until)
            self._awake.set()

    def _take_up_record(self, record: JobRecord) -> None:
        """Carry on with a delivery that another process, or an earlier try, has left."""
        services = self._services
        try:
            plan = services.dispatcher.restore(record.plan, record.secrets)
        except BournError as error:
            _cannot_carry(record, services, error)
            return
        member = _member_of(record, plan, services)
        self._take_up([member], lambda: self._deliver(member))

    def _want_cancelled(self, member: Member) -> None:
        member.want_cancelled()
        future = self._futures.get(member.job_id)
        # One that still waits for a thread is ended at once; of a fan-out the others go on.
        if (
            future is not None
            and not any(
                other is not member and self._futures.get(other.job_id) is future
                for other in list(self._members.values())
            )
            and future.cancel()
        ):
            cancel(member, self._services)
            self._let_go([member])

    def _look_after(self) -> None:
        """The caretaker's round; it sleeps where this process has nothing to do."""
        pid = os.getpid()
        last_beat = last_due = time.monotonic()
        while self._pid == pid:
            if not self._members and self._waiting_until is None:
                self._awake.wait()
            self._awake.clear()
            time.sleep(TICK_SECONDS)
            now = time.monotonic()
            try:
                self._tell()
                self._look_for_cancels()
                if now - last_beat >= HEARTBEAT.total_seconds():
                    self._services.workers.beat(self._worker, now=self._services.clock())
                    last_beat = now
                ours_are_due = self._waiting_until is not None and now >= self._waiting_until
                if ours_are_due or now - last_due >= DUE_SECONDS:
                    self._waiting_until = None if ours_are_due else self._waiting_until
                    last_due = now
                    self.carry_due()
            except Exception:  # noqa: BLE001  # the ledger may be out of reach for a while; jobs go on, and so does the round
                _log.exception("looking after jobs failed; trying again")

    def _tell(self) -> None:
        untold = [member for member in list(self._members.values()) if member.untold and not member.left]
        if untold:
            self._services.ledger.tell([member.told() for member in untold], now=self._services.clock())

    def _look_for_cancels(self) -> None:
        members = {id_: member for id_, member in list(self._members.items()) if not member.cancel_wanted.is_set()}
        if not members:
            return
        now = self._services.clock()
        late = [id_ for id_, member in members.items() if member.deadline is not None and now >= member.deadline]
        for id_ in late:
            members[id_].timed_out = True
        for id_ in {*late, *self._services.ledger.cancels_among(members)}:
            self._want_cancelled(members[id_])


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
        done=record.steps_done, total=record.steps_total,
    )  # fmt: skip
    member.artifact = artifact_of(record, services)
    if record.cancel_requested_at is not None:
        member.want_cancelled()
    return member


def _cannot_carry(record: JobRecord, services: Services, error: BournError) -> None:
    """The plan can't be restored here (its plugin is not installed): leave it to others for a while, then give up."""
    now = services.clock()
    if now < (record.first_try_at or now) + PATIENCE:
        services.ledger.postpone(
            record.id, record.epoch, record.delivery_id, until=now + LONGEST_PAUSE, note=error.message, now=now
        )
        return
    failure = DeliveryError(f"the delivery can't be carried on: {error.message}")
    services.ledger.finish(
        record.id, record.epoch, Stage.FAILED, now=now, expires_at=now + services.link_lifetime,
        started_at=record.started_at, error=written(failure),
    )  # fmt: skip
