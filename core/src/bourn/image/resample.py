"""Resampling: pixels of a source window at the coordinates of target pixels, by numpy or by GDAL's warper."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bourn.image.grid_map import Block, GridMap, Window

__all__ = ["PICKING", "RESAMPLINGS", "SUMMARIES", "Resampled", "margin_of", "resample"]

Array = np.ndarray[Any, Any]

STRIP_PIXELS = 1 << 16
"""Target pixels that are resampled at a time: their temporary arrays stay in the processor's cache."""

GDAL_TOLERANCE = 0.02
"""Source pixels by which a straight line between the ends of a row of a block may miss the pixels between."""

LEAST_WEIGHT = 0.1
"""Below this sum of weights of valid pixels the nearest pixel is taken: a kernel may have negative weights."""


def _linear(distance: Array) -> Array:
    return 1 - distance


def _cubic(distance: Array) -> Array:
    near = (1.5 * distance - 2.5) * distance * distance + 1
    far = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
    return np.where(distance <= 1, near, far)


def _spline(distance: Array) -> Array:
    near = (0.5 * distance - 1) * distance * distance + 2 / 3
    return np.where(distance <= 1, near, (2 - distance) ** 3 / 6)


def _lanczos(distance: Array) -> Array:
    return np.sinc(distance) * np.sinc(distance / 3)


KERNELS: dict[str, tuple[int, Callable[[Array], Array]]] = {
    "bilinear": (1, _linear),
    "cubic": (2, _cubic),
    "cubic_spline": (2, _spline),
    "lanczos": (3, _lanczos),
}
"""Interpolations: how many pixels they reach, and the weight of a pixel by its distance."""

SUMMARIES = ("average", "mode", "min", "max", "med", "q1", "q3", "rms")
"""Resamplings that summarize all source pixels within a target pixel."""

RESAMPLINGS = ("nearest", *KERNELS, *SUMMARIES)
"""What `resampling=` may be: GDAL's names. Without its ``sum``, which depends on how a target is cut into blocks."""

PICKING = ("nearest", "mode", "min", "max", "med", "q1", "q3")
"""Resamplings whose values are values of the source: classes and masks take no others."""


@attrs.frozen(eq=False)
class Resampled:
    """A block of the target.

    Attributes
    ----------
    layers : list of (y, x) arrays
    masked : list of (y, x) bool arrays
        One a layer.
    """

    layers: list[Array]
    masked: list[Array]


def margin_of(resampling: str, ratio: float) -> int:
    """Source pixels that are needed around the coordinates of target pixels that are `ratio` source pixels wide."""
    if resampling in KERNELS:
        return KERNELS[resampling][0]
    return 1 + int(ratio) if resampling in SUMMARIES else 0


def resample(
    grids: GridMap, block: Block, layers: Sequence[Array], valid: Sequence[Array | None], resamplings: Sequence[str]
) -> Resampled:
    """The pixels of `block`, each layer by its own resampling.

    Parameters
    ----------
    grids : GridMap
    block : Block
        With a window.
    layers : sequence of (y, x) arrays
        The pixels of the window.
    valid : sequence of (y, x) bool arrays or None
        Which of them are valid, one a layer; None for all.
    resamplings : sequence of str
        One a layer.
    """
    assert block.window is not None  # as the caller has seen
    shape = (block.rows[1] - block.rows[0], block.columns[1] - block.columns[0])
    found = Resampled(
        [np.empty(shape, layer.dtype.newbyteorder("=")) for layer in layers], [np.empty(0, bool)] * len(layers)
    )
    by_gdal = [index for index, how in enumerate(resamplings) if how in SUMMARIES]
    for indices in _alike([(resamplings[index], layers[index].dtype, id(valid[index])) for index in by_gdal]):
        chosen = [by_gdal[index] for index in indices]
        first = chosen[0]
        made, masked = _summarized(grids, block, [layers[index] for index in chosen], valid[first], resamplings[first])
        for index, layer, mask in zip(chosen, made, masked, strict=True):
            found.layers[index], found.masked[index] = layer, mask
    rest = [index for index in range(len(layers)) if index not in by_gdal]
    if not rest:
        return found
    window = block.window
    kept = _Source(
        [layers[index] for index in rest], [valid[index] for index in rest], [resamplings[index] for index in rest]
    )
    masks = kept.masks(shape)
    warped = _warped_by_gdal(grids, block, kept)
    all_valid = block.within and all(part is None for part in kept.valid)
    if all_valid:
        for mask in masks:
            mask[...] = False
    for rows in () if all_valid and len(warped) == len(rest) else _strips(block):
        part = slice(rows[0] - block.rows[0], rows[1] - block.rows[0])
        points = _points(grids, block, window, rows)
        outputs = [found.layers[index][part] for index in rest]
        kept.sample(points, outputs, [mask[part] for mask in masks], skip=warped)
    for position, index in enumerate(rest):
        found.masked[index] = masks[position]
        if position in warped:
            found.layers[index] = warped[position]
    return found


def _strips(block: Block) -> Iterator[tuple[int, int]]:
    height = max(1, STRIP_PIXELS // (block.columns[1] - block.columns[0]))
    for start in range(*block.rows, height):
        yield start, min(start + height, block.rows[1])


@attrs.frozen(eq=False)
class _Points:
    """Coordinates within a window, and which of them the source reaches; None for all."""

    u: Array
    v: Array
    inside: Array | None
    shape: tuple[int, int]

    def nearest(self) -> Array:
        """Index of the nearest pixel in the flat window."""
        at = self.v.astype(np.intp)
        at *= self.shape[1]
        at += self.u.astype(np.intp)
        return at


def _points(
    grids: GridMap, block: Block, window: Window, rows: tuple[int, int], offsets: tuple[float, float] = (0.5, 0.5)
) -> _Points:
    u, v = grids.coordinates(block, rows, offsets)
    if block.within:
        u -= window.columns[0]
        v -= window.rows[0]
        return _Points(u, v, None, window.shape)
    height, width = grids.source.shape
    inside = (v >= 0) & (v < height)
    inside &= np.isfinite(u) if grids.is_cyclic else (u >= 0) & (u < width)
    u, v = u - window.columns[0], v - window.rows[0]
    if inside.all():
        return _Points(u, v, None, window.shape)
    u[~inside] = v[~inside] = 0
    return _Points(u, v, inside, window.shape)


class _Source:
    """The layers of a window, prepared for sampling."""

    def __init__(self, layers: Sequence[Array], valid: Sequence[Array | None], resamplings: Sequence[str]) -> None:
        self.resamplings = resamplings
        self.valid = [None if part is None or part.all() else part for part in valid]
        self.layers = layers
        self._same_mask = [next(i for i, other in enumerate(self.valid) if other is part) for part in self.valid]

    def masks(self, shape: tuple[int, int]) -> list[Array]:
        """One array to fill for each distinct mask."""
        made = {index: np.empty(shape, bool) for index in set(self._same_mask)}
        return [made[index] for index in self._same_mask]

    def sample(self, points: _Points, outputs: Sequence[Array], masks: Sequence[Array], *, skip: Any) -> None:
        """Fill `outputs` and `masks`; not the outputs in `skip`."""
        at = points.nearest()
        kernels: dict[str, _Kernel] = {}
        weights: dict[tuple[str, int], Array] = {}
        for index, (layer, valid, how) in enumerate(zip(self.layers, self.valid, self.resamplings, strict=True)):
            if self._same_mask[index] == index:
                masks[index][...] = False if points.inside is None else ~points.inside
                if valid is not None:
                    masks[index][...] |= ~valid.ravel().take(at)
            if index in skip:
                continue
            if how == "nearest":
                layer.ravel().take(at, out=outputs[index], mode="clip")
                continue
            if how not in kernels:
                kernels[how] = _Kernel(points, *KERNELS[how])
            kernel = kernels[how]
            working = _working_dtype(layer.dtype)
            if valid is None:
                made = kernel.apply(layer, working)
            else:
                key = (how, self._same_mask[index])
                if key not in weights:
                    weights[key] = kernel.apply(valid, np.dtype("float64" if working.itemsize > 4 else "float32"))  # noqa: PLR2004  # bytes
                weight = weights[key]
                made = kernel.apply(np.where(valid, layer, np.zeros((), layer.dtype)), working)
                poor = weight < LEAST_WEIGHT
                with np.errstate(divide="ignore", invalid="ignore"):
                    made /= weight
                if poor.any():
                    made = np.where(poor, layer.ravel().take(at), made)
            outputs[index][...] = as_dtype(made, outputs[index].dtype)


class _Kernel:
    """Weights and places of the source pixels around each point; separable."""

    def __init__(self, points: _Points, reach: int, weight: Callable[[Array], Array]) -> None:
        height, width = points.shape
        self._rows = self._axis(points.v, height, reach, weight)
        self._columns = self._axis(points.u, width, reach, weight)
        self._width = width

    @staticmethod
    def _axis(at: Array, length: int, reach: int, weight: Callable[[Array], Array]) -> list[tuple[Array, Array]]:
        """(place, weight) of each of the pixels along an axis; beyond the ends the last pixel is repeated."""
        middle = at - 0.5
        first = np.floor(middle)
        offset = (middle - first).astype("float32")
        first = first.astype(np.intp)
        taps = range(1 - reach, reach + 1)
        weights = [weight(np.abs(offset - tap)) for tap in taps]
        total = sum(weights)
        return [(np.clip(first + tap, 0, length - 1), part / total) for tap, part in zip(taps, weights, strict=True)]

    def apply(self, layer: Array, working: np.dtype[Any]) -> Array:
        """The weighted sums of a (y, x) layer."""
        flat = layer.ravel()
        whole = None
        for row, row_weight in self._rows:
            start = row * self._width
            line = None
            for column, column_weight in self._columns:
                part = flat.take(start + column).astype(working)
                part *= column_weight
                line = part if line is None else np.add(line, part, out=line)
            assert line is not None  # a kernel has two taps at least
            line *= row_weight
            whole = line if whole is None else np.add(whole, line, out=whole)
        assert whole is not None  # the same
        return whole


def _working_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The float or complex dtype in which values are interpolated."""
    if dtype.kind == "c":
        return dtype.newbyteorder("=")
    small = dtype.itemsize <= 2 or (dtype.kind == "f" and dtype.itemsize == 4)  # noqa: PLR2004  # bytes
    return np.dtype("float32" if small else "float64")


def as_dtype(values: Array, dtype: np.dtype[Any]) -> Array:
    """Interpolated values in the dtype of a band: rounded, and within its limits."""
    if dtype.kind not in "biu":
        return values.astype(dtype, copy=False)
    low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    values = np.floor(values + values.dtype.type(0.5))
    if dtype.itemsize < 8:  # noqa: PLR2004  # bytes
        return np.clip(values, low, high).astype(dtype)
    # No float64 holds the greatest values of 64 bits.
    with np.errstate(invalid="ignore"):
        made = values.astype(dtype)
    made[values >= float(high)] = high
    made[values <= float(low)] = low
    return made


def _alike(keys: Sequence[Any]) -> list[list[int]]:
    """Indices of equal keys."""
    groups: dict[Any, list[int]] = {}
    for index, key in enumerate(keys):
        groups.setdefault(key, []).append(index)
    return list(groups.values())


def _stacked(layers: Sequence[Array], dtype: np.dtype[Any]) -> Array:
    """(layer, y, x); no copy where the layers are those of one array."""
    base = layers[0].base
    if isinstance(base, np.ndarray) and base.ndim == 3 and base.dtype == dtype and len(base) == len(layers):  # noqa: PLR2004  # (layer, y, x)
        places = [layer.__array_interface__["data"][0] for layer in layers]
        if base.flags.c_contiguous and places == [part.__array_interface__["data"][0] for part in base]:
            return base if layers[0].shape == base.shape[1:] else np.stack(layers)
    return np.stack(layers).astype(dtype, copy=False)


def _summarized(
    grids: GridMap, block: Block, layers: Sequence[Array], valid: Array | None, resampling: str
) -> tuple[Array, Sequence[Array]]:
    """(pixels, masks) of layers of one dtype and mask, each pixel from all source pixels within it."""
    dtype = layers[0].dtype.newbyteorder("=")
    stack = _stacked(layers, dtype)
    if valid is None and block.within and dtype.name in _GDAL_DTYPES and block.smooth is not None:
        turns, step = _straight(grids, block)
        if step is not None:
            made = _gdal(grids, block, stack, resampling, turns, step=step)
            return made, [np.zeros(made.shape[1:], bool)] * len(made)
    working = np.dtype("float32" if dtype.itemsize <= 2 or dtype.name == "float32" else "float64")  # noqa: PLR2004  # bytes
    values = stack.astype(working)
    if valid is not None:
        values[:, ~valid] = np.nan
    made = _summaries(grids, block, values, resampling)
    masked = np.isnan(made)
    return as_dtype(np.where(masked, working.type(0), made), dtype), list(masked)


def _summaries(grids: GridMap, block: Block, values: Array, resampling: str) -> Array:
    """NaN where no pixel is valid. GDAL does it where the way is smooth, in parts of the block if need be."""
    height, width = block.rows[1] - block.rows[0], block.columns[1] - block.columns[0]
    if block.smooth is not None:
        turns, step = _straight(grids, block, least=8)
        if step is not None:
            return _gdal(grids, block, values, resampling, turns, step=step, nodata=np.nan)
    if max(height, width) <= 32:  # noqa: PLR2004  # pixels
        return np.stack([_from_points(grids, block, layer, resampling) for layer in values])
    made = np.empty((len(values), height, width), values.dtype)
    middle = ((block.rows[0] + block.rows[1]) // 2, (block.columns[0] + block.columns[1]) // 2)
    halves = [
        [(low, cut), (cut, high)] if high - low > 1 else [(low, high)]
        for cut, (low, high) in zip(middle, (block.rows, block.columns), strict=True)
    ]
    for rows in halves[0]:
        for columns in halves[1]:
            part = grids.block(rows, columns, 0)
            part = attrs.evolve(block, rows=rows, columns=columns, smooth=part.smooth)
            top, left = rows[0] - block.rows[0], columns[0] - block.columns[0]
            place = np.s_[:, top : top + rows[1] - rows[0], left : left + columns[1] - columns[0]]
            made[place] = _summaries(grids, part, values, resampling)
    return made


SUBPOINTS = 6
"""Points along each side of a target pixel at which the source is looked at where GDAL can't tell what lies within."""


def _from_points(grids: GridMap, block: Block, values: Array, resampling: str) -> Array:
    assert block.window is not None  # the caller has pixels of it
    found = []
    places = (np.arange(SUBPOINTS) + 0.5) / SUBPOINTS
    for down in places:
        for across in places:
            points = _points(grids, block, block.window, block.rows, (across, down))
            taken = values.ravel().take(points.nearest(), mode="clip")
            found.append(taken if points.inside is None else np.where(points.inside, taken, np.nan))
    stack = np.stack(found)
    known = ~np.isnan(stack).all(axis=0)
    made = np.full(stack.shape[1:], np.nan, values.dtype)
    made[known] = _STATISTICS[resampling](stack[:, known])
    return made


def _most_frequent(stack: Array) -> Array:
    ordered = np.sort(stack, axis=0)  # NaN last
    counts = np.stack([(ordered == value).sum(axis=0) for value in ordered])
    found: Array = np.take_along_axis(ordered, counts.argmax(axis=0)[None], axis=0)[0]
    return found


def _quantile(share: float) -> Callable[[Array], Array]:
    return lambda stack: np.nanquantile(stack, share, axis=0, method="lower")


_STATISTICS: dict[str, Callable[[Array], Array]] = {
    "average": lambda stack: np.nanmean(stack, axis=0),
    "mode": _most_frequent,
    "min": lambda stack: np.nanmin(stack, axis=0),
    "max": lambda stack: np.nanmax(stack, axis=0),
    "med": _quantile(0.5),
    "q1": _quantile(0.25),
    "q3": _quantile(0.75),
    "rms": lambda stack: np.sqrt(np.nanmean(stack * stack, axis=0)),
}


def _warped_by_gdal(grids: GridMap, block: Block, source: _Source) -> dict[int, Array]:
    """Layers that GDAL interpolates, which is faster: where all is valid, and the way to the source nearly straight."""
    found: dict[int, Array] = {}
    window = block.window
    if block.smooth is None or window is None:
        return found
    candidates: dict[tuple[str, np.dtype[Any]], list[int]] = {}
    for index, (layer, valid, how) in enumerate(zip(source.layers, source.valid, source.resamplings, strict=True)):
        if how in KERNELS and valid is None and layer.dtype.name in _GDAL_DTYPES:
            candidates.setdefault((how, layer.dtype.newbyteorder("=")), []).append(index)
    for (how, dtype), indices in candidates.items():
        turns, width = _straight(grids, block)
        if width is None:
            continue
        stack = _stacked([source.layers[index] for index in indices], dtype)
        made = _gdal(grids, block, stack, how, turns, step=width)
        found.update(zip(indices, made, strict=True))
    return found


_GDAL_DTYPES = frozenset({"uint8", "uint16", "int16", "float32"})


def _straight(grids: GridMap, block: Block, least: int = 64) -> tuple[int, int | None]:
    """(whole turns of longitude from PROJ's to the window's, columns over which rows are straight lines in the source).

    None where that is fewer than `least` columns.
    """
    rows = block.rows
    height, width = rows[1] - rows[0], block.columns[1] - block.columns[0]
    points = [grids.coordinates(block, (row, row + 1)) for row in (rows[0], rows[0] + height // 2, rows[1] - 1)]
    turns = 0
    if block.wraps:
        assert grids.period is not None  # longitudes are wrapped
        middle = rows[0] + height // 2
        raw, _ = grids.project(np.arange(*block.columns) + 0.5, np.full(width, middle + 0.5))
        moved = np.unique(np.rint((points[1][0][0] - raw) / grids.period))
        jumps = any(float(np.abs(np.diff(u[0])).max(initial=0)) > grids.period / 2 for u, _ in points)
        if len(moved) != 1 or jumps:
            return 0, None
        turns = int(moved[0])
    step = width
    while step >= min(least, width):
        if all(_deviation(part[0], step) <= GDAL_TOLERANCE for point in points for part in point):
            return turns, step
        if step == 1:
            break
        step = -(-step // 2)
    return turns, None


def _deviation(line: Array, step: int) -> float:
    """How far the middle of any piece of `step` columns is from the straight line between its ends."""
    worst = 0.0
    for start in range(0, len(line), step):
        piece = line[start : start + step]
        middle = len(piece) // 2
        expected = piece[0] + (piece[-1] - piece[0]) * middle / max(1, len(piece) - 1)
        worst = max(worst, abs(float(piece[middle] - expected)))
    return worst


def _gdal(
    grids: GridMap, block: Block, stack: Array, resampling: str, turns: int, *, step: int, nodata: float | None = None
) -> Array:
    """The block by GDAL's warper, in pieces of `step` columns."""
    from affine import Affine  # comes with odc.geo
    from rasterio.enums import Resampling  # 0.3 s
    from rasterio.warp import reproject  # the same

    window = block.window
    assert window is not None  # the caller has pixels of it
    height, width = block.rows[1] - block.rows[0], block.columns[1] - block.columns[0]
    shift = 0.0 if not turns else turns * float(grids.period or 0)
    origin = grids.source.affine * Affine.translation(window.columns[0] - shift, window.rows[0])
    made = np.empty((len(stack), height, width), stack.dtype)
    for start in range(0, width, step):
        stop = min(start + step, width)
        piece = made if step >= width else np.empty((len(stack), height, stop - start), stack.dtype)
        target = grids.target.affine * Affine.translation(block.columns[0] + start, block.rows[0])
        reproject(
            stack, piece, src_transform=origin, src_crs=_gdal_crs(grids.source.crs), dst_transform=target,
            dst_crs=_gdal_crs(grids.target.crs), src_nodata=nodata, dst_nodata=nodata,
            resampling=Resampling[resampling], warp_mem_limit=256, SAMPLE_GRID="YES", XSCALE=1, YSCALE=1,
        )  # fmt: skip
        if piece is not made:
            made[:, :, start:stop] = piece
    return made


def _gdal_crs(crs: Any) -> Any:
    from rasterio.crs import CRS  # 0.3 s

    return CRS.from_epsg(crs.epsg) if crs.epsg is not None else CRS.from_wkt(crs.to_wkt())
