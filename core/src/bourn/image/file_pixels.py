"""Pixels that are in a raster file: read in windows, as whole rows of the file's blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from bourn.errors import JobFailed
from bourn.image.nodata import Missing, masked_where_missing
from bourn.image.row_reader import Fetched, FetchedRows, RowReader

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bourn.image.open_files import Datasets

__all__ = ["FilePixels"]

CHUNK_SIDE = 1024
"""Pixels; about the side of a dask chunk, in whole blocks of the file."""


@attrs.frozen(kw_only=True, eq=False)
class FilePixels:
    """Bands of a raster file.

    Attributes
    ----------
    datasets : Datasets
    numbers : tuple of int
        The file's bands, counted from 1.
    size : (height, width)
    dtypes : tuple of numpy.dtype
        One a band.
    block : (height, width)
        Of the file's blocks.
    south_up : bool
        Whether the file's first row is the southernmost: then its rows are turned round.
    alpha : tuple of int
        The file's alpha bands: 0 masks a pixel, in whatever dtype.
    internal_mask : bool
        Whether the file has a mask of its own.
    band_masks : bool
        Whether single bands of the file have masks of their own.
    missing : Missing or None
        Values that mask a pixel.
    """

    datasets: Datasets
    numbers: tuple[int, ...]
    size: tuple[int, int]
    dtypes: tuple[np.dtype[Any], ...]
    block: tuple[int, int]
    south_up: bool = False
    alpha: tuple[int, ...] = ()
    internal_mask: bool = False
    band_masks: bool = False
    missing: Missing | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        """(band, y, x)."""
        return (len(self.numbers), *self.size)

    @property
    def lazy(self) -> bool:
        """Always: it is in a file."""
        return True

    @property
    def masked(self) -> bool:
        """Whether the file has a mask, an alpha, or values that mean 'no data'."""
        return bool(self.alpha) or self.internal_mask or self.band_masks or self.missing is not None

    def array(self) -> Any:
        """(band, y, x) dask array over windows of the file."""
        return self._dask("pixels", (len(self.numbers),), np.result_type(*self.dtypes))

    def layer(self, index: int) -> Any:
        """(y, x) dask array of one band."""
        return self.select([index]).array()[0]

    def mask(self) -> Any:
        """(band, y, x) bool dask array, (y, x) where the mask is the same for all bands; None without one."""
        if not self.masked:
            return None
        own = self.band_masks or self.missing is not None
        return self._dask("mask", (len(self.numbers),) if own else (), np.dtype(bool))

    def select(self, indices: Sequence[int]) -> FilePixels:
        """The bands of these indices, in that order."""
        missing = self.missing and tuple(self.missing[index] for index in indices)
        return attrs.evolve(
            self,
            numbers=tuple(self.numbers[index] for index in indices),
            dtypes=tuple(self.dtypes[index] for index in indices),
            missing=missing if missing and any(value is not None for value in missing) else None,
        )

    def readers(self, rows: int, beat: Callable[[], None] | None = None) -> Sequence[RowReader]:
        """One reader, of whole rows of blocks, which are read too fast to say anything in between."""
        parts = (1 if len(set(self.dtypes)) == 1 else len(self.numbers)) + self.masked
        edges = self.edges(axis=0, side=self.block[0])
        return [FetchedRows(range(parts), self._fetch, edges, rows)]

    def assembled(self, parts: Sequence[Any]) -> tuple[Any, Any]:
        """(pixels, mask) of a strip, as `_fetch` read them."""
        mask = parts[-1] if self.masked else None
        pixels = parts[: len(parts) - self.masked]
        return (pixels[0] if len(set(self.dtypes)) == 1 else tuple(pixels)), mask

    def edges(self, axis: int, side: int) -> list[int]:
        """Rows or columns at which blocks begin, about every `side` pixels, and the end."""
        length = self.size[axis]
        step = max(1, side // self.block[axis]) * self.block[axis]
        edges = [*range(0, length, step), length]
        return [length - edge for edge in reversed(edges)] if self.south_up and axis == 0 else edges

    def _fetch(self, start: int, stop: int) -> Fetched:
        pixels, mask = self.window((start, stop), (0, self.size[1]))
        self.datasets.drop_blocks()
        parts = [pixels] if isinstance(pixels, np.ndarray) else list(pixels)
        return parts if mask is None else [*parts, mask]

    def window(self, rows: tuple[int, int], columns: tuple[int, int]) -> tuple[Any, Any]:
        """(pixels, mask) of a window, each block of the file being decoded once for both.

        Returns
        -------
        (band, y, x) array, or tuple of (y, x) arrays where bands are of unlike dtypes
        (band, y, x) or (y, x) bool array, or None
        """
        if self.south_up:
            rows = (self.size[0] - rows[1], self.size[0] - rows[0])
        return self._north_up(window=(rows, columns))

    def decimated(self, size: tuple[int, int]) -> tuple[Any, Any]:
        """(pixels, mask) of the whole image at `size`, (height, width), from an overview where there is one."""
        return self._north_up(decimated_to=size)

    def _north_up(self, window: Any = None, decimated_to: tuple[int, int] | None = None) -> tuple[Any, Any]:
        try:
            with self.datasets.borrowed() as dataset:
                pixels, mask = self._read(dataset, window, decimated_to)
        except OSError as cause:
            msg = f"{self.datasets.path} can't be read: {cause}"
            raise JobFailed(msg) from cause
        if self.south_up:
            pixels = pixels[:, ::-1] if isinstance(pixels, np.ndarray) else tuple(layer[::-1] for layer in pixels)
            mask = None if mask is None else mask[..., ::-1, :]
        return pixels, mask

    def _read(self, dataset: Any, window: Any, decimated_to: tuple[int, int] | None) -> tuple[Any, Any]:
        one: dict[str, Any] = {"window": window}
        all_bands = dict(one)
        if decimated_to is not None:
            one["out_shape"] = decimated_to
            all_bands["out_shape"] = (len(self.numbers), *decimated_to)
        if len(set(self.dtypes)) == 1:
            pixels: Any = dataset.read(list(self.numbers), **all_bands)
        else:
            pixels = tuple(dataset.read(number, **one) for number in self.numbers)
        masks = [dataset.read(number, **one) == 0 for number in self.alpha]
        if self.internal_mask:
            masks.append(dataset.read_masks(1, **one) == 0)
        if self.band_masks:
            masks.append(dataset.read_masks(list(self.numbers), **all_bands) == 0)
        if self.missing is not None:
            masks.append(masked_where_missing(pixels, self.missing))
        if not masks:
            return pixels, None
        return pixels, np.logical_or.reduce(masks) if len(set(map(np.ndim, masks))) == 1 else _any(masks)

    def _dask(self, what: str, bands: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
        import dask.array as da  # 0.3 s
        from dask.base import tokenize  # loaded by then

        edges = [self.edges(axis, CHUNK_SIDE) for axis in (0, 1)]
        chunks = (*((count,) for count in bands), *(tuple(np.diff(axis).tolist()) for axis in edges))
        shape = (*bands, *self.size)
        source = _Windows(self, what, shape, dtype)
        token = tokenize(self.datasets, self.numbers, self.south_up, what, str(self.missing), str(dtype))
        return da.from_array(
            source, chunks=chunks, name=f"bourn-{what}-{token}", meta=np.empty((0,) * len(shape), dtype)
        )


def _any(masks: Sequence[Any]) -> Any:
    found = masks[0]
    for mask in masks[1:]:
        found = found | mask
    return found


@attrs.frozen(eq=False)
class _Windows:
    """What dask slices: an array whose windows are read from the file."""

    pixels: FilePixels
    what: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def __getitem__(self, key: tuple[Any, ...]) -> Any:
        *bands, rows, columns = key
        read = [part.indices(length)[:2] for part, length in zip((rows, columns), self.shape[-2:], strict=True)]
        pixels, mask = self.pixels.window(read[0], read[1])
        if self.what == "mask":
            return mask[(*bands, slice(None), slice(None))]
        if not isinstance(pixels, np.ndarray):
            pixels = np.stack(pixels, dtype=self.dtype)
        return pixels[(*bands, slice(None), slice(None))]
