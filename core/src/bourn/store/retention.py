"""Retention: bytes go within an hour after their time, and the records of them after ninety days."""

from __future__ import annotations

import itertools
import logging
import re
import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import attrs

from bourn.ledger.clock import claim_stamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from bourn.ledger.clock import LedgerClock
    from bourn.ledger.links import LinkLedger
    from bourn.ledger.workers import Workers
    from bourn.store.interface import Store

__all__ = ["Sweeper", "Swept", "sweep"]

TOMBSTONE = timedelta(days=90)
"""How long an expired link is known as such, and a job that has ended."""

STALE = timedelta(hours=1)
"""The age at which a temporary file counts as a dead writer's."""

INTERVAL = timedelta(hours=1)

THOROUGH_INTERVAL = timedelta(days=1)
"""How often the store is listed in search of orphans, where nobody asks for a sweep."""

BATCH = 1000
"""Objects in one transaction of the ledger and in one request to an object service."""

_JOB_ID = re.compile(r"[0-9a-f]{48}")

_log = logging.getLogger(__name__)


@attrs.frozen(kw_only=True)
class Swept:
    """What a sweep did.

    Attributes
    ----------
    expired : int
        Links marked.
    erased, freed_bytes : int
        Objects whose time was over.
    orphans : int
        Objects of jobs that ended with nothing stored.
    unknown : int
        Jobs that have objects in the store and are not in this ledger.
    tombstones : int
        Jobs forgotten.
    stale : int
        Temporary files of dead writers.
    failed : int
        Objects that could not be removed this time.
    refused : int
        1 where nothing was erased, since the clock is far ahead of everything in the ledger.
    """

    expired: int = 0
    erased: int = 0
    freed_bytes: int = 0
    orphans: int = 0
    unknown: int = 0
    tombstones: int = 0
    stale: int = 0
    failed: int = 0
    refused: int = 0


def sweep(store: Store, ledger: LinkLedger, now: datetime, *, owned: bool = False, thorough: bool = True) -> Swept:
    """Erase what is over. After a kill the next sweep completes it; several at once do no harm.

    Parameters
    ----------
    store : Store
    ledger : LinkLedger
    now : datetime
    owned : bool
        Whether the store belongs to this ledger alone. Only then objects of unknown jobs are removed: in a bucket that
        several ledgers share they are live data of another one.
    thorough : bool
        Whether to list the store in search of orphans, and to forget old jobs.
    """
    expired = 0
    while marked := ledger.expire(now=now, limit=BATCH):
        expired += marked
    erased, freed_bytes, failed = _erase(store, ledger, now)
    if not thorough:
        return Swept(expired=expired, erased=erased, freed_bytes=freed_bytes, failed=failed)
    orphans, unknown, unremoved = _remove_orphans(store, ledger, owned=owned)
    return Swept(
        expired=expired,
        erased=erased,
        freed_bytes=freed_bytes,
        orphans=orphans,
        unknown=unknown,
        tombstones=_forget(store, ledger, now),
        stale=store.clean(STALE, now),
        failed=failed + unremoved,
    )


def _erase(store: Store, ledger: LinkLedger, now: datetime) -> tuple[int, int, int]:
    """Erase the objects of marked links: the objects first, then the ledger records that they are gone."""
    erased = freed_bytes = failed = 0
    after = ""
    while batch := ledger.expired_objects(after=after, limit=BATCH):
        after = batch[-1].delivery_id
        removed = _remove(store, [each.key for each in batch])
        gone = [each for each in batch if each.key in removed]
        failed += len(batch) - len(gone)
        mine = ledger.mark_erased((each.delivery_id for each in gone), now=now)
        erased += len(mine)
        freed_bytes += sum(each.size_bytes for each in gone if each.delivery_id in mine)
    return erased, freed_bytes, failed


def _remove_orphans(store: Store, ledger: LinkLedger, *, owned: bool) -> tuple[int, int, int]:
    """Remove objects that no link leads to: their writer died before they were recorded in the ledger."""
    removed = unknown = failed = 0
    # A job is in the ledger before its first byte is in the store, so the keys are listed first.
    for batch in _batched(filter(_job_of, store.keys())):
        job_ids = sorted({_job_of(key) for key in batch})
        foreign = set(job_ids) - ledger.known(job_ids)
        unknown += len(foreign)
        over = ledger.empty(job_ids) | (foreign if owned else set())
        keys = [key for key in batch if _job_of(key) in over]
        gone = _remove(store, keys)
        removed, failed = removed + len(gone), failed + len(keys) - len(gone)
    return removed, unknown, failed


def _forget(store: Store, ledger: LinkLedger, now: datetime) -> int:
    """Remove records that are over for ninety days, and before that, once more, their objects."""
    forgotten = 0
    while batch := ledger.tombstones(before=now - TOMBSTONE, limit=BATCH):
        removed = _remove(store, [key for _, key in batch if key is not None])
        gone = [job_id for job_id, key in batch if key is None or key in removed]
        forgotten += ledger.forget(gone)
        if len(gone) < len(batch):  # the store fails: the next sweep goes on
            break
    return forgotten


def _remove(store: Store, keys: list[str]) -> set[str]:
    """Remove objects; return the keys of those that are gone."""
    errors = store.delete_many(keys) if keys else {}
    for key, error in errors.items():
        _log.warning("could not remove %s from the store, the next sweep tries again: %s", key, error)
    return set(keys) - errors.keys()


def _job_of(key: str) -> str:
    first, _, rest = key.partition("/")
    return first if rest and _JOB_ID.fullmatch(first) else ""


def _batched(keys: Iterable[str]) -> Iterator[list[str]]:
    waiting = iter(keys)
    while batch := list(itertools.islice(waiting, BATCH)):
        yield batch


class Sweeper:
    """Sweeps once an hour for all processes of a ledger together.

    Parameters
    ----------
    store : Store
    ledger : LinkLedger
    clock : LedgerClock
    workers : Workers, optional
        Dead ones are removed, too.
    interval : timedelta
    owned : bool
        As in `sweep`.
    """

    def __init__(
        self,
        store: Store,
        ledger: LinkLedger,
        clock: LedgerClock,
        *,
        workers: Workers | None = None,
        interval: timedelta = INTERVAL,
        owned: bool = False,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._workers = workers
        self._interval = interval
        self._owned = owned
        self._guard = threading.Lock()
        self._asked: tuple[datetime, float] | None = None

    def sweep_if_due(self) -> Swept | None:
        """Sweep if no process did so for an interval, else return None. Costs nothing between two sweeps."""
        now = self._clock()
        if not self._is_due(now) or not self._guard.acquire(blocking=False):
            return None
        try:
            self._asked = (now, time.monotonic())
            database = self._ledger.database
            if not claim_stamp(database, "swept", now=now, interval=self._interval):
                return None
            thorough = claim_stamp(database, "thorough", now=now, interval=THOROUGH_INTERVAL)
            return self._sweep(now, thorough=thorough)
        finally:
            self._guard.release()

    def sweep(self) -> Swept:
        """Sweep at once."""
        now = self._clock()
        self._asked = (now, time.monotonic())
        claim_stamp(self._ledger.database, "swept", now=now, interval=timedelta())
        return self._sweep(now, thorough=True)

    def _sweep(self, now: datetime, *, thorough: bool) -> Swept:
        if self._workers is not None:
            self._workers.prune(now=now)
        if not self._clock.is_trusted(now):
            return Swept(refused=1)
        return sweep(self._store, self._ledger, now, owned=self._owned, thorough=thorough)

    def _is_due(self, now: datetime) -> bool:
        """Return whether an interval has passed by either clock since this process asked the ledger."""
        if self._asked is None:
            return True
        at, monotonic = self._asked
        # A time that lies ahead is of a clock that was set back since.
        return not at <= now < at + self._interval or time.monotonic() - monotonic >= self._interval.total_seconds()
