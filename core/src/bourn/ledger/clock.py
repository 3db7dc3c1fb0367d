"""The time by which jobs and links are judged: the database's where it has a clock, and never one that has leapt."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from bourn.errors import LedgerError
from bourn.ledger.tables import stamps

if TYPE_CHECKING:
    from collections.abc import Callable

    from bourn.ledger.database import Database

__all__ = ["LEAP", "SKEW", "LedgerClock", "claim_stamp"]

SKEW = timedelta(minutes=10)
"""How far the clocks of two machines may be apart."""

LEAP = timedelta(days=30)
"""A clock that is so far ahead of everything in the ledger is not trusted at first: what is erased is gone."""

CONFIRMED_AFTER = timedelta(days=1)
"""How long such a clock must go on, with no other one in use, before it is trusted."""

EARLIEST = datetime(2025, 1, 1, tzinfo=UTC)
"""Earlier times are those of machines without a battery, before their clock was set."""

MEASURE_SECONDS = 60.0

_SEEN, _LEAPT = "seen", "leapt"

_log = logging.getLogger("bourn.ledger")


class LedgerClock:
    """Gives the time now, in UTC, by the clock that decides.

    On PostgreSQL that is the server's, which all machines share: it is asked once a minute, and the monotonic clock
    counts in between. On SQLite it is this machine's.

    Parameters
    ----------
    database : Database
    clock : callable
        This machine's. One with a true attribute ``manual`` is set by hand (in tests) and decides by itself.
    """

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self.is_manual = bool(getattr(clock, "manual", False))
        self._is_warned = False
        self._measured: tuple[datetime, float] | None = None

    def __call__(self) -> datetime:
        """Return the time now."""
        if self.is_manual or self._database.is_sqlite:
            return self._clock()
        measured = self._measured
        if measured is None or time.monotonic() - measured[1] > MEASURE_SECONDS:
            measured = self._measure(measured)
        return self._clock() if measured is None else measured[0] + timedelta(seconds=time.monotonic() - measured[1])

    def _measure(self, before: tuple[datetime, float] | None) -> tuple[datetime, float] | None:
        """Ask the server; while it is away, the last answer counts."""
        now = sa.func.clock_timestamp(type_=sa.DateTime(timezone=True))
        try:
            found: Any = self._database.query(lambda connection: connection.scalar(sa.select(now)))
        except LedgerError:
            return before
        self._measured = found.astimezone(UTC), time.monotonic()
        return self._measured

    def is_trusted(self, now: datetime) -> bool:
        """Return whether what is over at `now` may be marked and erased for good, and note that `now` was seen.

        It may not where `now` is `LEAP` ahead of the latest time that any process noted: a clock without battery, a
        wrong date. Such a clock is trusted once it has gone on for a day while no process noted an earlier time.
        """
        seen, leapt = (self._stamp(name) for name in (_SEEN, _LEAPT))
        if self.is_manual or seen is None or now < seen + LEAP:
            if now > EARLIEST and (seen is None or leapt is not None or not seen - SKEW <= now < seen + SKEW):
                self._note(now)
            return True
        if leapt is not None and leapt + CONFIRMED_AFTER <= now < leapt + LEAP:
            self._note(now)
            return True
        if leapt is None or not leapt <= now < leapt + LEAP:
            self._database.write(lambda connection: _set_stamp(connection, _LEAPT, now))
        level, self._is_warned = logging.DEBUG if self._is_warned else logging.WARNING, True
        _log.log(
            level,
            "the clock says %s, and nothing in the ledger is later than %s: nothing is erased, and no job is over "
            "time. Set the clock right; if it is right, it is trusted a day from now",
            now.strftime("%Y-%m-%d %H:%M"),
            seen.strftime("%Y-%m-%d %H:%M"),
        )
        return False

    def _note(self, now: datetime) -> None:
        def work(connection: sa.Connection) -> None:
            _set_stamp(connection, _SEEN, now)
            connection.execute(stamps.delete().where(stamps.c.name == _LEAPT))

        self._database.write(work)

    def _stamp(self, name: str) -> datetime | None:
        chosen = sa.select(stamps.c.at).where(stamps.c.name == name)
        found: datetime | None = self._database.query(lambda connection: connection.scalar(chosen))
        return found


def claim_stamp(database: Database, name: str, *, now: datetime, interval: timedelta) -> bool:
    """Return True for one process of all, once in `interval`; a stamp that lies ahead is of a clock set back since."""

    def is_due(at: datetime | None) -> bool:
        return at is None or not now - interval < at <= now + SKEW

    def work(connection: sa.Connection) -> bool:
        due = is_due(connection.scalar(chosen.with_for_update()))
        if due:
            _set_stamp(connection, name, now)
        return due

    chosen = sa.select(stamps.c.at).where(stamps.c.name == name)
    return is_due(database.query(lambda connection: connection.scalar(chosen))) and database.write(work)


def _set_stamp(connection: sa.Connection, name: str, at: datetime) -> None:
    insert: Any = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    row = insert(stamps).values(name=name, at=at)
    connection.execute(row.on_conflict_do_update(index_elements=[stamps.c.name], set_={"at": at}))
