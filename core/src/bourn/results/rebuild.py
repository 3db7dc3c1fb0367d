"""A nested result with some of its parts replaced; the caller's own containers stay as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bourn.results.kinds import CONTAINERS

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["rebuilt"]


def rebuilt(obj: Any, parts: Mapping[int, Any]) -> Any:
    """`obj` with every part whose id is a key of `parts` replaced.

    A container in which nothing is replaced is the same object; one that stands in several places stays one.
    Works by a stack of its own, since a result may be as deep as `walk` lets it be.
    """
    made: dict[int, Any] = dict(parts)
    stack = [(obj, False)]
    while stack:
        value, inside_done = stack.pop()
        if id(value) in made or type(value) not in CONTAINERS:
            continue
        items = _items(value)
        if not inside_done:
            stack.append((value, True))
            stack.extend((item, False) for item in items if type(item) in CONTAINERS and id(item) not in made)
        elif any(id(item) in made and made[id(item)] is not item for item in items):
            made[id(value)] = _made(value, made)
        else:
            made[id(value)] = value
    return made.get(id(obj), obj)


def _items(value: Any) -> list[Any]:
    return [*value, *value.values()] if type(value) is dict else list(value)


def _made(value: Any, made: Mapping[int, Any]) -> Any:
    if type(value) is dict:
        return {made.get(id(key), key): made.get(id(item), item) for key, item in value.items()}
    return type(value)(made.get(id(item), item) for item in value)
