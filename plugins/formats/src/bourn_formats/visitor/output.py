"""What visitor and formats share: the interface of a writer, buffered output with counts of changes, refusals."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Protocol

import attrs
from bourn.plugin import EncodeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import numpy as np
    from bourn.plugin import Sink

__all__ = ["BATCH", "FLUSHED", "Column", "Counting", "Output", "Records", "Refusal", "VisitItems", "Writer"]

BATCH = 1024
"""Rows of a table that are Python objects at a time."""

FLUSHED = 64 << 10
"""Bytes that wait at most before they go to the sink."""


class VisitItems(Exception):  # no error: the items of a chunk are visited one by one then
    """A chunk can't be written as a whole."""


class Output:
    """Bytes on their way to a sink, gathered into larger pieces.

    Attributes
    ----------
    counts : Counter
        What was changed, by kind.
    path : callable
        Gives the path of the current value.
    known_only : bool
        Whether a change of a kind that was not counted before raises `VisitItems`, since its path is not known.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._waiting: list[bytes] = []
        self._size = 0
        self.path: Callable[[], str] = str
        self._first: dict[str, str] = {}
        self.counts: Counter[str] = Counter()
        self.known_only = False

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

    def put_view(self, data: memoryview) -> None:
        """Write a buffer that does not change; not copied if it is long."""
        if data.nbytes < FLUSHED:
            self.put(bytes(data))
        else:
            self.pass_on(data)

    def flush(self) -> None:
        """Hand over what waits."""
        if self._waiting:
            self._sink.write(b"".join(self._waiting))
            self._waiting.clear()
            self._size = 0

    def locate(self, path: Callable[[], str]) -> None:
        """Set the function that gives the path of the current value."""
        self.path = path

    def share_counts(self, other: Output) -> None:
        """Count changes together with another output."""
        self.counts, self._first, self.known_only = other.counts, other._first, other.known_only  # its own

    def count(self, kind: str, number: Any = 1, step: str = "") -> None:
        """Note that `number` values were changed in the way `kind`, at `step` from the current value."""
        if number:
            if kind not in self._first:
                if self.known_only:
                    raise VisitItems
                self._first[kind] = self.path() + step
            self.counts[kind] += int(number)

    def restore(self, counts: Counter[str]) -> None:
        """Set the counts to what they were."""
        self.counts.clear()
        self.counts.update(counts)

    def report(self) -> Mapping[str, Any]:
        """How often each kind of change was made and, under ``first``, the path of the first of each."""
        return {**self.counts, "first": self._first} if self.counts else {}


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
    """Counts what is changed."""

    def count(self, kind: str, number: Any = 1, step: str = "") -> None:
        """Note that `number` values were changed in the way `kind`, at `step` from the current value."""
        ...


@attrs.frozen(kw_only=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    name : str or None
        None of a column that is a result by itself.
    values : callable
        Of (start, stop, out) gives the values of these rows as Python objects, and counts what is missing.
    vector : callable
        Of (start, stop) gives a large_string array, or numpy values and a mask of what is missing, or None if the
        column is neither.
    missing : str
        What a missing value is counted as; empty where nothing is changed.
    """

    name: str | None
    values: Callable[[int, int, Counting], Iterator[Any]]
    vector: Callable[[int, int], Any]
    missing: str = ""


@attrs.frozen(kw_only=True)
class Records:
    """The rows of a table: mappings of `names`, or values of one column if `names` is None."""

    names: list[str] | None
    columns: list[Column]
    rows: int

    def values(self, out: Counting) -> Iterator[Any]:
        """The rows as Python objects, made as they are read."""
        for start in range(0, self.rows, BATCH):
            stop = min(start + BATCH, self.rows)
            columns = [column.values(start, stop, out) for column in self.columns]
            if self.names is None:
                yield from columns[0]
            elif columns:
                names = self.names
                yield from (dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True))
            else:
                yield from ({} for _ in range(start, stop))


class Writer(Counting, Protocol):
    """Writes values in the order in which they are visited; each method raises `Refusal` for what it can't write.

    Attributes
    ----------
    name : str
        Of the format, for messages.
    """

    name: str

    def locate(self, path: Callable[[], str]) -> None:
        """Set the function that gives the path of the current value."""
        ...

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
        """Write an array whole; False if its items are to be visited."""
        ...

    def records(self, records: Records) -> bool:
        """Write the rows of a table; False if they are to be visited."""
        ...

    def simplify(self, value: Any) -> tuple[Any] | None:
        """The plainer value that stands for `value` in this format alone, in a tuple; None if there is none."""
        ...

    def begin_list(self, count: int) -> None:
        """The next `count` values are a list's."""
        ...

    def begin_map(self, count: int) -> None:
        """The next `count` keys with a value each are a mapping's."""
        ...

    def chunk(self, items: list[Any] | dict[Any, Any], *, first: bool) -> int:
        """Write consecutive items of a list or mapping at once.

        Parameters
        ----------
        items : list or dict
        first : bool
            Whether no item was written before them.

        Returns
        -------
        int
            The bytes written; 0 if nothing was, since the items have to be visited one by one.
        """
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
