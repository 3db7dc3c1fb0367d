"""What writer and reader of tokens agree on: the tags of containers, and how deep things may nest.

A token is a JSON scalar that stands for itself, or a list whose first item is a tag. Containers and composites are
``[tag, n, ...]`` and are followed by their `n` parts (a dict of n entries by n times key and value), so a tree of any
depth is one flat list and neither side recurses.
"""

from __future__ import annotations

from typing import Any

import attrs

__all__ = ["CONTAINERS", "DEEPEST_KEY", "DEEPEST_SOLID", "OBJECTS", "Part", "Unsupported", "parts_of", "step_of"]


class Unsupported(ValueError):
    """What can't be written, worded to follow the path.

    Parameters
    ----------
    what : str
    step : str
        From the object that is taken apart to the part which is meant: ``["a"]`` for the column of a table.
    """

    def __init__(self, what: str, step: str = "") -> None:
        super().__init__(what)
        self.step = step


@attrs.frozen
class Part:
    """A part of an object that is taken apart, and how its owner reaches it: ``.index``, ``["a"]``.

    Otherwise paths name the mappings and lists into which the object was taken apart, which nobody has seen.
    """

    step: str
    value: Any


def step_of(cause: ValueError) -> str:
    """From the object that was taken apart to the part that `cause` means."""
    return cause.step if isinstance(cause, Unsupported) else ""


CONTAINERS = frozenset({"list", "tuple", "dict", "set", "frozenset"})
"""The tags of Python's own containers."""

OBJECTS = "objects"
"""The tag of an array of Python objects: ``["objects", n, shape]``."""

DEEPEST_KEY = 200
"""Levels of tuples and frozensets within a key or a set: Python hashes them by recursion in C."""

DEEPEST_SOLID = 50
"""Levels of arrays of objects, masked arrays, xarray objects, ...: these are freed by recursion in C."""


def parts_of(tag: str, count: int) -> int:
    """How many values follow the token of a container or composite."""
    return 2 * count if tag == "dict" else count
