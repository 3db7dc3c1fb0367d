"""What can't be written, and where in the object that is taken apart it stands."""

from __future__ import annotations

from typing import Any

import attrs

__all__ = ["Fault", "Placed", "step_of"]


class Fault(ValueError):
    """What can't be written, worded to follow the path.

    Parameters
    ----------
    what : str
    step : str
        From the object that is taken apart to the part which is meant: ``["a"]`` for the column of a table.
    """

    def __init__(self, what: str, step: str = "") -> None:
        super().__init__(what)
        self.step = step


@attrs.frozen
class Placed:
    """A part of an object that is taken apart, and how its owner reaches it: ``.index``, ``["a"]``.

    Otherwise paths name the mappings and lists into which the object was taken apart, which nobody has seen.
    """

    step: str
    value: Any


def step_of(cause: ValueError) -> str:
    """From the object that was taken apart to the part that `cause` means."""
    return cause.step if isinstance(cause, Fault) else ""
