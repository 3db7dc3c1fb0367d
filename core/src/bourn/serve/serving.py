"""What the server needs of a session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bourn.contract.context import Clock
    from bourn.describe.schema import Defaults
    from bourn.store.interface import Store
    from bourn.store.links import Links

__all__ = ["Hooks", "Inventory", "Serving"]


class Hooks(Protocol):
    """Asks plugins for what they add."""

    def call(self, name: str, /, **arguments: Any) -> list[tuple[str, Any]]:
        """The answers to a hook, each with the distribution that gave it."""
        ...


class Inventory(Protocol):
    """Knows who is installed."""

    @property
    def hooks(self) -> Hooks:
        """What plugins listen to."""
        ...

    def describe(self) -> Mapping[str, Any]:
        """All plugins, the matrix and the problems, as JSON."""
        ...


class Serving(Protocol):
    """The part of a session that the server stands on."""

    @property
    def links(self) -> Links:
        """What a token leads to."""
        ...

    @property
    def store(self) -> Store:
        """Where the bytes are."""
        ...

    @property
    def registry(self) -> Inventory:
        """Who is installed."""
        ...

    @property
    def defaults(self) -> Defaults:
        """What a request means that leaves a half out."""
        ...

    @property
    def clock(self) -> Clock:
        """Gives the time now."""
        ...

    def sweep(self) -> object:
        """Erase what is over."""
        ...
