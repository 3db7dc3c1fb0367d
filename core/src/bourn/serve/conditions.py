"""Conditional requests (RFC 9110, section 13): whether the client has, or means, the representation that there is."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["evaluate", "is_unchanged"]

_TAGS = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')


def evaluate(headers: Mapping[str, str], etag: str, modified: datetime) -> int | None:
    """Return 304 or 412 where a condition of a GET or HEAD request decides, in the order of section 13.2.2.

    Parameters
    ----------
    headers : mapping
        Of the request, by names in any case.
    etag : str
        The strong entity tag of the representation, quoted.
    modified : datetime
        When it was last modified.

    Examples
    --------
    >>> evaluate({"if-none-match": '"a", W/"b"'}, '"b"', datetime.now(UTC))
    304
    >>> evaluate({"if-match": '"a"'}, '"b"', datetime.now(UTC))
    412
    """
    modified = modified.astimezone(UTC).replace(microsecond=0)
    if (matched := headers.get("if-match")) is not None:
        if not _includes(matched, etag, weak=False):
            return 412
    elif (date := _date(headers.get("if-unmodified-since"))) is not None and modified > date:
        return 412
    if (unmatched := headers.get("if-none-match")) is not None:
        return 304 if _includes(unmatched, etag, weak=True) else None
    date = _date(headers.get("if-modified-since"))
    return 304 if date is not None and modified <= date else None


def is_unchanged(condition: str | None, etag: str, modified: datetime) -> bool:
    """Return whether an If-Range condition holds: the very entity tag, or the very date (section 13.1.5)."""
    if condition is None or condition.strip() == etag:
        return True
    return _date(condition) == modified.astimezone(UTC).replace(microsecond=0)


def _includes(tags: str, etag: str, *, weak: bool) -> bool:
    """Return whether a list of entity tags has this one; a weak tag equals a strong one only in a weak comparison."""
    if tags.strip() == "*":
        return True
    return any(tag == etag or (weak and tag.removeprefix("W/") == etag) for tag in _TAGS.findall(tags))


def _date(text: str | None) -> datetime | None:
    """Return a date of HTTP; None for what is none."""
    if text is None:
        return None
    try:
        date = parsedate_to_datetime(text)
        return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    except (ValueError, OverflowError, TypeError):
        return None
