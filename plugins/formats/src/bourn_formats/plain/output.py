"""Where values are written: small ones are gathered, large buffers passed on as they are; changes are counted."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bourn.plugin import Sink

__all__ = ["FLUSHED", "Output"]

FLUSHED = 64 << 10
"""Bytes that wait at most before they go to the sink."""


class Output:
    """Bytes on their way to a sink, gathered into larger pieces.

    Attributes
    ----------
    report : Counter
        What was changed, by kind.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._waiting: list[bytes] = []
        self._size = 0
        self.report: Counter[str] = Counter()

    def put(self, data: bytes) -> None:
        """Write something short."""
        self._waiting.append(data)
        self._size += len(data)
        if self._size > FLUSHED:
            self.flush()

    def pass_on(self, data: Any) -> None:
        """Write a buffer as it is, without a copy."""
        self.flush()
        self._sink.write(memoryview(data))

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
