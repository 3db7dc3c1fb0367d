"""Durations in ISO 8601, and what a text of a time of day leaves out."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Any

from bourn_formats.visitor.output import Refusal

if TYPE_CHECKING:
    from bourn_formats.visitor.output import Counting

__all__ = ["expand_year", "iso_duration", "iso_timedelta64", "lost_zone"]

_FOUR_DIGITS = re.compile(r"[0-9]{4}(?![0-9])")
_YEAR = re.compile(r"-?[0-9]+(?=-|$)")
_DAY = 86400 * 10**9
_NANOSECONDS = {
    "W": 7 * _DAY,
    "D": _DAY,
    "h": 3600 * 10**9,
    "m": 60 * 10**9,
    "s": 10**9,
    "ms": 10**6,
    "us": 1000,
    "ns": 1,
}


def _iso(nanoseconds: int) -> str:
    """As pandas writes it, ``P1DT2H3M4.5S``; a negative one with the sign in front."""
    sign = "-" if nanoseconds < 0 else ""
    days, rest = divmod(abs(nanoseconds), _DAY)
    seconds, parts = divmod(rest, 10**9)
    fraction = f".{parts:09}".rstrip("0") if parts else ""
    return f"{sign}P{days}DT{seconds // 3600}H{seconds // 60 % 60}M{seconds % 60}{fraction}S"


def iso_duration(value: dt.timedelta) -> str:
    """A duration of Python or pandas in ISO 8601."""
    microseconds = (value.days * 86400 + value.seconds) * 10**6 + value.microseconds
    return _iso(microseconds * 1000 + getattr(value, "nanoseconds", 0))


def iso_timedelta64(value: Any) -> str | None:
    """A duration of numpy in ISO 8601; None of NaT.

    Raises
    ------
    Refusal
        It has no unit, or one below nanoseconds.
    """
    import numpy as np  # loaded already: the value is its own

    if np.isnat(value):
        return None
    unit, factor = np.datetime_data(value.dtype)
    count = int(value.view("i8")) * factor
    if unit in {"Y", "M"}:
        return f"{'-' if count < 0 else ''}P{abs(count)}{unit}"
    if unit not in _NANOSECONDS:
        msg = f"a duration of dtype {value.dtype}"
        raise Refusal(msg)
    return _iso(count * _NANOSECONDS[unit])


def expand_year(text: str, out: Counting) -> str:
    """A date or moment whose year is not one of four digits with a sign and six: ISO 8601's expanded form.

    JavaScript reads it (ECMA-262, section 21.4.1.32).
    """
    if _FOUR_DIGITS.match(text):
        return text
    year = _YEAR.match(text)
    if year is None:  # a time of day
        return text
    out.count("year")
    return f"{int(year[0]):+07}{text[year.end() :]}"


def lost_zone(value: Any) -> bool:
    """Whether a time of day has a zone that its text leaves out, since its offset depends on the day."""
    return isinstance(value, dt.time) and value.tzinfo is not None and value.utcoffset() is None
