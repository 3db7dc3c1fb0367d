"""What encoder and decoder of tokens share: the tags of containers, limits of nesting, parts of objects, refusals.

A token is a JSON scalar that stands for itself, or a list whose first item is a tag. Containers and objects are
``[tag, n, ...]`` and are followed by their `n` parts (a dict of n entries by n times key and value), so a tree of any
depth is one flat list and neither side recurses.
"""

from __future__ import annotations

from typing import Any

import attrs

__all__ = [
    "CONTAINERS",
    "DEEPEST_KEY",
    "DEEPEST_SOLID",
    "OBJECTS",
    "Encoded",
    "Hidden",
    "MissingLibrary",
    "Part",
    "Unsupported",
    "missing_library",
    "parts_of",
    "step_of",
]

CONTAINERS = frozenset({"list", "tuple", "dict", "set", "frozenset"})
"""The tags of Python's own containers."""

OBJECTS = "objects"
"""The tag of an array of Python objects: ``["objects", n, shape]``."""

DEEPEST_KEY = 200
"""Levels of tuples and frozensets within a key or a set: Python hashes them by recursion in C."""

DEEPEST_SOLID = 50
"""Levels of arrays of objects, masked arrays, xarray objects, ...: these are freed by recursion in C."""


def parts_of(tag: str, count: int) -> int:
    """How many values follow the token of a container or object."""
    return 2 * count if tag == "dict" else count


class Unsupported(ValueError):
    """What can't be written, worded to follow the path.

    Parameters
    ----------
    what : str
    step : str
        From the object that is encoded to the part which is meant: ``["a"]`` for the column of a table.
    """

    def __init__(self, what: str, step: str = "") -> None:
        super().__init__(what)
        self.step = step


@attrs.frozen
class Part:
    """A part of an object that is encoded, and the step by which a user reaches it: ``.index``, ``["a"]``.

    Otherwise paths would name the mappings and lists that the object is encoded as.
    """

    step: str
    value: Any


@attrs.frozen
class Encoded:
    """An object that is encoded already: its tag and its plain tree."""

    tag: str
    part: Any


@attrs.frozen
class Hidden:
    """An array of which the values under a mask are written as zeros."""

    array: Any
    mask: Any


class MissingLibrary(ImportError):
    """Reading needs a library that is not installed."""


def missing_library(cause: ModuleNotFoundError, held: str) -> MissingLibrary:
    """What is raised where a result holds objects of a class whose library is missing."""
    name = (cause.name or "").partition(".")[0]
    package = {"odc": "odc-geo", "dateutil": "python-dateutil"}.get(name, name)
    return MissingLibrary(
        f"the result holds {held}, and {name} is not installed here: pip install {package}", name=name
    )


def step_of(cause: ValueError) -> str:
    """From the object that is encoded to the part that `cause` means."""
    return cause.step if isinstance(cause, Unsupported) else ""
