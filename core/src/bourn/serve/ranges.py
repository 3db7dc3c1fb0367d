"""The parts of an object that a request asks for (RFC 9110, section 14)."""

from __future__ import annotations

import re

__all__ = ["ranges_of"]

LONGEST_HEADER = 1_000
MOST_RANGES = 32
"""A request for more than this is not a reader's: it gets the whole object, as the RFC allows."""

_SPEC = re.compile(r"([0-9]{0,19})-([0-9]{0,19})")


def ranges_of(header: str, size: int) -> list[tuple[int, int]] | None:
    """The parts of `size` bytes that a Range header names, as (start, end) with the end not included.

    Returns
    -------
    list of (int, int), or None
        In the order asked for; empty if none of them lies in the object (416); None if the header is to be
        ignored: malformed, of another unit, too long, or asking for more than there is.

    Examples
    --------
    >>> ranges_of("bytes=0-9, -5", 100)
    [(0, 10), (95, 100)]
    >>> ranges_of("bytes=100-", 100)
    []
    >>> ranges_of("bytes=9-0", 100)
    """
    unit, _, specs = header.partition("=")
    parts = specs.split(",")
    if unit.strip().lower() != "bytes" or len(header) > LONGEST_HEADER or len(parts) > MOST_RANGES:
        return None
    found = []
    for part in parts:
        spec = _SPEC.fullmatch(part.strip(" \t"))
        if spec is None:
            return None
        first, last = spec.groups()
        if not first and not last:
            return None
        if not first:
            start, end = max(0, size - int(last)), size
        else:
            start, end = int(first), min(size, int(last) + 1) if last else size
            if last and int(last) < start:
                return None
        if start < end:
            found.append((start, end))
    # Overlapping ranges would make one small request a flood.
    return None if sum(end - start for start, end in found) > size else found
