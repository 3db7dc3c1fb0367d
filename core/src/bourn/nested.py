"""The parts of a nested result, in order, each with its path: bounded, and safe with cycles and any depth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bourn.wording import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MOST_LEVELS", "Part", "walk", "worded_key"]

MOST_LEVELS = 1_000
"""Levels of containers; formats hold no more, and a chain that long is a mistake."""

_CONTAINERS = (list, tuple, dict, set, frozenset)
_BRIEF = frozenset({bool, int, float, str, type(None), bytes, complex})


class Part:
    """One part of a nested result.

    Attributes
    ----------
    value : object
    problem : str or None
        What is wrong with the nesting itself.
    """

    __slots__ = ("_key", "_parent", "depth", "problem", "value")

    def __init__(self, value: object, parent: Part | None = None, key: str = "") -> None:
        self.value = value
        self.problem: str | None = None
        self.depth: int = 0 if parent is None else parent.depth + 1
        self._parent = parent
        self._key = key

    @property
    def path(self) -> str:
        """Such as ``result["a"][3]``; of a path of more than 20 steps the first and the last ones."""
        steps = []
        part: Part | None = self
        while part is not None and part._parent is not None:  # noqa: SLF001  # its own class
            steps.append(part._key)  # noqa: SLF001  # its own class
            part = part._parent  # noqa: SLF001  # its own class
        steps.reverse()
        if len(steps) > 20:  # noqa: PLR2004  # readable
            steps = [*steps[:10], "[…]", *steps[-10:]]
        return "result" + "".join(steps)

    def contains_itself(self) -> bool:
        """Whether the value is one of the containers that hold it."""
        part = self._parent
        while part is not None:
            if part.value is self.value:
                return True
            part = part._parent  # noqa: SLF001  # its own class
        return False


def worded_key(key: object) -> str:
    """A key as it stands in a path."""
    if type(key) is str:
        return f'["{shown(key)[1:-1]}"]'
    return f"[{shown(key)}]"


def walk(result: object, other_keys: list[Part] | None = None) -> Iterator[Part]:
    """Every part of `result` that is neither a container nor one of the plainest scalars, in order; keys too.

    A container that holds itself, or is too deep, is given with a `problem` and not entered. One that stands in
    several places is entered at the first: a few nested lists can stand in more places than there are atoms.
    In `other_keys` the first value is noted whose key is not text.
    """
    stack = [Part(result)]
    entered: set[int] = set()
    while stack:
        part = stack.pop()
        value = part.value
        if type(value) not in _CONTAINERS:
            yield part
            continue
        if id(value) in entered:
            if part.contains_itself():
                part.problem = "contains itself"
                yield part
        elif part.depth >= MOST_LEVELS:
            part.problem = f"is more than {MOST_LEVELS} levels deep"
            yield part
        else:
            entered.add(id(value))
            stack.extend(reversed(_inside(part, other_keys)))


def _inside(part: Part, other_keys: list[Part] | None) -> list[Part]:
    value = part.value
    if isinstance(value, dict):
        found = []
        for key, item in value.items():
            if type(key) is not str and not other_keys and other_keys is not None:
                other_keys.append(Part(item, part, worded_key(key)))
            if type(key) not in _BRIEF:
                found.append(Part(key, part, f" key {worded_key(key)}"))
            if type(item) not in _BRIEF:
                found.append(Part(item, part, worded_key(key)))
        return found
    if isinstance(value, list | tuple):
        return [Part(item, part, f"[{index}]") for index, item in enumerate(value) if type(item) not in _BRIEF]
    assert isinstance(value, set | frozenset)  # the only ones left
    return [Part(item, part, "{…}") for item in value if type(item) not in _BRIEF]
