"""The end of what is kept: bytes go within the hour after their time, and traces of them after ninety days."""

from __future__ import annotations

import itertools
import logging
import os
import re
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import attrs

from bourn.folders import make_directory

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from bourn.ledger.links import LinkLedger
    from bourn.store.interface import Store

__all__ = ["Sweeper", "Swept", "sweep"]

TOMBSTONE = timedelta(days=90)
"""How long a link that has expired is known as such, and a job that has ended."""

STALE = timedelta(hours=1)
"""How old a temporary file is, at least, that is taken for a dead writer's."""

INTERVAL = timedelta(hours=1)

_BATCH = 500
_JOB_ID = re.compile(r"[0-9a-f]{48}")

_log = logging.getLogger(__name__)


@attrs.frozen(kw_only=True)
class Swept:
    """What a sweep has done.

    Attributes
    ----------
    expired : int
        Links marked.
    erased, freed_bytes : int
        Objects whose time was over.
    orphans : int
        Objects of jobs that ended with nothing stored.
    unknown : int
        Jobs that have objects in the store and that this ledger has never heard of.
    tombstones : int
        Jobs forgotten.
    stale : int
        Temporary files of dead writers.
    failed : int
        Objects that could not be removed this time.
    """

    expired: int = 0
    erased: int = 0
    freed_bytes: int = 0
    orphans: int = 0
    unknown: int = 0
    tombstones: int = 0
    stale: int = 0
    failed: int = 0


def sweep(store: Store, ledger: LinkLedger, now: datetime, *, owned: bool = False) -> Swept:
    """Erase what is over. Killed at any line, the next one ends it; two at once do each other no harm.

    Parameters
    ----------
    store : Store
    ledger : LinkLedger
    now : datetime
    owned : bool
        Whether the store is this ledger's alone. Only then objects of jobs that it does not know are removed:
        in a bucket that several ledgers share they are somebody else's live data.
    """
    expired = 0
    while marked := ledger.expire(now=now, limit=_BATCH):
        expired += marked
    erased, freed_bytes, failed = _erase(store, ledger, now)
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
    """Erase the objects of links that are marked: the object first, then the note that it is gone."""
    erased = freed_bytes = failed = 0
    after = ""
    while batch := ledger.expired_objects(after=after, limit=_BATCH):
        after = batch[-1].delivery_id
        gone = [each for each in batch if _removed(store, each.key)]
        failed += len(batch) - len(gone)
        mine = ledger.mark_erased((each.delivery_id for each in gone), now=now)
        erased += len(mine)
        freed_bytes += sum(each.size_bytes for each in gone if each.delivery_id in mine)
    return erased, freed_bytes, failed


def _remove_orphans(store: Store, ledger: LinkLedger, *, owned: bool) -> tuple[int, int, int]:
    """Remove objects that nobody can ever reach: their writer died before the ledger heard of them."""
    removed = unknown = failed = 0
    # A job is in the ledger before its first byte is in the store, so the keys are listed first.
    for batch in _batched(filter(_job_of, store.keys())):
        job_ids = sorted({_job_of(key) for key in batch})
        strangers = set(job_ids) - ledger.known(job_ids)
        unknown += len(strangers)
        over = ledger.empty(job_ids) | (strangers if owned else set())
        for key in batch:
            if _job_of(key) in over:
                done = _removed(store, key)
                removed, failed = removed + done, failed + (not done)
    return removed, unknown, failed


def _forget(store: Store, ledger: LinkLedger, now: datetime) -> int:
    """Remove rows that are over for ninety days; before that, once more, their objects."""
    forgotten = 0
    while batch := ledger.tombstones(before=now - TOMBSTONE, limit=_BATCH):
        gone = [job_id for job_id, key in batch if key is None or _removed(store, key)]
        forgotten += ledger.forget(gone)
        if len(gone) < len(batch):  # the store fails: another day
            break
    return forgotten


def _removed(store: Store, key: str) -> bool:
    try:
        store.delete(key)
    except OSError as error:
        _log.warning("could not remove %s from the store, the next sweep tries again: %s", key, error)
        return False
    return True


def _job_of(key: str) -> str:
    first, _, rest = key.partition("/")
    return first if rest and _JOB_ID.fullmatch(first) else ""


def _batched(keys: Iterable[str]) -> Iterator[list[str]]:
    waiting = iter(keys)
    while batch := list(itertools.islice(waiting, _BATCH)):
        yield batch


class Sweeper:
    """Sweeps now and then, in the course of ordinary use: once an hour for all processes of a home together.

    Parameters
    ----------
    store : Store
    ledger : LinkLedger
    stamp : Path, optional
        An empty file whose time is that of the last sweep; without one each process counts for itself.
    interval : timedelta
    owned : bool
        As in `sweep`.
    """

    def __init__(
        self,
        store: Store,
        ledger: LinkLedger,
        *,
        stamp: Path | None = None,
        interval: timedelta = INTERVAL,
        owned: bool = False,
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._stamp = stamp
        self._interval = interval
        self._owned = owned
        self._guard = threading.Lock()
        self._last: datetime | None = None

    def now_and_then(self, now: datetime) -> Swept | None:
        """Sweep if it is time to; None if it is not. Costs nothing between two sweeps."""
        if not self._due(self._last, now) or not self._guard.acquire(blocking=False):
            return None
        try:
            self._last = now
            return self.sweep(now) if self._due(self._stamped(), now) else None
        finally:
            self._guard.release()

    def sweep(self, now: datetime) -> Swept:
        """Sweep at once."""
        self._last = now
        if self._stamp is not None:
            make_directory(self._stamp.parent)
            self._stamp.touch(mode=0o600)
            os.utime(self._stamp, (now.timestamp(), now.timestamp()))
        return sweep(self._store, self._ledger, now, owned=self._owned)

    def _due(self, last: datetime | None, now: datetime) -> bool:
        # One that lies ahead is of a clock that was set back since.
        return last is None or not last <= now < last + self._interval

    def _stamped(self) -> datetime | None:
        if self._stamp is None:
            return None
        try:
            return datetime.fromtimestamp(self._stamp.stat().st_mtime, tz=UTC)
        except FileNotFoundError:
            return None
