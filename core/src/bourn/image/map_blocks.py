"""Pixels that are changed while they are read: lazily, strip by strip, without a copy of the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import attrs
import numpy as np

from bourn.image.pixels import is_dask
from bourn.image.strips import Strip, gathered

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bourn.image.pixels import Pixels
    from bourn.image.row_reader import Fetched, RowReader

__all__ = ["ChangedPixels"]

CHUNK_SIDE = 1024
"""Pixels; the side of the chunks that an image in memory is cut into where dask is to change it."""


@attrs.frozen(kw_only=True, eq=False)
class ChangedPixels:
    """The pixels of another image, changed.

    Attributes
    ----------
    source : Pixels
    change : callable
        ``change(pixels, mask)`` gives (pixels, mask) of a block of any height and width, each pixel by itself.
    reading : callable or None
        ``reading()`` begins a reading from the top: what it gives is called with each `Strip` in turn, and gives
        (pixels, mask) of it. None for `change`.
    dtypes : tuple of numpy.dtype
        One a band, after the change.
    mask_ndim : 0, 2 or 3
        No mask, one for all bands, or one a band.
    """

    source: Pixels
    change: Callable[[Any, Any], tuple[Any, Any]]
    reading: Callable[[], Callable[[Strip], tuple[Any, Any]]] | None = None
    dtypes: tuple[np.dtype[Any], ...]
    mask_ndim: Literal[0, 2, 3] = 0

    @property
    def shape(self) -> tuple[int, int, int]:
        """(band, y, x)."""
        return (len(self.dtypes), *self.source.shape[1:])

    @property
    def lazy(self) -> bool:
        """Always: it is changed when it is read."""
        return True

    @property
    def masked(self) -> bool:
        """Whether there is a mask."""
        return self.mask_ndim > 0

    def array(self) -> Any:
        """(band, y, x) dask array."""
        dtype = np.result_type(*self.dtypes)
        return self._dask(lambda pixels, _: np.stack(list(pixels), dtype=dtype), dtype, 3)

    def layer(self, index: int) -> Any:
        """(y, x) dask array of one band."""
        return self._dask(lambda pixels, _: pixels[index], self.dtypes[index], 2)

    def mask(self) -> Any:
        """(band, y, x) or (y, x) bool dask array; None without one."""
        return self._dask(lambda _, mask: mask, np.dtype(bool), self.mask_ndim) if self.masked else None

    def select(self, indices: Sequence[int]) -> ChangedPixels:
        """The bands of these indices, in that order."""
        chosen = list(indices)

        def pick(pixels: Any, mask: Any) -> tuple[Any, Any]:
            picked = pixels[chosen] if isinstance(pixels, np.ndarray) else tuple(pixels[index] for index in chosen)
            return picked, mask[chosen] if self.mask_ndim == 3 else mask  # noqa: PLR2004  # one a band

        dtypes = tuple(self.dtypes[index] for index in chosen)
        return ChangedPixels(source=self, change=pick, dtypes=dtypes, mask_ndim=self.mask_ndim)

    def readers(self, rows: int, beat: Callable[[], None] | None = None) -> Sequence[RowReader]:
        """One reader, which reads the source's rows by the source's own."""
        if self.reading is not None:
            return [_ChangedRows(self, rows, beat, self.reading())]
        return [_ChangedRows(self, rows, beat, lambda strip: self.change(strip.pixels, strip.mask))]

    def assembled(self, parts: Sequence[Any]) -> tuple[Any, Any]:
        """(pixels, mask) of a strip, as the reader gave them."""
        mask = parts[-1] if self.masked else None
        pixels = parts[: len(parts) - self.masked]
        return (pixels[0] if len(set(self.dtypes)) == 1 else tuple(pixels)), mask

    def _dask(self, pick: Callable[[Any, Any], Any], dtype: np.dtype[Any], ndim: int) -> Any:
        import dask.array as da  # 0.3 s

        count = len(self.source.dtypes)
        alike = len(set(self.source.dtypes)) == 1
        # Of unlike dtypes each comes alone: what holds all of them may not hold their values.
        inputs = [self.source.array()] if alike else [self.source.layer(index) for index in range(count)]
        mask = self.source.mask()

        def block(*parts: Any) -> Any:
            pixels = parts[0] if alike else parts[:count]
            return pick(*self.change(pixels, None if mask is None else parts[-1]))

        pairs: list[Any] = []
        for part in (*inputs, *(() if mask is None else (mask,))):
            made = part if is_dask(part) else da.from_array(part, chunks=(-1, CHUNK_SIDE, CHUNK_SIDE)[-part.ndim :])
            pairs += [made, "zyx"[-made.ndim :]]
        names = "byx"[-ndim:]
        new = {"b": len(self.dtypes)} if ndim == 3 else {}  # noqa: PLR2004  # (band, y, x)
        meta = np.empty((0,) * ndim, dtype)
        return da.blockwise(block, names, *pairs, new_axes=new, concatenate=True, dtype=dtype, meta=meta)


class _ChangedRows:
    """Rows of the source, changed."""

    def __init__(
        self,
        pixels: ChangedPixels,
        rows: int,
        beat: Callable[[], None] | None,
        change: Callable[[Strip], tuple[Any, Any]],
    ) -> None:
        self._alike = len(set(pixels.dtypes)) == 1
        self.indices: Sequence[int] = range((1 if self._alike else len(pixels.dtypes)) + pixels.masked)
        self._source = pixels.source
        self._readers = pixels.source.readers(rows, beat)
        self._change = change

    def rows(self, start: int, stop: int) -> Fetched:
        """Rows `start` to `stop` after the change."""
        strip = Strip(start, stop, *self._source.assembled(gathered(self._readers, start, stop)))
        pixels, mask = self._change(strip)
        if self._alike and not isinstance(pixels, np.ndarray):
            pixels = np.stack(pixels)
        parts = [pixels] if self._alike else list(pixels)
        return parts if mask is None else [*parts, mask]
