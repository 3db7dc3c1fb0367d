"""What must fit before a pixel is read: the bands, their dtypes, what says that there is no data."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from bourn.plugin import Note, Problem

from bourn_catalog.pixels.band_spec import nodata_of_file
from bourn_catalog.pixels.order import AT, Order, ordered

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bourn.plugin import ResultInfo

    from bourn_catalog.pixels.band_spec import BandSpec

__all__ = ["order_of", "problems"]


def problems(
    info: ResultInfo, specs: Sequence[BandSpec], *, rescale: bool, change_dtype: bool
) -> Iterator[Problem | Note]:
    """Every problem, and every note, of an image of which `info` is known, with a product of these bands.

    What is not known yet is not complained of: ask again when it is.

    Parameters
    ----------
    info : ResultInfo
    specs : sequence of BandSpec
        The product's bands, in its order.
    rescale, change_dtype : bool
        As asked for.
    """
    yield from _of_product(specs, rescale=rescale)
    count = _count(info)
    if count is None:
        return
    order = ordered(info.bands, count, specs)
    yield from order.problems
    yield from order.notes
    dtypes = _dtypes(info, count)
    if dtypes is None:
        return
    yield from _of_dtypes(order, dtypes, info.bands, specs, rescale=rescale, change_dtype=change_dtype)
    yield from _of_scales(order, info, specs, rescale=rescale)
    if rescale and not any(spec.rescales for spec in specs):
        yield Note("no band of the product has a physical_range and a data_range: nothing is rescaled", "rescale")


def _of_scales(order: Order, info: ResultInfo, specs: Sequence[BandSpec], *, rescale: bool) -> Iterator[Problem | Note]:
    """Yield what becomes of the scale and offset of the image's bands: the product has its own."""
    names = info.bands or ()
    for source, spec in zip(order.sources, specs, strict=False):
        if source is None or source >= len(names):
            continue
        facts = info.bandinfo.get(names[source], {})
        scale, offset = facts.get("scale", 1), facts.get("offset", 0)
        if (scale, offset) == (1, 0):
            continue
        own = f"{names[source]!r} has scale {scale:g} and offset {offset:g}"
        if rescale and spec.rescales:
            yield Note(f"rescale takes pixels for physical values; {own} of its own, which are not applied", "rescale")
        elif spec.scale is None or spec.offset is None:
            yield Note(f"{own}, which are not kept: {spec.name!r} of the product has no physical_range", AT)
        elif not (math.isclose(scale, spec.scale, rel_tol=1e-9) and math.isclose(offset, spec.offset, abs_tol=1e-9)):
            product = f"scale {spec.scale:g} and offset {spec.offset:g}"
            yield Problem(AT, f"{own}, {spec.name!r} of the product has {product}: readers would get other values")


def order_of(info: ResultInfo, specs: Sequence[BandSpec]) -> Order:
    """Where the bands of the product come from, of an image that is known and has no problems."""
    count = _count(info)
    assert count is not None
    return ordered(info.bands, count, specs)


def _count(info: ResultInfo) -> int | None:
    if info.bands is not None:
        return len(info.bands)
    return info.shape[0] if info.shape is not None and len(info.shape) == 3 else None  # noqa: PLR2004  # (band, y, x)


def _dtypes(info: ResultInfo, count: int) -> list[np.dtype[Any]] | None:
    if info.dtypes is not None:
        return [np.dtype(name) for name in info.dtypes]
    return None if info.dtype is None else [np.dtype(info.dtype)] * count


def _of_product(specs: Sequence[BandSpec], *, rescale: bool) -> Iterator[Problem]:
    for spec in specs:
        ranges = (spec.data_range or (0, 1), spec.physical_range or (0, 1))
        if rescale and spec.rescales and not all(math.isfinite(high - low) and high != low for low, high in ranges):
            yield Problem("rescale", f"the ranges of {spec.name!r} span no finite number: {ranges[1]} to {ranges[0]}")
    dtypes = {spec.dtype for spec in specs}
    if len(dtypes) > 1:
        listed = ", ".join(f"{spec.name!r} {spec.dtype.name}" for spec in specs)
        yield Problem(AT, f"all bands of the product must be of one dtype, they are {listed}")
    data = [spec for spec in specs if not spec.is_alpha]
    if not data:
        yield Problem(AT, "the product has no band but alpha")
    if len(data) < len(specs):
        yield from _of_alpha(data, [spec for spec in specs if spec.is_alpha])
        return
    lacking = [spec.name for spec in data if spec.nodata is None]
    if lacking:
        names = ", ".join(map(repr, lacking))
        yield Problem(AT, f"the product has neither an alpha band nor nodata on every band: {names} has none")
    elif nodata_of_file(data) is None:
        listed = ", ".join(f"{spec.name!r} {spec.nodata}" for spec in data)
        yield Problem(AT, f"a file has one nodata value: unlike ones go only with an alpha band, these are {listed}")


def _of_alpha(data: Sequence[BandSpec], alphas: Sequence[BandSpec]) -> Iterator[Problem]:
    """A file has one nodata value for all of its bands: what is opaque must not be it."""
    for alpha in alphas:
        for spec in data:
            if spec.nodata is not None and spec.nodata == alpha.opaque:
                yield Problem(
                    AT, f"nodata of {spec.name!r}, {spec.nodata}, is what opaque pixels of {alpha.name!r} have"
                )


def _of_dtypes(
    order: Order,
    dtypes: Sequence[np.dtype[Any]],
    names: Sequence[str] | None,
    specs: Sequence[BandSpec],
    *,
    rescale: bool,
    change_dtype: bool,
) -> Iterator[Problem]:
    """Of the bands as they are placed; where that is not known, of all of them as they are."""
    pairs = [(source, spec) for source, spec in zip(order.sources, specs, strict=False) if source is not None]
    if not pairs:
        pairs = [(source, specs[0]) for source in range(len(dtypes))] if specs and not rescale else []
    unlike: dict[str, list[str]] = {}
    for source, spec in pairs:
        name = repr(names[source]) if names is not None else f"band {source + 1}"
        dtype = dtypes[source]
        if dtype.kind not in "biuf":
            yield Problem(AT, f"{name} is {dtype.name}: a product holds no complex numbers")
            continue
        counted = _counted(dtype, rescaled=rescale and spec.rescales)
        if counted != spec.dtype:
            after = " after rescaling" if rescale and spec.rescales else ""
            unlike.setdefault(f"{counted.name}{after}, the product's dtype is {spec.dtype.name}", []).append(name)
    if change_dtype:
        return
    for what, bands in unlike.items():
        listed = ", ".join(bands[:12]) + (", ..." if len(bands) > 12 else "")  # noqa: PLR2004  # fits a line
        yield Problem(
            "change_dtype", f"{listed} {'is' if len(bands) == 1 else 'are'} {what}: convert, or set change_dtype=True"
        )


def _counted(dtype: np.dtype[Any], *, rescaled: bool) -> np.dtype[Any]:
    """What a band counts as: bool as the 0 and 1 that it is stored as; rescaled integers as float64."""
    if rescaled and dtype.kind in "biu":
        return np.dtype(np.float64)
    return np.dtype(np.uint8) if dtype.kind == "b" else dtype.newbyteorder("=")
