"""What visitor and formats share: the interface of a writer, buffered output with counts of changes, refusals."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Protocol

from bourn.plugin import EncodeError

if TYPE_CHECKING:
    import numpy as np
    from bourn.plugin import Sink

__all__ = ["FLUSHED", "Counting", "Output", "Refusal", "Writer"]

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


class Counting(Protocol):
    """Takes down what was changed."""

    def count(self, kind: str, number: Any = 1) -> None:
        """Note that `number` values were changed in the way `kind`."""
        ...


class Writer(Counting, Protocol):
    """Writes values in the order in which a walk comes to them; each raises `Refusal` for what it can't write.

    Attributes
    ----------
    name : str
        Of the format, for messages.
    """

    name: str

    def none(self, kind: str) -> None:
        """Write that there is nothing, in place of a value that was `kind`."""
        ...

    def scalar(self, value: Any) -> bool:
        """Write one of Python's scalars; False if it is none."""
        ...

    def numpy_scalar(self, value: np.generic) -> bool:
        """Write one of numpy's scalars; False if there is no way to."""
        ...

    def array(self, value: np.ndarray[Any, Any]) -> bool:
        """Write an array whole; False if it is to be taken apart."""
        ...

    def apart(self, value: Any) -> tuple[Any] | None:
        """The plainer value that stands for `value` in this format alone, in a tuple; None if there is none."""
        ...

    def begin_list(self, count: int) -> None:
        """The next `count` values are a list's."""
        ...

    def begin_map(self, count: int) -> None:
        """The next `count` keys with a value each are a mapping's."""
        ...

    def plain(self, values: list[Any] | tuple[Any, ...]) -> int:
        """Write as many of a list's first values as go all at once; gives their number."""
        ...

    def key(self, key: Any) -> None:
        """Write a mapping's key."""
        ...

    def between(self) -> None:
        """One value of a list or mapping is written, the next one follows."""
        ...

    def end_list(self) -> None:
        """The list is complete."""
        ...

    def end_map(self) -> None:
        """The mapping is complete."""
        ...
