"""What a step may ask for and tell: the services that core lends to a plugin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Engine

    from bourn.contract.artifact import Artifact, Source

__all__ = ["Clock", "Context"]

Clock = Callable[[], datetime]
"""Gives the time now, with its zone (UTC)."""


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
    principal : str
        Who asks.
    clock : callable
        Gives the time now; use it instead of `datetime.now`.
    store : Source
        Where artifacts are read.
    database : Engine
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
    def principal(self) -> str: ...  # noqa: D102
    @property
    def clock(self) -> Clock: ...  # noqa: D102
    @property
    def store(self) -> Source: ...  # noqa: D102
    @property
    def database(self) -> Engine: ...  # noqa: D102
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
