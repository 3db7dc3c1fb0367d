"""What the steps of a destination answer: notes, a receipt, or 'try again later'."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Note", "Receipt", "Transient"]


class Note(NamedTuple):
    """Something that was decided about a request, and why; listed on the plan.

    Attributes
    ----------
    message : str
        One sentence.
    path : str
        What it is about, such as ``image.name``; empty for the whole.

    Examples
    --------
    >>> Note("the name has been shortened", "image.name")
    Note(message='the name has been shortened', path='image.name')
    """

    message: str
    path: str = ""


@attrs.frozen
class Receipt:
    """What a destination answers when it has the artifact; kept with the job.

    Attributes
    ----------
    url : str or None
        Where the result can be had.
    detail : mapping
        Anything else that the destination has to say, as JSON.

    Examples
    --------
    >>> Receipt(url="https://example.org/7", detail={"status": 201})
    Receipt(url='https://example.org/7', detail={'status': 201})
    """

    url: str | None = None
    detail: Mapping[str, Any] = attrs.field(factory=dict)


class Transient(Exception):  # an answer, not a fault: "not now"
    """Raised by `deliver`: it did not work now, and should be tried again later, by any process.

    Parameters
    ----------
    message : str
        What went wrong this time.
    retry_after : timedelta or seconds, optional
        When to try again; without it after 1, 2, 4, ... at most 60 seconds, with jitter.
    retry_for : timedelta or seconds, optional
        How long after the first try to give up; without it as the destination's `retry_for` says.

    Examples
    --------
    >>> Transient("the mailbox is busy", retry_after=90).retry_after
    datetime.timedelta(seconds=90)
    """

    def __init__(
        self,
        message: str = "",
        *,
        retry_after: timedelta | float | None = None,
        retry_for: timedelta | float | None = None,
    ) -> None:
        super().__init__(message)
        self.retry_after = _duration(retry_after)
        self.retry_for = _duration(retry_for)


def _duration(value: timedelta | float | None) -> timedelta | None:
    return value if value is None or isinstance(value, timedelta) else timedelta(seconds=value)
