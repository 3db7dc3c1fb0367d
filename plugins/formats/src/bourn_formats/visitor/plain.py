"""Fast checks whether a value is plain: exactly None, bool, int, float, str, and lists and dicts of them.

What a C encoder writes of such values needs no further look; of all others it may hide a change (a tuple becomes a
list, NaN null).
"""

from __future__ import annotations

import gc
import sys
from itertools import chain, islice
from operator import itemgetter
from typing import Any

__all__ = ["LARGEST_EXACT", "SMALL", "count_long_integers", "is_flat", "is_plain", "is_small", "levels_are_plain"]

SMALL = 2000
"""Values that a container has at most to be encoded in one piece."""

LARGEST_EXACT = 2**53 - 1
"""Of either sign, the largest integer that a reader whose numbers are float64 reads exactly (RFC 8259, section 6)."""

DEEPEST = 64
"""Levels of what is encoded in one piece."""

_EXACT_ATOMS = frozenset({type(None), bool, int, str})
_ATOMS = _EXACT_ATOMS | {float}
_LONG_TEXT = 4096
"""Characters; a longer text counts as many values."""


def is_small(value: Any, limit: int = SMALL) -> bool:
    """Whether a list or dict holds at most `limit` values, its lists and dicts' included, and no deep nesting."""
    level = [value]
    count = 0
    for _ in range(DEEPEST):
        below: list[Any] = []
        for item in level:
            kind = type(item)
            if kind is dict:
                below.extend(item.values())
            elif kind is list or kind is tuple:
                below.extend(item)
            elif kind is str or kind is bytes:
                count += len(item) // _LONG_TEXT
            elif hasattr(kind, "size"):
                count += _size_of(item)
            if count + len(below) > limit:
                return False
        if not below:
            return True
        count += len(below)
        level = below
    return False


def _size_of(array: Any) -> int:
    """The number of values in an array of any library; 0 where `size` is something else."""
    size = array.size
    return size if isinstance(size, int) else 0


def is_plain(value: Any) -> bool:
    """Whether a list or dict is plain, without NaN and infinities, and has at most `SMALL` values."""
    kind = type(value)
    if (kind is not dict and kind is not list) or len(value) > SMALL:
        return False
    containers = [value.values() if kind is dict else value]
    count = 0
    for values in containers:
        count += len(values)
        if count > SMALL:
            return False
        for item in values:
            kind = type(item)
            if kind in _EXACT_ATOMS:
                continue
            if kind is float:
                if item - item != 0.0:
                    return False
            elif kind is dict:
                containers.append(item.values())
            elif kind is list:
                containers.append(item)
            else:
                return False
    return True


def _count_nulls(text: bytes) -> int:
    """How often ``:n`` stands in JSON text: at least once for each null of a dict."""
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return text.count(b":n")
    pair = 0x6E3A  # ":n" as a little-endian number
    return sum(
        int(numpy.count_nonzero(numpy.frombuffer(text, "<u2", (len(text) - offset) // 2, offset) == pair))
        for offset in (0, 1)
    )


def _column_nones(records: list[dict[str, Any]]) -> int:
    """How many values are None in columns of `records` that have one in the first 64; 0 if records differ in keys."""
    keys = dict.fromkeys(key for record in islice(records, 64) for key, value in record.items() if value is None)
    try:
        return sum(list(map(itemgetter(key), records)).count(None) for key in keys)
    except KeyError:
        return 0


def is_flat(records: list[Any], text: bytes) -> bool:
    """Whether records, of which `text` is the JSON, are dicts of plain values, known without a look at each value.

    CPython tracks a dict for its garbage collector once it holds an object that may refer to others: not one of
    these dicts then holds a list, or an object of a class written in Python. A tuple shows as a bracket, NaN as a null
    more than there are None. False means that it is not known.
    """
    if text.find(b"[", 1) != -1 or set(map(type, records)) != {dict} or any(map(gc.is_tracked, records)):
        return False
    nulls = _count_nulls(text)
    return not nulls or nulls == _column_nones(records)


def levels_are_plain(values: list[Any], text: bytes) -> bool:
    """Whether all values, of which `text` is the JSON, and those within them are plain and finite."""
    numbers = b"null" in text
    while values:
        kinds = set(map(type, values))
        if numbers and float in kinds and not _finite([value for value in values if type(value) is float]):
            return False
        kinds -= _ATOMS
        if not kinds:
            return True
        if not kinds <= {dict, list}:
            return False
        lists = [value for value in values if type(value) is list] if list in kinds else []
        dicts = [value for value in values if type(value) is dict] if dict in kinds else []
        values = [*chain.from_iterable(lists), *chain.from_iterable(map(dict.values, dicts))]
    return True


def count_long_integers(values: list[Any]) -> int:
    """How many integers within values are beyond those that float64 holds exactly."""
    count = 0
    while values:
        count += sum(type(value) is int and not -LARGEST_EXACT <= value <= LARGEST_EXACT for value in values)
        lists = [value for value in values if type(value) is list or type(value) is tuple]
        dicts = [value for value in values if type(value) is dict]
        values = [*chain.from_iterable(lists), *chain.from_iterable(map(dict.values, dicts))]
    return count


def _finite(numbers: list[float]) -> bool:
    total = sum(numbers)
    return total - total == 0.0 or all(number - number == 0.0 for number in numbers)
