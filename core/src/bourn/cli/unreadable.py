"""The one error for what ``bourn send`` is given and can't read."""

from __future__ import annotations

from bourn.errors import Problem, RequestError

__all__ = ["unreadable"]


def unreadable(message: str) -> RequestError:
    """The error that says why."""
    return RequestError([Problem("input", message)])
