"""The hooks that a plugin may implement.

A distribution implements those it wants as functions marked with `hookimpl`, in a light module that it names in the
entry points ``bourn.hooks``. Each is called alone: one that fails is logged, and the others still run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from click import Group

    from bourn.contract.receipt import Receipt

__all__ = [
    "PROJECT",
    "bourn_adapt",
    "bourn_commands",
    "bourn_delivered",
    "bourn_demo",
    "bourn_job_changed",
    "bourn_routes",
    "bourn_sweep",
    "hookimpl",
]

PROJECT = "bourn"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a function as an implementation of the hook of its name."""


@hookspec
def bourn_adapt(obj: Any) -> Any:
    """A result made of an object of a foreign type; None if it is not yours.

    Examples
    --------
    >>> from bourn.plugins.hookspecs import hookimpl
    >>> @hookimpl
    ... def bourn_adapt(obj):
    ...     return dict(obj.items()) if type(obj).__name__ == "MyRecord" else None
    """


@hookspec
def bourn_job_changed(job: Any) -> None:
    """A job has gone on to another stage."""


@hookspec
def bourn_delivered(job: Any, receipt: Receipt) -> None:
    """A destination has answered."""


@hookspec
def bourn_routes(session: Any) -> Iterable[Any]:  # type: ignore[empty-body]  # a specification
    """Routes (of Starlette) that ``bourn serve`` serves in addition to its own."""


@hookspec
def bourn_commands(group: Group) -> None:
    """Add commands to the command line's `group`. A command marked `click.pass_obj` is handed the session."""


@hookspec
def bourn_sweep(session: Any, now: datetime) -> None:
    """Clean up what has had its time; called about once a minute by ``bourn serve``, and by ``bourn sweep``."""


@hookspec
def bourn_demo(session: Any) -> Iterable[Any]:  # type: ignore[empty-body]  # a specification
    """Yield what ``bourn demo`` should show, after making what that needs: an `Example`, or a mapping.

    A mapping has a ``title``, a ``destination``, a ``format``, each as a request has it, and may have a ``result``
    of its own; ``tell`` is a function that is given the job once it has delivered, and answers a text that is shown
    at the end.

    Examples
    --------
    >>> from bourn.plugins.hookspecs import hookimpl
    >>> @hookimpl
    ... def bourn_demo(session):
    ...     shelf = {"type": "shelf", "place": "top"}
    ...     tell = lambda job: f"It lies at {job.receipt.detail['place']}."
    ...     yield {"title": "On a shelf", "destination": shelf, "format": "json", "result": [1, 2], "tell": tell}
    """
