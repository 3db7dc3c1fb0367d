"""Plain values, as an image's properties may hold them: copied, so that nothing of the caller's is kept."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np

from bourn.errors import Problem
from bourn.image.date import utc
from bourn.nested import worded_key
from bourn.wording import shown

__all__ = ["plain_copy"]

DEEPEST = 50
"""Levels; a property deeper than this, or one that contains itself, is no description of an image."""

_SCALARS = (bool, int, float, complex, str, bytes, dt.date, dt.time, dt.timedelta, np.generic)


def plain_copy(properties: dict[Any, Any], path: str, problems: list[Problem]) -> dict[str, Any]:
    """A deep copy of `properties`; what is not plain, or has no name, is left out and becomes a problem."""
    copied = {}
    for key, value in properties.items():
        at = f"{path}{worded_key(key)}"
        if not isinstance(key, str):
            problems.append(Problem(at, f"expected a name, got {shown(key)}"))
            continue
        if key == "date" and value is not None:
            try:
                utc(value)
            except ValueError as fault:
                problems.append(Problem(at, str(fault)))
                continue
        copied[str(key)] = _copied(value, at, problems, 1)
    return copied


def _copied(value: Any, path: str, problems: list[Problem], level: int) -> Any:
    if value is None or isinstance(value, _SCALARS):
        return value
    if level >= DEEPEST:
        problems.append(Problem(path, f"is more than {DEEPEST} levels deep, or contains itself"))
        return None
    if isinstance(value, dict):
        made = {}
        for key, item in value.items():
            at = f"{path}{worded_key(key)}"
            if isinstance(key, str):
                made[str(key)] = _copied(item, at, problems, level + 1)
            else:
                problems.append(Problem(at, f"expected a name, got {shown(key)}"))
        return made
    if isinstance(value, list | tuple):
        items = [_copied(item, f"{path}[{index}]", problems, level + 1) for index, item in enumerate(value)]
        return items if isinstance(value, list) else tuple(items)
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufcUSmM":
        return np.array(value)
    problems.append(Problem(path, f"expected a plain value, got {shown(value)}"))
    return None
