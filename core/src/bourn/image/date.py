"""When an image was taken: dates in the forms that callers have, as an aware datetime in UTC."""

from __future__ import annotations

import datetime as dt

import numpy as np

from bourn.wording import shown

__all__ = ["utc"]

ALLOWED = "a datetime, a numpy datetime64 or an ISO 8601 string"


def utc(value: object) -> dt.datetime:
    """`value` as an aware datetime in UTC; a naive one is taken for UTC.

    Parameters
    ----------
    value : datetime, date, numpy.datetime64 or str
        A date without a time is its midnight; what is finer than microseconds is cut off.

    Raises
    ------
    ValueError
        It is none of these, NaT, or not within the years 1 to 9999.

    Examples
    --------
    >>> utc("2024-07-01T12:00:00+02:00")
    datetime.datetime(2024, 7, 1, 10, 0, tzinfo=datetime.timezone.utc)
    """
    moment = _moment(value)
    if moment.tzinfo is None:
        return moment.replace(tzinfo=dt.UTC)
    try:
        return moment.astimezone(dt.UTC)
    except OverflowError as cause:
        msg = f"expected a date within the years 1 to 9999, got {shown(str(value))}"
        raise ValueError(msg) from cause


def _moment(value: object) -> dt.datetime:
    if isinstance(value, np.datetime64):
        moment = value.astype("datetime64[us]").item()
        # A number instead of a datetime is a year that Python can't hold, None is NaT.
        if isinstance(moment, dt.datetime):
            return moment
        msg = f"expected a date within the years 1 to 9999, got {shown(str(value))}"
        raise ValueError(msg)
    if isinstance(value, dt.datetime):
        if value != value:  # noqa: PLR0124  # pandas' NaT is a datetime that is not equal to itself
            msg = "expected a date, got NaT"
            raise ValueError(msg)
        # Of a subclass (pandas.Timestamp) the plain datetime.
        return dt.datetime.combine(value.date(), value.timetz())
    if isinstance(value, dt.date):
        return dt.datetime.combine(value, dt.time())
    if isinstance(value, str):
        try:
            return dt.datetime.fromisoformat(value.strip())
        except ValueError as cause:
            msg = f"expected {ALLOWED}, got {shown(value)}"
            raise ValueError(msg) from cause
    msg = f"expected {ALLOWED}, got {shown(value)}"
    raise ValueError(msg)
