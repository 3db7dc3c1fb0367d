"""What must fit before a pixel is read: the bands, their dtypes, what says that there is no data."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from bourn.plugin import Note, Problem

from bourn_catalog.pixels.order import AT, Order, ordered
from bourn_catalog.pixels.rule import nodata_of_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bourn.plugin import ResultInfo

    from bourn_catalog.pixels.rule import Rule

__all__ = ["order_of", "problems"]


def problems(info: ResultInfo, rules: Sequence[Rule], *, rescale: bool, change_dtype: bool) -> Iterator[Problem | Note]:
    """Every problem, and every note, of an image of which `info` is known, with a product of these bands.

    What is not known yet is not complained of: ask again when it is.

    Parameters
    ----------
    info : ResultInfo
    rules : sequence of Rule
        The product's bands, in its order.
    rescale, change_dtype : bool
        As asked for.
    """
    yield from _of_product(rules, rescale=rescale)
    count = _count(info)
    if count is None:
        return
    order = ordered(info.bands, count, rules)
    yield from order.problems
    yield from order.notes
    dtypes = _dtypes(info, count)
    if dtypes is None:
        return
    yield from _of_dtypes(order, dtypes, info.bands, rules, rescale=rescale, change_dtype=change_dtype)
    yield from _of_scales(order, info, rules, rescale=rescale)
    if rescale and not any(rule.rescales for rule in rules):
        yield Note("no band of the product has a physical_range and a data_range: nothing is rescaled", "rescale")


def _of_scales(order: Order, info: ResultInfo, rules: Sequence[Rule], *, rescale: bool) -> Iterator[Problem | Note]:
    """Yield what becomes of the scale and offset of the image's bands: the product has its own."""
    names = info.bands or ()
    for source, rule in zip(order.sources, rules, strict=False):
        if source is None or source >= len(names):
            continue
        facts = info.bandinfo.get(names[source], {})
        scale, offset = facts.get("scale", 1), facts.get("offset", 0)
        if (scale, offset) == (1, 0):
            continue
        own = f"{names[source]!r} has scale {scale:g} and offset {offset:g}"
        if rescale and rule.rescales:
            yield Note(f"rescale takes pixels for physical values; {own} of its own, which are not applied", "rescale")
        elif rule.scale is None or rule.offset is None:
            yield Note(f"{own}, which are not kept: {rule.name!r} of the product has no physical_range", AT)
        elif not (math.isclose(scale, rule.scale, rel_tol=1e-9) and math.isclose(offset, rule.offset, abs_tol=1e-9)):
            product = f"scale {rule.scale:g} and offset {rule.offset:g}"
            yield Problem(AT, f"{own}, {rule.name!r} of the product has {product}: readers would get other values")


def order_of(info: ResultInfo, rules: Sequence[Rule]) -> Order:
    """Where the bands of the product come from, of an image that is known and has no problems."""
    count = _count(info)
    assert count is not None
    return ordered(info.bands, count, rules)


def _count(info: ResultInfo) -> int | None:
    if info.bands is not None:
        return len(info.bands)
    return info.shape[0] if info.shape is not None and len(info.shape) == 3 else None  # noqa: PLR2004  # (band, y, x)


def _dtypes(info: ResultInfo, count: int) -> list[np.dtype[Any]] | None:
    if info.dtypes is not None:
        return [np.dtype(name) for name in info.dtypes]
    return None if info.dtype is None else [np.dtype(info.dtype)] * count


def _of_product(rules: Sequence[Rule], *, rescale: bool) -> Iterator[Problem]:
    for rule in rules:
        ranges = (rule.data_range or (0, 1), rule.physical_range or (0, 1))
        if rescale and rule.rescales and not all(math.isfinite(high - low) and high != low for low, high in ranges):
            yield Problem("rescale", f"the ranges of {rule.name!r} span no finite number: {ranges[1]} to {ranges[0]}")
    dtypes = {rule.dtype for rule in rules}
    if len(dtypes) > 1:
        listed = ", ".join(f"{rule.name!r} {rule.dtype.name}" for rule in rules)
        yield Problem(AT, f"all bands of the product must be of one dtype, they are {listed}")
    data = [rule for rule in rules if not rule.is_alpha]
    if not data:
        yield Problem(AT, "the product has no band but alpha")
    if len(data) < len(rules):
        yield from _of_alpha(data, [rule for rule in rules if rule.is_alpha])
        return
    lacking = [rule.name for rule in data if rule.nodata is None]
    if lacking:
        names = ", ".join(map(repr, lacking))
        yield Problem(AT, f"the product has neither an alpha band nor nodata on every band: {names} has none")
    elif nodata_of_file(data) is None:
        listed = ", ".join(f"{rule.name!r} {rule.nodata}" for rule in data)
        yield Problem(AT, f"a file has one nodata value: unlike ones go only with an alpha band, these are {listed}")


def _of_alpha(data: Sequence[Rule], alphas: Sequence[Rule]) -> Iterator[Problem]:
    """A file has one nodata value for all of its bands: what is opaque must not be it."""
    for alpha in alphas:
        for rule in data:
            if rule.nodata is not None and rule.nodata == alpha.opaque:
                yield Problem(
                    AT, f"nodata of {rule.name!r}, {rule.nodata}, is what opaque pixels of {alpha.name!r} have"
                )


def _of_dtypes(
    order: Order,
    dtypes: Sequence[np.dtype[Any]],
    names: Sequence[str] | None,
    rules: Sequence[Rule],
    *,
    rescale: bool,
    change_dtype: bool,
) -> Iterator[Problem]:
    """Of the bands as they are placed; where that is not known, of all of them as they are."""
    pairs = [(source, rule) for source, rule in zip(order.sources, rules, strict=False) if source is not None]
    if not pairs:
        pairs = [(source, rules[0]) for source in range(len(dtypes))] if rules and not rescale else []
    unlike: dict[str, list[str]] = {}
    for source, rule in pairs:
        name = repr(names[source]) if names is not None else f"band {source + 1}"
        dtype = dtypes[source]
        if dtype.kind not in "biuf":
            yield Problem(AT, f"{name} is {dtype.name}: a product holds no complex numbers")
            continue
        counted = _counted(dtype, rescaled=rescale and rule.rescales)
        if counted != rule.dtype:
            after = " after rescaling" if rescale and rule.rescales else ""
            unlike.setdefault(f"{counted.name}{after}, the product's dtype is {rule.dtype.name}", []).append(name)
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
