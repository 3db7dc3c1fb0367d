"""A clock for tests that is set by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

__all__ = ["FakeClock"]


class FakeClock:
    """Returns the time that it was set to; pass it to a `Session` as its ``clock``.

    It decides alone: neither a database's own clock nor the check for clocks that leap corrects it.

    Parameters
    ----------
    now : datetime, optional
        With its zone; by default noon of 1 January 2026, UTC.

    Examples
    --------
    >>> clock = FakeClock()
    >>> clock.move(days=10)
    >>> clock()
    datetime.datetime(2026, 1, 11, 12, 0, tzinfo=datetime.timezone.utc)
    """

    manual = True

    def __init__(self, now: datetime = datetime(2026, 1, 1, 12, tzinfo=UTC)) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """Return the time it was set to."""
        return self.now

    def move(self, **by: float) -> None:
        """Move forward (or back) by ``days=``, ``hours=``, ``seconds=``, ... as `timedelta` has them."""
        self.now += timedelta(**by)

    def reach(self, moment: datetime) -> None:
        """Move forward to a time, never back."""
        self.now = max(self.now, moment)
