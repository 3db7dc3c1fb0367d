"""How long a link is to work: a timedelta, or a duration as text."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bourn.errors import Problem
from bourn.wording import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["lifetime_problems", "read_lifetime"]

_ISO = re.compile(
    r"P(?!$)(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?(?:T(?=\d)(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)S)?)?"
)
"""ISO 8601 without years and months, whose length depends on the date."""

_SHORT = re.compile(r"(?P<number>\d+) ?(?P<unit>[wdhms])")
_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}

LONGEST_TEXT = 40


def read_lifetime(value: Any) -> timedelta | None:
    """Return a duration; None for what is none.

    Parameters
    ----------
    value : timedelta or str
        Above 0. As text in ISO 8601, or a number and a unit.

    Examples
    --------
    >>> read_lifetime("P2D"), read_lifetime("12h")
    (datetime.timedelta(days=2), datetime.timedelta(seconds=43200))
    >>> read_lifetime("two days")
    """
    if type(value) is timedelta:
        return value if value > timedelta() else None
    if type(value) is not str or len(value) > LONGEST_TEXT:
        return None
    try:
        if match := _ISO.fullmatch(value.upper()):
            found = timedelta(**{unit: int(number) for unit, number in match.groupdict("0").items()})
        elif match := _SHORT.fullmatch(value.lower()):
            found = timedelta(**{_UNITS[match["unit"]]: int(match["number"])})
        else:
            return None
    except OverflowError:
        return None
    return found if found > timedelta() else None


def lifetime_problems(value: Any, most_days: float) -> Iterator[Problem]:
    """What is wrong with `expires_after`, where a link works for at most `most_days`."""
    found = read_lifetime(value)
    if found is None:
        yield Problem(
            "expires_after", f"expected a timedelta above 0, or a duration such as 'P2D' or '12h', got {shown(value)}"
        )
    elif found > timedelta(days=most_days):
        yield Problem(
            "expires_after",
            f"a link works for at most {most_days:g} days here (the setting max_link_days), "
            f"got {found / timedelta(days=1):g} days",
        )
