"""Rows of lazy arrays whose rows of chunks are too large for memory: computed chunk by chunk into a temporary file."""

from __future__ import annotations

import os
import tempfile
import threading
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np

from bourn.errors import JobFailed
from bourn.image.blocks import as_declared

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bourn.image.row_reader import Fetched

__all__ = ["SPILL_BYTES", "SpilledRows", "after_each_task", "computed_here"]

SPILL_BYTES = 128 << 20
"""A row of chunks that takes more goes through a file. Computed as a whole it is held twice: in parts, and joined."""

Array = np.ndarray[Any, Any]


def computed_here(arrays: Sequence[Any]) -> bool:
    """Whether threads of this process compute such arrays, which can write into its files; workers elsewhere can't."""
    from dask import local, threaded  # loaded already: these are dask arrays
    from dask.base import get_scheduler

    return get_scheduler(collections=arrays) in (threaded.get, local.get_sync)


def after_each_task(call: Callable[[], None]) -> dict[str, Any]:
    """Keywords of a computation, by which the schedulers of this process call it in the thread that waits for them.

    Given by argument, not as a context manager, which would count the tasks of other threads too.
    """
    from dask.callbacks import Callback  # loaded already: these are dask arrays

    def posttask(*_: Any) -> None:
        call()

    return {"callbacks": [(None, None, None, posttask, None), *Callback.active]}


class SpilledRows:
    """Rows of dask arrays that are chunked alike, each row of chunks being put into a file before it is read.

    Memory holds the chunks that are being computed, and the strip that was asked for: whatever the shape of chunks,
    also where they are as high as the image. The file has no name, so that nothing is left of it when the process
    ends, and is used again for each row of chunks.

    Parameters
    ----------
    indices : sequence of int
    arrays : sequence of dask arrays
        Each (y, x) or (band, y, x).
    edges : sequence of int
        Rows at which chunks begin, and the height.
    callbacks : mapping
        Keywords of each computation, see `after_each_task`.
    """

    def __init__(
        self, indices: Sequence[int], arrays: Sequence[Any], edges: Sequence[int], callbacks: Mapping[str, Any]
    ) -> None:
        self.indices = indices
        self._callbacks = callbacks
        self._arrays = arrays
        self._edges = sorted(set(edges))
        self._held: list[_Spilled] = []
        self._first = self._stop = 0

    def rows(self, start: int, stop: int) -> Fetched:
        """Rows `start` to `stop`, read from the file; joined where a strip crosses chunks."""
        pieces: list[list[Array]] = []
        while start < stop:
            if start >= self._stop:
                self._spill(start)
            end = min(stop, self._stop)
            pieces.append([held.rows(start - self._first, end - self._first) for held in self._held])
            start = end
        return [
            column[0] if len(column) == 1 else np.concatenate(column, axis=-2) for column in zip(*pieces, strict=True)
        ]

    def _spill(self, start: int) -> None:
        """Compute the row of chunks in which `start` is."""
        import dask.array as da  # loaded already: these are dask arrays

        place = next(index for index, edge in enumerate(self._edges) if edge > start)
        self._first, self._stop = self._edges[place - 1], self._edges[place]
        sources = [array[..., self._first : self._stop, :] for array in self._arrays]
        if not self._held:
            self._held = [_Spilled() for _ in sources]
        for held, source in zip(self._held, sources, strict=True):
            held.shape, held.dtype = source.shape, source.dtype
        # Together, so that what they have in common is computed once.
        da.store(sources, self._held, lock=False, **self._callbacks)  # type: ignore[arg-type]  # takes whatever has __setitem__


class _Spilled:
    """What dask stores chunks into, from several threads: a (..., y, x) array in a file."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def __init__(self) -> None:
        # Without a buffer, which would not know what pwrite wrote.
        self._file: Any = tempfile.TemporaryFile(prefix="bourn-", buffering=0)  # noqa: SIM115  # it lives as long
        # A reader of strips may stop at any time, without notice.
        weakref.finalize(self, self._file.close)
        self._lock = threading.Lock()

    def _place(self, layer: int, row: int, column: int) -> int:
        height, width = self.shape[-2:]
        return ((layer * height + row) * width + column) * self.dtype.itemsize

    def __setitem__(self, key: tuple[Any, ...], block: Any) -> None:
        *bands, rows, columns = key
        first_band = bands[0].indices(self.shape[0])[0] if bands else 0
        top, left = rows.indices(self.shape[-2])[0], columns.indices(self.shape[-1])[0]
        wanted = tuple(len(range(*part.indices(length))) for part, length in zip(key, self.shape, strict=True))
        layers = as_declared(block, wanted, self.dtype).astype(self.dtype, copy=False).reshape(-1, *wanted[-2:])
        try:
            for index, layer in enumerate(layers):
                self._write(np.ascontiguousarray(layer), first_band + index, top, left)
        except OSError as cause:
            msg = f"no room for chunks of a lazy image in {tempfile.gettempdir()}: {cause.strerror}"
            raise JobFailed(msg) from cause

    def _write(self, layer: Array, band: int, top: int, left: int) -> None:
        if layer.shape[1] == self.shape[-1]:
            self._put(layer.reshape(-1).view(np.uint8).data, self._place(band, top, left))
            return
        for index, row in enumerate(layer):
            self._put(row.view(np.uint8).data, self._place(band, top + index, left))

    def _put(self, data: memoryview, place: int) -> None:
        while data:
            if hasattr(os, "pwrite"):
                done = os.pwrite(self._file.fileno(), data, place)
            else:  # Windows
                with self._lock:
                    self._file.seek(place)
                    done = self._file.write(data)
            data, place = data[done:], place + done

    def rows(self, start: int, stop: int) -> Array:
        """(..., stop - start, x), read from the file."""
        shape = (*self.shape[:-2], stop - start, self.shape[-1])
        found = np.empty(shape, self.dtype)
        for index, layer in enumerate(found.reshape(-1, *shape[-2:])):
            raw = layer.reshape(-1).view(np.uint8).data
            self._file.seek(self._place(index, start, 0))
            while raw:
                done = self._file.readinto(raw)
                if not done:
                    msg = "a temporary file was cut off"
                    raise JobFailed(msg)
                raw = raw[done:]
        return found
