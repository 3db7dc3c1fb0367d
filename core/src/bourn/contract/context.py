"""What a step may ask for and tell: the services that core lends to a plugin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from sqlalchemy import Connection, Engine

    from bourn.contract.artifact import Artifact, Source
    from bourn.ledger.history import History

__all__ = ["Clock", "Context", "Database"]

T = TypeVar("T")

Clock = Callable[[], datetime]
"""Gives the time now, with its zone (UTC)."""


class Database(Protocol):
    """The ledger's database, for a plugin that keeps tables of its own beside it.

    Its ways keep connections apart in forked children, and a commit is durable when it returns.
    """

    @property
    def engine(self) -> Engine:
        """SQLAlchemy's engine, for what the ways below don't do."""
        ...

    def bring(self, history: History) -> None:
        """Have the plugin's tables there, up to date; costs nothing the second time."""
        ...

    def has(self, history: History) -> bool:
        """Whether they are there; none are made. For a preflight, which touches nothing."""
        ...

    def read(self) -> AbstractContextManager[Connection]:
        """A connection for looking; it sees one state from its first statement on."""
        ...

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction; gives its answer once that is durable.

        What `work` raises takes back what it did. It may share its transaction with other threads' work, each in
        a savepoint of its own; and it may be run again.
        """
        ...


class Context(Protocol):
    """The last argument of every step of a destination but `from_shorthand`.

    Attributes
    ----------
    job_id : str
        Empty in `preflight`.
    delivery_id : str or None
        None in `preflight`. The same at every try: what makes a delivery idempotent.
    attempt : int
        1 at the first try; 0 in `preflight`.
    settings : object
        The plugin's own `Settings`.
    format : mapping
        The format that was chosen: its ``type`` and all its options. Empty outside of a request.
    principal : str
        Who asks.
    clock : callable
        Gives the time now; use it instead of `datetime.now`.
    store : Source
        Where artifacts are read.
    database : Database
        The ledger's database, for a plugin that keeps tables of its own beside it.
    home : Path
        The installation's folder on this machine, for a plugin that keeps files of its own there.
    """

    @property
    def job_id(self) -> str: ...  # noqa: D102  # told above
    @property
    def delivery_id(self) -> str | None: ...  # noqa: D102
    @property
    def attempt(self) -> int: ...  # noqa: D102
    @property
    def settings(self) -> Any: ...  # noqa: D102
    @property
    def format(self) -> Mapping[str, Any]: ...  # noqa: D102
    @property
    def principal(self) -> str: ...  # noqa: D102
    @property
    def clock(self) -> Clock: ...  # noqa: D102
    @property
    def store(self) -> Source: ...  # noqa: D102
    @property
    def database(self) -> Database: ...  # noqa: D102
    @property
    def home(self) -> Path: ...  # noqa: D102

    def link(self) -> str:
        """The artifact's link: signed, and working from now until ten days after the job's completion."""
        ...

    def link_until(self) -> datetime:
        """Until when the link works at least, counted from when the artifact was stored: the job has not ended yet."""
        ...

    def hold(self, artifact: Artifact, owner: str) -> None:
        """Exempt the artifact from expiry for as long as `owner` (a name of the plugin's) keeps it.

        Holding twice is holding once. The link expires all the same.
        """
        ...

    def release(self, delivery_id: str, owner: str, *, discard: bool = False) -> None:
        """End a hold; the artifact goes when its link's time is over.

        With `discard` the link ends with the last hold, and the bytes go with the next sweep.
        """
        ...

    @property
    def checkpoint(self) -> Mapping[str, Any]:
        """A small durable JSON of a delivery of several steps; empty at first. Set it after each step."""
        ...

    @checkpoint.setter
    def checkpoint(self, value: Mapping[str, Any]) -> None: ...

    def cancelled(self) -> bool:
        """Whether somebody wants the job cancelled; a long step looks now and then."""
        ...

    def progress(self, done: int, total: int, note: str = "") -> None:
        """Tell how far the step is; cheap enough to call often."""
        ...
