"""Workers: this process under a lease, and those others that are dead."""

from __future__ import annotations

import os
import platform
import secrets
import time
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import sqlalchemy as sa

from bourn.ledger.clock import SKEW
from bourn.ledger.stages import LIVE
from bourn.ledger.tables import jobs, workers

if TYPE_CHECKING:
    from bourn.ledger.clock import LedgerClock
    from bourn.ledger.database import Database

__all__ = ["HEARTBEAT", "LEASE", "Worker", "Workers"]

HEARTBEAT = timedelta(seconds=10)
LEASE = timedelta(seconds=60)
"""A worker of another machine that gave no sign for so long counts as dead."""

KEPT = timedelta(days=1)
"""How long a worker without jobs stays registered."""

UNKNOWN = 0
"""The start time of a process where the system does not give it; then the lease decides."""


@attrs.frozen(kw_only=True)
class Worker:
    """A process that runs jobs."""

    id: str
    machine: str
    pid: int
    process_start: int


class Workers:
    """The register of workers.

    Parameters
    ----------
    database : Database
    clock : LedgerClock, optional
        Takes the time at which this process registers.
    """

    def __init__(self, database: Database, clock: LedgerClock | None = None) -> None:
        self._database = database
        self._clock = clock
        self._observed: dict[str, tuple[datetime, float]] = {}

    def enrol(self, *, now: datetime) -> Worker:
        """Register this process as a new worker."""
        if self._clock is not None:
            self._clock.is_trusted(now)
        pid = os.getpid()
        worker = Worker(
            id=secrets.token_hex(16), machine=machine(), pid=pid, process_start=process_start(pid) or UNKNOWN
        )
        row = attrs.asdict(worker) | {"seen_at": now}
        self._database.write(lambda connection: connection.execute(workers.insert().values(row)))
        return worker

    def beat(self, worker: Worker, *, now: datetime) -> None:
        """Renew the lease of a worker; registers it again where a sweep took it for gone."""
        seen = workers.update().where(workers.c.id == worker.id).values(seen_at=now)

        def work(connection: sa.Connection) -> None:
            if connection.execute(seen).rowcount == 0:
                connection.execute(workers.insert().values(attrs.asdict(worker) | {"seen_at": now}))

        self._database.write_relaxed(work)

    def remove(self, worker: Worker) -> None:
        """End the registration of a worker; one that still owns jobs stays, so that they are recovered."""
        self._database.write(lambda connection: connection.execute(_unused(workers.c.id == worker.id)))

    def prune(self, *, now: datetime) -> int:
        """Remove dead workers without jobs that gave no sign for a day; return their number."""
        old = workers.select().where(sa.or_(workers.c.seen_at < now - KEPT, workers.c.seen_at > now + KEPT))
        found = self._database.query(lambda connection: connection.execute(old).all())
        dead = [row.id for row in found if self._is_dead(row, now)]
        if not dead:
            return 0
        return self._database.write(lambda connection: connection.execute(_unused(workers.c.id.in_(dead))).rowcount)

    def dead(self, *, now: datetime) -> list[str]:
        """Return the ids of workers that own live jobs and will never move them again.

        On the same machine a process is dead when no process has its pid and its start time. Elsewhere it is dead when
        its lease is over: by the database's clock, which all machines share; or, on SQLite, where each machine has its
        own clock, when it gave no sign for a lease while this process watched, or for much longer by the clocks.
        """
        owners = sa.select(jobs.c.worker_id).where(jobs.c.stage.in_(LIVE), jobs.c.worker_id.is_not(None)).distinct()

        def look(connection: sa.Connection) -> tuple[list[str], dict[str, sa.Row[Any]]]:
            ids = list(connection.scalars(owners))
            found = connection.execute(workers.select().where(workers.c.id.in_(ids))) if ids else ()
            return ids, {row.id: row for row in found}

        ids, known = self._database.query(look)
        return [id_ for id_ in ids if id_ not in known or self._is_dead(known[id_], now)]

    def _is_dead(self, row: sa.Row[Any], now: datetime) -> bool:
        if row.machine == machine():
            return _is_dead_here(row, now)
        age = now - row.seen_at
        if not self._database.is_sqlite:
            return bool(age > LEASE)
        # All users of a SQLite ledger share a kernel, so another one is of an earlier boot: a sign that is
        # ahead of this clock is of a clock that was wrong then.
        earlier_boot = row.machine.partition(":")[0] != machine().partition(":")[0]
        is_over = age > LEASE + SKEW or (earlier_boot and age < -SKEW)
        return bool(is_over or self._is_silent(row.id, row.seen_at))

    def _is_silent(self, id_: str, seen_at: datetime) -> bool:
        """Return whether a worker gave no sign for a lease by this process's monotonic clock."""
        last = self._observed.get(id_)
        if last is None or last[0] != seen_at:
            self._observed[id_] = (seen_at, time.monotonic())
            return False
        return time.monotonic() - last[1] > LEASE.total_seconds()


def _is_dead_here(row: sa.Row[Any], now: datetime) -> bool:
    """Return whether a worker of this machine is dead."""
    started = process_start(row.pid)
    if started is None:
        return True
    if UNKNOWN not in {started, row.process_start}:
        return bool(started != row.process_start)  # another process has its pid now
    if row.process_start == UNKNOWN and row.pid == os.getpid():
        return False
    return bool(row.seen_at + LEASE < now)


def _unused(which: sa.ColumnElement[bool]) -> sa.Delete:
    owns = sa.exists().where(jobs.c.worker_id == workers.c.id, jobs.c.stage.in_(LIVE))
    return workers.delete().where(which, ~owns)


@cache
def machine() -> str:
    """Return the kernel and the pid namespace in which a pid is valid; two containers are two machines."""
    host = platform.node()
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        namespace = Path("/proc/self/ns/pid").stat().st_ino
    except OSError:  # not Linux: the name of the host
        return host[:128]
    return f"{boot}:{namespace}:{host}"[:128]


def process_start(pid: int) -> int | None:
    """Return when the process started, in the kernel's clock ticks; `UNKNOWN` where hidden; None if there is none."""
    try:
        # The second field is the program's name in parentheses and may hold spaces; the 22nd is starttime (proc(5)).
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # it is gone, or hidden (hidepid), or this is not Linux
        return UNKNOWN if _is_alive(pid) else None
    return None if fields[0] in "ZX" else int(fields[19])


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it is another user's
    return True
