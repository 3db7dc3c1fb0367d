"""Who may do what with a product: by the lists that its owners keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["EVERYBODY", "Right", "may"]

Right = Literal["read", "write", "own"]

EVERYBODY = "*"

_LISTS: Mapping[Right, tuple[str, ...]] = {
    "own": ("owners",),
    "write": ("owners", "writers"),
    "read": ("owners", "writers", "readers"),
}


def may(lists: Mapping[str, Collection[str]], principal: str, right: Right) -> bool:
    """Whether `principal` has that right, by the lists of owners, writers and readers.

    Examples
    --------
    >>> lists = {"owners": ["ann"], "writers": ["bob"], "readers": ["*"]}
    >>> may(lists, "ann", "own"), may(lists, "bob", "write"), may(lists, "eve", "write"), may(lists, "eve", "read")
    (True, True, False, True)
    """
    named = [lists.get(name) or () for name in _LISTS[right]]
    return any(principal in listed or (EVERYBODY in listed and right != "own") for listed in named)
