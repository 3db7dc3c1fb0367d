"""Who owns jobs: this process as a worker under a lease, and which others are dead."""

from __future__ import annotations

import os
import platform
import secrets
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import sqlalchemy as sa

from bourn.ledger.stages import LIVE
from bourn.ledger.tables import jobs, workers

if TYPE_CHECKING:
    from bourn.ledger.database import Database

__all__ = ["HEARTBEAT", "LEASE", "Worker", "Workers"]

HEARTBEAT = timedelta(seconds=10)
LEASE = timedelta(seconds=60)
"""A worker of another machine that was not seen for so long is taken for dead."""

UNKNOWN = 0
"""The time of start of a process that nobody tells; then its lease decides."""


@attrs.frozen(kw_only=True)
class Worker:
    """A process that carries out jobs."""

    id: str
    machine: str
    pid: int
    process_start: int


class Workers:
    """The register of workers."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def enrol(self, *, now: datetime) -> Worker:
        """This process, as a new worker."""
        pid = os.getpid()
        worker = Worker(
            id=secrets.token_hex(16), machine=machine(), pid=pid, process_start=process_start(pid) or UNKNOWN
        )
        row = attrs.asdict(worker) | {"seen_at": now}
        self._database.write(lambda connection: connection.execute(workers.insert().values(row)))
        return worker

    def beat(self, worker: Worker, *, now: datetime) -> None:
        """Renew the lease of a worker."""
        seen = workers.update().where(workers.c.id == worker.id).values(seen_at=now)
        self._database.write_relaxed(lambda connection: connection.execute(seen))

    def dead(self, *, now: datetime) -> list[str]:
        """Ids of workers that own live jobs and will never move them again.

        On the same machine a process is dead when no process has its pid and its time of start; elsewhere
        when its lease has run out, and here too where nobody tells when a process started.
        """
        owners = sa.select(jobs.c.worker_id).where(jobs.c.stage.in_(LIVE), jobs.c.worker_id.is_not(None)).distinct()
        with self._database.read() as connection:
            ids = connection.scalars(owners).all()
            if not ids:
                return []
            known = {row.id: row for row in connection.execute(workers.select().where(workers.c.id.in_(ids)))}
        return [id_ for id_ in ids if id_ not in known or _dead(known[id_], now)]


def _dead(row: sa.Row[tuple[object, ...]], now: datetime) -> bool:
    if row.machine == machine():
        started = process_start(row.pid)
        if started is None:
            return True
        if UNKNOWN not in {started, row.process_start}:
            return bool(started != row.process_start)  # another one has its pid now
        if row.process_start == UNKNOWN and row.pid == os.getpid():
            return False
    return bool(row.seen_at + LEASE < now)


@cache
def machine() -> str:
    """The kernel and the pid namespace that a pid is one of; two containers are two machines."""
    host = platform.node()
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        namespace = Path("/proc/self/ns/pid").stat().st_ino
    except OSError:  # not Linux: the name of the host has to do
        return host[:128]
    return f"{boot}:{namespace}:{host}"[:128]


def process_start(pid: int) -> int | None:
    """When the process started, in the kernel's clock ticks; `UNKNOWN` where nobody says; None if there is none."""
    try:
        # The second field is the program's name in parentheses and may hold spaces; the 22nd is starttime (proc(5)).
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # it is gone, or hidden (hidepid), or this is not Linux
        return UNKNOWN if _alive(pid) else None
    return None if fields[0] in "ZX" else int(fields[19])


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it lives, and is somebody else's
    return True
