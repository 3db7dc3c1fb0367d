"""How a plugin that was written for an older version of the interface goes on working: each change has its way up."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["UPGRADES", "Upgrade", "upgraded", "ways_from"]


@attrs.frozen(kw_only=True)
class Upgrade:
    """From one version of the interface to the next.

    Attributes
    ----------
    changed : str
        What an author has to change, as a sentence without its full stop.
    until : str
        The first version of bourn-core that may do without this way.
    adapt : callable
        Of a class written for the older version a subclass of it for the newer one.
    """

    changed: str
    until: str
    adapt: Callable[[type], type]


UPGRADES: Mapping[int, Upgrade] = {}
"""By the version from which it leads; there is one version so far."""


def ways_from(version: int, current: int, upgrades: Mapping[int, Upgrade]) -> list[Upgrade] | None:
    """The steps from one version to the current one; None where one is missing.

    Examples
    --------
    >>> one = Upgrade(changed="deliver takes its context first", until="3.0", adapt=lambda cls: cls)
    >>> ways_from(2, 2, {}), ways_from(1, 2, {1: one}) == [one], ways_from(1, 3, {1: one})
    ([], True, None)
    """
    steps = range(version, current)
    return [upgrades[step] for step in steps] if all(step in upgrades for step in steps) else None


def upgraded(found: Any, ways: list[Upgrade]) -> Any:
    """A class, or an object, of an older version as one of the current version."""
    cls = found if isinstance(found, type) else type(found)
    for way in ways:
        cls = way.adapt(cls)
    if isinstance(found, type) or not ways:
        return cls if isinstance(found, type) else found
    other = copy.copy(found)
    other.__class__ = cls
    return other
