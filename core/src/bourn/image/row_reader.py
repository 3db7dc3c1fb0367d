"""Who reads an image's rows from the top to the bottom, so that each chunk or block is read once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Fetched", "FetchedRows", "HeldRows", "RowReader"]

Fetched: TypeAlias = "Sequence[np.ndarray[Any, Any]]"
"""Arrays of equal height, each (y, x) or (band, y, x)."""


class RowReader(Protocol):
    """Reads rows in their order.

    Attributes
    ----------
    indices : sequence of int
        Which of the image's parts the arrays are that `rows` gives.
    """

    indices: Sequence[int]

    def rows(self, start: int, stop: int) -> Fetched:
        """Rows `start` to `stop` of each array; the rows before `start` are never asked for again."""
        ...


class HeldRows:
    """Rows of arrays in memory: views, read-only since they are the caller's own pixels."""

    def __init__(self, indices: Sequence[int], arrays: Fetched) -> None:
        self.indices = indices
        self._arrays = arrays

    def rows(self, start: int, stop: int) -> Fetched:
        """Views of the rows `start` to `stop`."""
        views = [array[..., start:stop, :] for array in self._arrays]
        for view in views:
            view.flags.writeable = False
        return views


class FetchedRows:
    """Rows that are computed, or read from a file, in whole rows of chunks.

    What was fetched beyond the strip asked for waits for the next one, so that a chunk is fetched once even if
    its height and that of the strips have nothing in common. At most one strip and one row of chunks are held.

    Parameters
    ----------
    indices : sequence of int
    fetch : callable
        ``fetch(start, stop)`` gives the arrays' rows.
    edges : sequence of int
        Rows at which chunks begin, and the height.
    least : int
        Fetch at least that many rows at a time, if chunks are lower.
    """

    def __init__(
        self, indices: Sequence[int], fetch: Callable[[int, int], Fetched], edges: Sequence[int], least: int
    ) -> None:
        self.indices = indices
        self._fetch = fetch
        self._cuts = _cuts(edges, least)
        self._next = 0
        self._first = 0
        self._held: Fetched = ()

    def rows(self, start: int, stop: int) -> Fetched:
        """Rows `start` to `stop`: views of what was fetched, joined where a strip crosses chunks."""
        pieces = [[array[..., start - self._first :, :] for array in self._held]] if self._held else []
        self._held = ()
        if pieces and self._cuts[self._next] < stop:
            # A copy of the rest, so that the chunks it is a view of are gone before the next ones are fetched.
            pieces = [[array.copy() for array in pieces[0]]] if start < self._cuts[self._next] else []
        while self._cuts[self._next] < stop:
            low, high = self._cuts[self._next : self._next + 2]
            pieces.append(list(self._fetch(low, high)))
            self._next += 1
        joined = [_joined(column) for column in zip(*pieces, strict=True)]
        self._first, self._held = start, joined
        return [array[..., : stop - start, :] for array in joined]


def _joined(column: Sequence[np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    return column[0] if len(column) == 1 else np.concatenate(column, axis=-2)


def _cuts(edges: Sequence[int], least: int) -> list[int]:
    cuts = [0]
    for edge in edges:
        if edge - cuts[-1] >= least or edge == edges[-1]:
            cuts.append(edge)
    # A chunk may be empty, and the last edge may stand there already.
    return sorted(set(cuts))
