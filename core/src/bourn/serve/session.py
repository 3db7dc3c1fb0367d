"""What the server needs of a session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bourn.contract.context import Clock
    from bourn.describe.schema import Defaults
    from bourn.ledger.record import JobRecord
    from bourn.settings import Settings
    from bourn.store.interface import Store
    from bourn.store.links import Links

__all__ = ["Serving"]


class Hooks(Protocol):
    """Calls the hooks of plugins."""

    def call(self, name: str, /, **arguments: Any) -> list[tuple[str, Any]]:
        """Return the results of a hook, each with the distribution that gave it."""
        ...


class Registry(Protocol):
    """Describes the installed plugins."""

    @property
    def hooks(self) -> Hooks:
        """The hooks of plugins."""
        ...

    def describe(self) -> Mapping[str, Any]:
        """Return all plugins, the matrix and the problems, as JSON."""
        ...


class Records(Protocol):
    """Reads records of jobs."""

    def record_of(self, job_id: str) -> JobRecord | None:
        """Return the record of a job."""
        ...


class Serving(Protocol):
    """The part of a session that the server uses."""

    @property
    def settings(self) -> Settings:
        """The settings of the installation."""
        ...

    @property
    def engine(self) -> Records:
        """Reads records of jobs."""
        ...

    @property
    def links(self) -> Links:
        """Resolves tokens."""
        ...

    @property
    def store(self) -> Store:
        """Holds the bytes."""
        ...

    @property
    def registry(self) -> Registry:
        """Describes the installed plugins."""
        ...

    @property
    def defaults(self) -> Defaults:
        """The destination and the format of a request that names none."""
        ...

    @property
    def clock(self) -> Clock:
        """Gives the time now."""
        ...

    def sweep(self) -> object:
        """Erase what has expired."""
        ...
