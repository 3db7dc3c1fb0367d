"""Where the pixels of one grid lie on another: source coordinates and source windows of blocks of a target grid."""

from __future__ import annotations

import functools
import math
import threading
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from odc.geo.geobox import GeoBox

__all__ = ["Block", "GridMap", "Window"]

Array = np.ndarray[Any, Any]

NODES = 13
"""Chebyshev nodes along each axis of a block: the coordinates of all its pixels are interpolated from these."""

FEWER_NODES = (4, 5, 7)
"""Every fourth, third or second of the nodes are Chebyshev nodes too; they do where that is as exact."""

CHECKS = 9
"""Points along each axis of a block at which the interpolation is compared with PROJ."""

TOLERANCE = 1e-4
"""Source pixels that interpolated coordinates may be off; where they are off more, PROJ is asked for every pixel."""

FAR_PIXELS = 4096
"""A block with more pixels is out of reach if none of its nodes has source coordinates."""


class TransformFailed(ValueError):
    """PROJ knows no transformation between two CRS."""


@attrs.frozen
class Window:
    """Pixels of the source that a block of the target needs.

    Attributes
    ----------
    rows, columns : (int, int)
        Start and stop. Columns of a source that goes round the globe may start below 0 or end beyond its width:
        they continue on the other side.
    """

    rows: tuple[int, int]
    columns: tuple[int, int]

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self.rows[1] - self.rows[0], self.columns[1] - self.columns[0]


@attrs.frozen(eq=False)
class Block:
    """A block of the target and its source window.

    Attributes
    ----------
    rows, columns : (int, int)
        Of the target.
    window : Window or None
        None where the source does not reach the block.
    smooth : (array, array) or None
        Source coordinates at the block's Chebyshev nodes, from which those of all pixels are interpolated; None
        where they are not smooth enough for that.
    cut : float
        Source column at which longitudes are wrapped.
    wraps : bool
        Whether longitudes of this block are wrapped at all.
    within : bool
        Whether every pixel lies on the source for certain.
    """

    rows: tuple[int, int]
    columns: tuple[int, int]
    window: Window | None = None
    smooth: tuple[Array, Array] | None = None
    cut: float = 0.0
    wraps: bool = False
    within: bool = False


@functools.lru_cache(maxsize=128)
def _transformer(source: Any, target: Any, _thread: int) -> Any:
    """From target to source coordinates, (x, y) or (lon, lat). pyproj's transformers belong to one thread."""
    from pyproj import Transformer  # odc.geo has loaded it
    from pyproj.exceptions import ProjError  # the same

    try:
        return Transformer.from_crs(target.proj, source.proj, always_xy=True)
    except ProjError as cause:
        raise TransformFailed(str(cause)) from cause


@attrs.frozen(kw_only=True, eq=False)
class GridMap:
    """The way from pixels of `target` to pixels of `source`.

    Coordinates of pixels are (column, row) with whole numbers at pixel edges, so that pixel 0 covers 0 to 1.

    Raises
    ------
    TransformFailed
        By any method: PROJ knows no transformation between the two CRS.
    """

    source: GeoBox
    target: GeoBox

    @property
    def is_affine(self) -> bool:
        """Whether both grids have the same CRS."""
        return bool(self.source.crs == self.target.crs)

    @functools.cached_property
    def period(self) -> float | None:
        """Source columns in 360 degrees of longitude; None where columns are not longitudes."""
        crs, transform = self.source.crs, self.source.affine
        if crs is None or not crs.geographic or transform.b or transform.d:
            return None
        axes = crs.proj.axis_info
        turn = 2 * math.pi / axes[0].unit_conversion_factor if axes else 360.0
        return float(turn / abs(transform.a))

    @property
    def is_cyclic(self) -> bool:
        """Whether the last source column is followed by the first one."""
        return self.period is not None and abs(self.period - self.source.shape[1]) < 0.01  # noqa: PLR2004  # pixels

    def project(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Source coordinates of target coordinates, infinite where there are none; longitudes are not wrapped."""
        a, b, c, d, e, f, *_ = self.target.affine
        east, north = a * x + b * y + c, d * x + e * y + f
        if not self.is_affine:
            transformer = _transformer(self.source.crs, self.target.crs, threading.get_ident())
            east, north = transformer.transform(east, north)
            east, north = np.asarray(east, float), np.asarray(north, float)
        a, b, c, d, e, f, *_ = ~self.source.affine
        with np.errstate(invalid="ignore"):
            u, v = a * east + b * north + c, d * east + e * north + f
        lost = ~(np.isfinite(u) & np.isfinite(v))
        if lost.any():
            u, v = np.where(lost, np.inf, u), np.where(lost, np.inf, v)
        return u, v

    def wrapped(self, u: Array, cut: float) -> Array:
        """Columns moved by whole turns so that they are at least `cut`, and less than one turn beyond it."""
        assert self.period is not None  # asked of geographic sources only
        with np.errstate(invalid="ignore"):
            moved: Array = u - np.floor((u - cut) / self.period) * self.period
        return moved

    def block(self, rows: tuple[int, int], columns: tuple[int, int], margin: int) -> Block:
        """The block of the target, with a window that reaches `margin` pixels farther than its pixels."""
        height, width = rows[1] - rows[0], columns[1] - columns[0]
        x, y = (low + _nodes() * (high - low) for low, high in (columns, rows))
        nodes = self.project(*np.meshgrid(x, y))
        even = np.linspace(0, 1, CHECKS)
        right = self.project(*np.meshgrid(columns[0] + even * width, rows[0] + even * height))
        if np.isfinite(nodes[0]).all() and np.isfinite(right[0]).all():
            found = self._interpolated(nodes, even, even)
            off = max(float(np.abs(one - other).max()) for one, other in zip(found, right, strict=True))
            if off <= TOLERANCE:
                fine = np.linspace(0, 1, 33)
                return self._with_window(rows, columns, self._interpolated(nodes, fine, fine), margin, _fewer(nodes))
        elif not np.isfinite(nodes[0]).any() and not np.isfinite(right[0]).any() and height * width > FAR_PIXELS:
            return Block(rows, columns)
        x, y = (np.arange(*span) + 0.5 for span in (columns, rows))
        edges = [np.concatenate([[low], axis, [high]]) for axis, (low, high) in ((x, columns), (y, rows))]
        return self._with_window(rows, columns, self.project(*np.meshgrid(*edges)), margin, None)

    def _with_window(
        self,
        rows: tuple[int, int],
        columns: tuple[int, int],
        found: tuple[Array, Array],
        margin: int,
        smooth: tuple[Array, Array] | None,
    ) -> Block:
        u, v = found
        reach_u = reach_v = margin + 1
        cut = 0.0
        if smooth is not None:
            bend = max(float(np.abs(np.diff(part, 2, axis)).max()) for part in found for axis in (0, 1))
            reach_u, reach_v = reach_u + math.ceil(bend), reach_v + math.ceil(bend)
            if self.is_cyclic:  # pixels between two points may lie on either side of the cut
                reach_u += math.ceil(max(float(np.abs(np.diff(u, 1, axis)).max()) for axis in (0, 1)))
        if self.period is not None:
            cut = self._cut(u)
            u = self.wrapped(u, cut)
        height, width = self.source.shape
        near = (v > -reach_v) & (v < height + reach_v)
        if not self.is_cyclic:
            near &= (u > -reach_u) & (u < width + reach_u)
        if smooth is not None:  # the edge of the source may lie between two points
            near = _dilated(near)
        near &= np.isfinite(u)
        if not near.any():
            return Block(rows, columns)
        u, v = u[near], v[near]
        low, high = math.floor(u.min()) - reach_u, math.ceil(u.max()) + reach_u
        across = (low, high) if self.is_cyclic else (max(0, low), min(width, high))
        down = (max(0, math.floor(v.min()) - reach_v), min(height, math.ceil(v.max()) + reach_v))
        if across[0] >= across[1] or down[0] >= down[1]:
            return Block(rows, columns)
        within = False
        if smooth is not None:
            within = bool(v.size == found[1].size and v.min() >= reach_v and v.max() <= height - reach_v)
            within = within and (self.is_cyclic or bool(u.min() >= reach_u and u.max() <= width - reach_u))
        return Block(rows, columns, Window(down, across), smooth, cut, self.period is not None, within)

    def _cut(self, u: Array) -> float:
        """A column at which wrapping longitudes parts neither the source nor, if that is cyclic, the block."""
        period = self.period
        assert period is not None  # asked of geographic sources only
        if not self.is_cyclic:
            return (float(self.source.shape[1]) - period) / 2
        known = np.sort(np.mod(u[np.isfinite(u)], period))
        if not known.size:
            return 0.0
        gaps = np.diff(known, append=known[0] + period)
        widest = int(gaps.argmax())
        return float(known[widest] + gaps[widest] / 2) - period

    def coordinates(
        self, block: Block, rows: tuple[int, int], offsets: tuple[float, float] = (0.5, 0.5)
    ) -> tuple[Array, Array]:
        """(columns, rows) in the source of one point in each of the pixels of some rows of a block.

        Parameters
        ----------
        block : Block
        rows : (int, int)
            Of the target, within the block.
        offsets : (float, float)
            Of the point from the pixel's first column and row.
        """
        x = np.arange(*block.columns) + offsets[0]
        y = np.arange(*rows) + offsets[1]
        if self.is_affine or block.smooth is None:
            u, v = self.project(*np.meshgrid(x, y))
        else:
            across, down = ((axis - low) / (high - low) for axis, (low, high) in ((x, block.columns), (y, block.rows)))
            u, v = self._interpolated(block.smooth, across, down)
        return (self.wrapped(u, block.cut) if block.wraps else u), v

    @staticmethod
    def _interpolated(nodes: tuple[Array, Array], across: Array, down: Array) -> tuple[Array, Array]:
        count = len(nodes[0])
        left, right = _weights(down, count), _weights(across, count).T
        # By einsum, since the threads of BLAS would wait for each other here.
        u, v = (np.einsum("rk,kc->rc", np.einsum("rk,kl->rl", left, part), right) for part in nodes)
        return u, v

    def sample(self, count: int = 65) -> tuple[Array, Array]:
        """Source coordinates of `count` by `count` points spread over the target."""
        height, width = self.target.shape
        u, v = self.project(*np.meshgrid(np.linspace(0, width, count), np.linspace(0, height, count)))
        if self.period is not None:
            u = self.wrapped(u, self._cut(u))
        return u, v

    def meets(self) -> bool:
        """Whether the centre of any pixel of the target lies on the source, by points spread over both grids."""
        if self._inside(*self.sample()).any():
            return True
        # The source may lie between these points: look at the pixels around it.
        back = GridMap(source=self.target, target=self.source)
        try:
            u, v = back.sample()
        except TransformFailed:
            return False
        (height, width), near = self.target.shape, np.isfinite(u) & np.isfinite(v)
        near &= (u >= -1) & (u <= self.target.shape[1] + 1) & (v >= -1) & (v <= self.target.shape[0] + 1)
        if not near.any():
            return False
        columns = np.arange(max(0, math.floor(u[near].min()) - 1), min(width, math.ceil(u[near].max()) + 1))
        rows = np.arange(max(0, math.floor(v[near].min()) - 1), min(height, math.ceil(v[near].max()) + 1))
        if columns.size * rows.size > FAR_PIXELS:
            return True
        u, v = self.project(*np.meshgrid(columns + 0.5, rows + 0.5))
        return bool(self._inside(self.wrapped(u, self._cut(u)) if self.period is not None else u, v).any())

    def _inside(self, u: Array, v: Array) -> Array:
        height, width = self.source.shape
        inside: Array = (v >= 0) & (v <= height) & (np.isfinite(u) if self.is_cyclic else (u >= 0) & (u <= width))
        return inside

    def pixel_ratio(self) -> float:
        """How many source pixels a target pixel is wide, by the median over the target; 1.0 where they do not meet."""
        height, width = self.target.shape
        x, y = np.meshgrid(np.linspace(0, width, 17), np.linspace(0, height, 17))
        u, v = self.project(x, y)
        steps = [self.project(x + dx, y + dy) for dx, dy in ((1, 0), (0, 1))]
        with np.errstate(invalid="ignore"):
            areas = np.abs((steps[0][0] - u) * (steps[1][1] - v) - (steps[1][0] - u) * (steps[0][1] - v))
        inside = np.isfinite(areas) & (v >= 0) & (v <= self.source.shape[0])
        return float(np.sqrt(np.median(areas[inside]))) if inside.any() else 1.0


@functools.lru_cache(maxsize=8)
def _nodes(count: int = NODES) -> Array:
    """Chebyshev nodes of the second kind, from 0 to 1."""
    return np.asarray((1 - np.cos(np.pi * np.arange(count) / (count - 1))) / 2)


def _fewer(nodes: tuple[Array, Array]) -> tuple[Array, Array]:
    """The fewest of the nodes from which the values at all of them can be interpolated."""
    for count in FEWER_NODES:
        step = (NODES - 1) // (count - 1)
        weights = _weights(_nodes(), count)
        fewer = nodes[0][::step, ::step], nodes[1][::step, ::step]
        if all(
            np.abs(weights @ few @ weights.T - all_).max() <= TOLERANCE for few, all_ in zip(fewer, nodes, strict=True)
        ):
            return fewer
    return nodes


def _weights(points: Array, count: int) -> Array:
    """(points, nodes): the barycentric weights by which values at `count` nodes give values at points."""
    nodes = _nodes(count)
    signs = (-1.0) ** np.arange(count)
    signs[[0, -1]] /= 2
    distance = points[:, None] - nodes
    exact = distance == 0
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = signs / distance
        weights: Array = terms / terms.sum(axis=1, keepdims=True)
    at = exact.any(axis=1)
    weights[at] = exact[at]
    return weights


def _dilated(points: Array) -> Array:
    """`points` and their neighbours along both axes."""
    wide = points.copy()
    wide[1:] |= points[:-1]
    wide[:-1] |= points[1:]
    wide[:, 1:] |= wide[:, :-1].copy()
    wide[:, :-1] |= wide[:, 1:].copy()
    return wide


def spans(length: int, side: int) -> Sequence[tuple[int, int]]:
    """(start, stop) of pieces of `side` along an axis, the last one shorter."""
    return [(start, min(start + side, length)) for start in range(0, length, side)]
