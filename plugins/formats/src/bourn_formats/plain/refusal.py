"""What can't be written, worded before its place is known."""

from __future__ import annotations

from bourn.plugin import EncodeError

__all__ = ["Refusal"]


class Refusal(Exception):  # it becomes an EncodeError once the path is known
    """What can't be written, worded to follow the path: ``an object of type decimal.Decimal``.

    Parameters
    ----------
    what : str
    step : str
        From the value that is being written to the part which is meant: ``[3, 1]`` in an array.
    hint : str
        What to do instead, in brackets: `` (pyarrow holds it)``.
    of_all : bool
        Whether the container is meant, and none of its parts.
    """

    def __init__(self, what: str, step: str = "", hint: str = "", *, of_all: bool = False) -> None:
        super().__init__(what)
        self.of_all = of_all
        self.what = what
        self.step = step
        self.hint = hint

    def at(self, path: str, name: str) -> EncodeError:
        """The error for the caller, of the format called `name`."""
        return EncodeError(f"{path}{self.step}: {self.what} can't be written as {name}{self.hint}")
