"""Where JSON text is written, and how what is no number is dealt with and counted."""

from __future__ import annotations

from collections import Counter
from typing import Any

from bourn.plugin import EncodeError, Sink

__all__ = ["Output", "Refusal"]

FLUSHED = 64 << 10
"""Bytes that wait at most before they go to the sink."""


class Refusal(Exception):  # it becomes an EncodeError once the path is known
    """What can't be written, worded to follow the path: ``an object of type decimal.Decimal``.

    Parameters
    ----------
    what : str
    step : str
        From the value that is being written to the part which is meant: ``[3, 1]`` in an array.
    """

    def __init__(self, what: str, step: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.step = step

    def at(self, path: str) -> EncodeError:
        """The error for the caller."""
        return EncodeError(f"{path}{self.step}: {self.what} can't be written as json")


class Output:
    """Text on its way to a sink, gathered into larger pieces.

    Attributes
    ----------
    report : Counter
        What was changed, by kind.
    strict : bool
        Whether NaN and infinities are refused instead of becoming null.
    """

    def __init__(self, sink: Sink, *, strict: bool) -> None:
        self._sink = sink
        self._waiting: list[bytes] = []
        self._size = 0
        self.report: Counter[str] = Counter()
        self.strict = strict

    def put(self, text: bytes) -> None:
        """Write a short text."""
        self._waiting.append(text)
        self._size += len(text)
        if self._size > FLUSHED:
            self.flush()

    def put_inner(self, text: bytes) -> None:
        """Write a list's text without its brackets; not copied if it is long."""
        if len(text) < FLUSHED:
            self.put(text[1:-1])
        else:
            self.flush()
            self._sink.write(memoryview(text)[1:-1])

    def flush(self) -> None:
        """Hand over what waits."""
        if self._waiting:
            self._sink.write(b"".join(self._waiting))
            self._waiting.clear()
            self._size = 0

    def count(self, kind: str, number: Any = 1) -> None:
        """Note that `number` values were changed in the way `kind`."""
        if number:
            self.report[kind] += int(number)
