"""Putting an image on another grid: lazily, block by block of the target, with the masks respected."""

from __future__ import annotations

import itertools
import os
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from bourn.errors import Problem, RequestError
from bourn.image.blocks import Blocks
from bourn.image.file_pixels import FilePixels
from bourn.image.grid_map import GridMap, TransformFailed, spans
from bourn.image.image import Image
from bourn.image.nodata import masked_where_missing
from bourn.image.pixels import ArrayPixels, Pixels, is_dask
from bourn.image.resample import PICKING, RESAMPLINGS, margin_of, resample
from bourn.image.row_reader import Fetched, FetchedRows, RowReader
from bourn.wording import listed, nearest, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from odc.geo.geobox import GeoBox

    from bourn.image.grid_map import Block

__all__ = ["ReprojectedPixels", "checked_resampling", "reproject"]

Array = np.ndarray[Any, Any]

BLOCK_SHAPE = (256, 2048)
"""(rows, columns) of a block of the target."""

CHUNK_SIDE = 512
"""Pixels; about the side of the pieces in which a file is read."""

COARSE = 2.0
"""From this ratio of pixel sizes on a plan suggests ``average``."""


def checked_resampling(given: object) -> str | None:
    """The resampling in lower case; None if none is given.

    Raises
    ------
    RequestError
        There is no such resampling.
    """
    if given is None:
        return None
    if isinstance(given, str) and given.lower() in RESAMPLINGS:
        return given.lower()
    if isinstance(given, str) and given.lower() == "sum":
        hint = 'take "average" of amounts per area, and multiply it by the area of the pixels'
        raise RequestError([Problem("resampling", f"there is no {given!r}: {hint}")])
    near = nearest(given, RESAMPLINGS) if isinstance(given, str) else None
    hint = f"did you mean {near!r}?" if near else f"known are {listed(RESAMPLINGS)}"
    raise RequestError([Problem("resampling", f"unknown resampling {shown(given)}; {hint}")])


def reproject(image: Image, geobox: GeoBox, resampling: str | None = None) -> tuple[Image, list[str]]:
    """`image` on another grid, and notes on what a caller should know of it.

    The same object if it lies there already, else a lazy one. Each block of the target is resampled once from all
    source pixels that it touches, so that the result does not depend on how the source is chunked.

    A pixel is masked where its nearest one is, or, of a resampling that summarizes pixels, where none within it is
    valid; and where the image does not reach. Masked pixels do not contribute to others. Integers are rounded to the
    nearest. Beneath the mask stands nodata, else 0 (NaN in float bands).

    Parameters
    ----------
    image : Image
    geobox : GeoBox
    resampling : str, optional
        One of `RESAMPLINGS`. By default bilinear for data bands. Class, mask and bool bands take the nearest pixel
        unless `resampling` is one of `PICKING`.

    Raises
    ------
    RequestError
        One of the two has no CRS, or there is no way from one CRS to the other.
    """
    if image.geobox == geobox:
        return image, []
    if image.geobox is None or image.geobox.crs is None or geobox.crs is None:
        lacking = "geobox=" if geobox.crs is None else "the image"
        raise RequestError([Problem("geobox", f"{lacking} has no CRS, so that the image can't be put on another grid")])
    grids = GridMap(source=image.geobox, target=geobox)
    try:
        ratio = grids.pixel_ratio()
        reached = grids.meets()
    except TransformFailed as cause:
        message = f"there is no transformation from the image's CRS to that of the grid: {cause}"
        raise RequestError([Problem("geobox", message)]) from cause
    chosen = []
    for name, dtype in zip(image.bands, image.dtypes, strict=True):
        picks = image.bandinfo[name]["kind"] != "data" or dtype.kind == "b"
        chosen.append((resampling if resampling in PICKING else "nearest") if picks else resampling or "bilinear")
    notes = _notes(image, resampling, chosen, ratio, reached=reached)
    fill = tuple(
        np.array(image.bandinfo[name].get("nodata", np.nan if dtype.kind in "fc" else 0), dtype.newbyteorder("="))
        for name, dtype in zip(image.bands, image.dtypes, strict=True)
    )
    source = image._pixels  # noqa: SLF001  # reprojection is a part of the image package
    sampler = Sampler(grids=grids, resamplings=tuple(chosen), fill=fill, ratio=ratio)
    pixels = ReprojectedPixels(source=source, sampler=sampler)
    return Image._on(pixels, image.bands, geobox, image.properties, image.bandinfo), notes  # noqa: SLF001  # the same


def _notes(image: Image, resampling: str | None, chosen: Sequence[str], ratio: float, *, reached: bool) -> list[str]:
    notes = []
    if not reached:
        notes.append("no pixel of geobox= has its centre on the image: all are masked")
    kept = [name for name, how in zip(image.bands, chosen, strict=True) if resampling not in {None, how}]
    if kept:
        notes.append(f"bands of classes and masks take the nearest pixel, not {resampling}: {listed(kept)}")
    if resampling is None and ratio >= COARSE and "bilinear" in chosen:
        notes.append(
            f"a pixel of geobox= is {ratio:.3g} pixels of the image wide, and bilinear looks at 2 of them: "
            'resampling="average" takes all into account'
        )
    return notes


@attrs.frozen(kw_only=True, eq=False)
class Sampler:
    """Resamples blocks of the target.

    Attributes
    ----------
    grids : GridMap
    resamplings : tuple of str
        One a band.
    fill : tuple of numpy arrays without dimensions
        What stands beneath the mask, one a band.
    ratio : float
        How many source pixels a target pixel is wide.
    """

    grids: GridMap
    resamplings: tuple[str, ...]
    fill: tuple[Any, ...]
    ratio: float

    @property
    def margin(self) -> int:
        """Source pixels that are needed around a block."""
        return max(margin_of(how, self.ratio) for how in self.resamplings)

    def select(self, indices: Sequence[int]) -> Sampler:
        """The sampler of these bands only."""
        chosen = tuple(self.resamplings[index] for index in indices)
        return attrs.evolve(self, resamplings=chosen, fill=tuple(self.fill[index] for index in indices))

    def resampled(self, block: Block, window: tuple[Sequence[Array], Any] | None) -> tuple[list[Array], list[Array]]:
        """(layers, masks) of a block, from the pixels and the mask of its window."""
        shape = (block.rows[1] - block.rows[0], block.columns[1] - block.columns[0])
        if window is None:
            return [np.full(shape, value) for value in self.fill], [np.ones(shape, bool)] * len(self.fill)
        layers, mask = window
        shared = None if mask is None else ~mask
        valid: list[Array | None] = []
        for index, layer in enumerate(layers):
            own = shared if shared is None or shared.ndim == 2 else shared[index]  # noqa: PLR2004  # (y, x)
            if layer.dtype.kind in "fc":
                known = layer == layer  # noqa: PLR0124  # not NaN
                if not known.all():
                    own = known if own is None else own & known
            valid.append(own)
        found = resample(self.grids, block, layers, valid, self.resamplings)
        for layer, masked, fill in zip(found.layers, found.masked, self.fill, strict=True):
            if masked.any():
                layer[masked] = fill
        return found.layers, found.masked


@attrs.frozen(kw_only=True, eq=False)
class ReprojectedPixels:
    """The pixels of another image, on another grid.

    Attributes
    ----------
    source : Pixels
    sampler : Sampler
    """

    source: Pixels
    sampler: Sampler

    @property
    def grids(self) -> GridMap:
        """From the target's pixels to the source's."""
        return self.sampler.grids

    @property
    def shape(self) -> tuple[int, int, int]:
        """(band, y, x)."""
        height, width = self.grids.target.shape
        return len(self.sampler.fill), int(height), int(width)

    @property
    def dtypes(self) -> tuple[np.dtype[Any], ...]:
        """One a band, in native byte order."""
        return tuple(value.dtype for value in self.sampler.fill)

    @property
    def lazy(self) -> bool:
        """Always: it is resampled when it is read."""
        return True

    @property
    def masked(self) -> bool:
        """Always: a grid may reach beyond the image."""
        return True

    @property
    def _alike(self) -> bool:
        return len(set(self.dtypes)) == 1

    def array(self) -> Any:
        """(band, y, x) dask array."""
        dtype = np.result_type(*self.dtypes)
        return self._dask(lambda pixels, _: np.stack(pixels).astype(dtype, copy=False), 3, dtype)

    def layer(self, index: int) -> Any:
        """(y, x) dask array of one band."""
        alone = self.select([index])
        return alone._dask(lambda pixels, _: pixels[0], 2, self.dtypes[index])  # noqa: SLF001  # its own class

    def mask(self) -> Any:
        """(band, y, x) bool dask array."""
        return self._dask(lambda _, masks: np.stack(masks), 3, np.dtype(bool))

    def select(self, indices: Sequence[int]) -> ReprojectedPixels:
        """The bands of these indices, in that order."""
        return ReprojectedPixels(source=self.source.select(indices), sampler=self.sampler.select(indices))

    def readers(self, rows: int, beat: Callable[[], None] | None = None) -> Sequence[RowReader]:
        """One reader, which resamples rows of blocks; source chunks are kept until no further row needs them."""
        source = _Chunks(self.source)
        height, _ = self.grids.target.shape

        def fetch(start: int, stop: int) -> Fetched:
            return self._rows(source, (start, stop), beat)

        edges = [0, *(stop for _, stop in spans(height, BLOCK_SHAPE[0]))]
        return [FetchedRows(range((1 if self._alike else len(self.sampler.fill)) + 1), fetch, edges, rows)]

    def assembled(self, parts: Sequence[Any]) -> tuple[Any, Any]:
        """(pixels, mask) of a strip."""
        return (parts[0] if self._alike else tuple(parts[:-1])), parts[-1]

    def _blocks(self, rows: tuple[int, int], columns: tuple[int, int]) -> list[Block]:
        """The blocks that cover a window of the target, in rows."""
        margin = self.sampler.margin
        height, width = self.grids.target.shape
        return [
            self.grids.block(down, across, margin)
            for down in spans(height, BLOCK_SHAPE[0])
            if down[0] < rows[1] and down[1] > rows[0]
            for across in spans(width, BLOCK_SHAPE[1])
            if across[0] < columns[1] and across[1] > columns[0]
        ]

    def _rows(self, source: _Chunks, rows: tuple[int, int], beat: Callable[[], None] | None) -> Fetched:
        """Whole rows of blocks: the pixels, all bands or each of them, then the mask."""
        width = self.grids.target.shape[1]
        blocks = self._blocks(rows, (0, width))
        source.fetch([block.window for block in blocks if block.window is not None])
        height = rows[1] - rows[0]
        stack = np.empty((len(self.sampler.fill), height, width), self.dtypes[0]) if self._alike else None
        layers = list(stack) if stack is not None else [np.empty((height, width), dtype) for dtype in self.dtypes]
        mask = np.zeros((len(self.sampler.fill), height, width), bool)  # takes no memory where nothing is masked

        def work(block: Block) -> None:
            place = np.s_[block.rows[0] - rows[0] : block.rows[1] - rows[0], slice(*block.columns)]
            window = None if block.window is None else source.window(block.window)
            pixels, masks = self.sampler.resampled(block, window)
            for index, layer in enumerate(layers):
                layer[place] = pixels[index]
                if masks[index].any():
                    mask[index][place] = masks[index]

        for _ in _in_threads(source.pool, work, blocks):
            if beat is not None:
                beat()
        return [*([stack] if stack is not None else layers), mask]

    def _dask(self, pick: Callable[[Any, Any], Any], ndim: int, dtype: np.dtype[Any]) -> Any:
        """A dask array of what `pick` takes of (layers, masks) of each block."""
        import dask  # 0.3 s
        import dask.array as da  # the same

        source = _Chunks(self.source)
        height, width = self.grids.target.shape
        bands = (len(self.sampler.fill),) if ndim == 3 else ()  # noqa: PLR2004  # (band, y, x)
        rows = []
        for down in spans(height, BLOCK_SHAPE[0]):
            row = []
            for block in self._blocks(down, (0, width)):
                parts = None if block.window is None else source.lazy_parts(block.window)
                made = dask.delayed(_block_of, pure=False)(self.sampler, block, parts, pick)  # type: ignore[attr-defined]  # dask is typed in part
                shape = (*bands, down[1] - down[0], block.columns[1] - block.columns[0])
                row.append(da.from_delayed(made, shape, dtype, meta=np.empty((0,) * ndim, dtype)))
            rows.append(row)
        return da.block(rows)


def _block_of(sampler: Sampler, block: Block, parts: Any, pick: Callable[[Any, Any], Any]) -> Any:
    window = None if parts is None else parts() if callable(parts) else _split(*parts)
    return pick(*sampler.resampled(block, window))


def _new_pool() -> ThreadPoolExecutor:
    """As many threads as there are cores. They end when the pool is garbage collected."""
    return ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="bourn-warp")


def _in_threads(pool: ThreadPoolExecutor, work: Callable[[Any], None], items: Sequence[Any]) -> Iterator[None]:
    """Call `work` with each item; yields after each. Errors are raised."""
    futures: list[Future[None]] = []
    try:
        futures = [pool.submit(work, item) for item in items]
        for future in futures:
            future.result()
            yield
    finally:
        for future in futures:
            future.cancel()
        wait(futures)


@attrs.define(eq=False)
class _Chunks:
    """Windows of pixels, put together from chunks that are read or computed once.

    Attributes
    ----------
    pixels : Pixels
    edges : (list of int, list of int)
        Rows and columns at which chunks begin, and the ends.
    pool : ThreadPoolExecutor
        For reading and resampling: threads that are kept keep their memory arenas, too.
    """

    pixels: Pixels
    edges: tuple[Sequence[int], Sequence[int]] = attrs.field(init=False)
    pool: ThreadPoolExecutor = attrs.field(init=False, factory=_new_pool)
    _held: dict[tuple[int, int], tuple[Sequence[Array], Any]] = attrs.field(init=False, factory=dict)
    _parts: list[Any] | None = attrs.field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        if isinstance(self.pixels, FilePixels):
            edges = [self.pixels.edges(axis, CHUNK_SIDE) for axis in (0, 1)]
            self.edges = (edges[0], edges[1])
            return
        self._parts = _parts_of(self.pixels)
        lazy = next((part for part in self._parts if is_dask(part)), None)
        _, height, width = self.pixels.shape
        chunks = ((height,), (width,)) if lazy is None else lazy.chunks[-2:]
        self.edges = ([0, *np.cumsum(chunks[0]).tolist()], [0, *np.cumsum(chunks[1]).tolist()])

    @property
    def _in_memory(self) -> bool:
        return self._parts is not None and not any(map(is_dask, self._parts))

    def fetch(self, windows: Sequence[Any]) -> None:
        """Read or compute the chunks that `windows` need; forget all others."""
        if self._in_memory:
            return
        needed = {
            (row, column)
            for window in windows
            for row in _touched(self.edges[0], window.rows)
            for columns in self._column_spans(window.columns)
            for column in _touched(self.edges[1], columns)
        }
        self._held = {place: chunk for place, chunk in self._held.items() if place in needed}
        missing = sorted(needed - self._held.keys())
        boxes = [(self._span(0, row), self._span(1, column)) for row, column in missing]
        if isinstance(self.pixels, FilePixels):
            pixels = self.pixels

            def read(item: tuple[tuple[int, int], Any]) -> None:
                place, (rows, columns) = item
                found, mask = pixels.window(rows, columns)
                self._held[place] = (list(found), mask)

            for _, row in itertools.groupby(zip(missing, boxes, strict=True), lambda item: item[0][0]):
                for _ in _in_threads(self.pool, read, list(row)):
                    pass
                pixels.datasets.drop_blocks()
            return
        import dask  # loaded already: some part is a dask array

        assert self._parts is not None  # of all but files
        sliced = [_sliced(self._parts, *box) for box in boxes]
        flat = [Blocks(part) if is_dask(part) else part for parts in sliced for part in parts]
        done = iter(dask.compute(*flat))  # type: ignore[attr-defined, no-untyped-call]  # dask is typed in part
        for place, parts in zip(missing, sliced, strict=True):
            self._held[place] = self._split([next(done) for _ in parts])

    def _span(self, axis: int, index: int) -> tuple[int, int]:
        return self.edges[axis][index], self.edges[axis][index + 1]

    def _column_spans(self, columns: tuple[int, int]) -> list[tuple[int, int]]:
        """Columns that may go beyond the ends of a cyclic source, as spans within it, in order."""
        width = self.pixels.shape[2]
        start, stop = columns
        if start >= 0 and stop <= width:
            return [columns]
        found = []
        while start < stop:
            low = start % width
            high = min(width, low + stop - start)
            found.append((low, high))
            start += high - low
        return found

    def window(self, window: Any) -> tuple[Sequence[Array], Any]:
        """(layers, mask) of a window; the mask (band, y, x), (y, x) or None."""
        pieces = [self._box(window.rows, columns) for columns in self._column_spans(window.columns)]
        return _joined(pieces, -1)

    def _box(self, rows: tuple[int, int], columns: tuple[int, int]) -> tuple[Sequence[Array], Any]:
        if self._in_memory:
            assert self._parts is not None  # it has no file
            return self._split(_sliced(self._parts, rows, columns))
        layers, mask = self._held[
            next(iter(_touched(self.edges[0], rows))), next(iter(_touched(self.edges[1], columns)))
        ]
        shape = (rows[1] - rows[0], columns[1] - columns[0])
        made = _empty_layers([layer.dtype for layer in layers], shape)
        whole = None if mask is None else np.empty((*mask.shape[:-2], *shape), bool)
        for row in _touched(self.edges[0], rows):
            down, below = _overlap(self._span(0, row), rows)
            for column in _touched(self.edges[1], columns):
                across, beside = _overlap(self._span(1, column), columns)
                layers, mask = self._held[row, column]
                for layer, part in zip(made, layers, strict=True):
                    layer[below, beside] = part[down, across]
                if whole is not None:
                    whole[..., below, beside] = mask[..., down, across]
        return made, whole

    def lazy_parts(self, window: Any) -> Any:
        """What a task is handed that resamples a block: dask arrays to be computed first, or a function that reads."""
        spans_of = self._column_spans(window.columns)
        if self._parts is None or self._in_memory:
            pixels = self.pixels
            return _Reading(pixels, window.rows, tuple(spans_of))
        import dask.array as da  # loaded already: some part is a dask array

        pieces = [_sliced(self._parts, window.rows, columns) for columns in spans_of]
        parts = (
            pieces[0] if len(pieces) == 1 else [da.concatenate(column, axis=-1) for column in zip(*pieces, strict=True)]
        )
        return parts, self._layout

    @property
    def _layout(self) -> tuple[int, bool, bool, Any]:
        return _layout_of(self.pixels)

    def _split(self, parts: Sequence[Array]) -> tuple[Sequence[Array], Any]:
        return _split(parts, self._layout)


@attrs.frozen(eq=False)
class _Reading:
    """Reads a window where its task runs."""

    pixels: Pixels
    rows: tuple[int, int]
    columns: tuple[tuple[int, int], ...]

    def __call__(self) -> tuple[Sequence[Array], Any]:
        if isinstance(self.pixels, FilePixels):
            pieces = [self.pixels.window(self.rows, columns) for columns in self.columns]
            return _joined([(list(layers), mask) for layers, mask in pieces], -1)
        chunks = _Chunks(self.pixels)
        return _joined([chunks._box(self.rows, columns) for columns in self.columns], -1)  # noqa: SLF001  # its own module


def _parts_of(pixels: Pixels) -> list[Any]:
    """The arrays in which the pixels are: all bands or each of them, then the mask."""
    if isinstance(pixels, ArrayPixels):
        return list(pixels.parts())
    alike = len(set(pixels.dtypes)) == 1
    parts = [pixels.array()] if alike else [pixels.layer(index) for index in range(len(pixels.dtypes))]
    mask = pixels.mask()
    return parts if mask is None else [*parts, mask]


def _layout_of(pixels: Pixels) -> tuple[int, bool, bool, Any]:
    """(bands, whether they are in one array, whether a mask follows, values that mask a pixel) of `_parts_of`."""
    count = len(pixels.dtypes)
    if isinstance(pixels, ArrayPixels):
        return count, pixels.stack is not None, pixels.given_mask is not None, pixels.missing
    return count, len(set(pixels.dtypes)) == 1, pixels.masked, None


def _split(parts: Sequence[Array], layout: tuple[int, bool, bool, Any]) -> tuple[Sequence[Array], Any]:
    """(layers, mask) of the arrays of a window."""
    count, stacked, masked, missing = layout
    layers = list(parts[0]) if stacked else list(parts[:count])
    mask = parts[-1] if masked else None
    if missing is not None:
        made = masked_where_missing(layers, missing)
        mask = made if mask is None else made | mask
    return layers, mask


def _sliced(parts: Sequence[Any], rows: tuple[int, int], columns: tuple[int, int]) -> list[Any]:
    return [part[..., slice(*rows), slice(*columns)] for part in parts]


def _empty_layers(dtypes: Sequence[np.dtype[Any]], shape: tuple[int, int]) -> list[Array]:
    """Layers to fill; of one array where they are of one dtype."""
    if len(set(dtypes)) == 1:
        return list(np.empty((len(dtypes), *shape), dtypes[0]))
    return [np.empty(shape, dtype) for dtype in dtypes]


def _overlap(chunk: tuple[int, int], window: tuple[int, int]) -> tuple[slice, slice]:
    """What a chunk and a window have in common: within the chunk, and within the window."""
    low, high = max(chunk[0], window[0]), min(chunk[1], window[1])
    return slice(low - chunk[0], high - chunk[0]), slice(low - window[0], high - window[0])


def _touched(edges: Sequence[int], span: tuple[int, int]) -> range:
    """The chunks that a span touches."""
    first = int(np.searchsorted(edges, span[0], side="right")) - 1
    last = int(np.searchsorted(edges, span[1], side="left"))
    return range(first, last)


def _joined(pieces: Sequence[tuple[Sequence[Array], Any]], axis: int) -> tuple[Sequence[Array], Any]:
    if len(pieces) == 1:
        return pieces[0]
    layers = [np.concatenate(column, axis=axis) for column in zip(*(layers for layers, _ in pieces), strict=True)]
    masks = [mask for _, mask in pieces]
    return layers, None if masks[0] is None else np.concatenate(masks, axis=axis)
