"""Pixels without data: values that mean it, exact in a dtype, and the mask they make."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from bourn.wording import shown

if TYPE_CHECKING:
    from collections.abc import Sequence
__all__ = ["Missing", "exact", "masked_where_missing", "missing_of", "same_value"]

Missing = tuple[int | float | complex | None, ...]
"""One a band: the value that masks a pixel, NaN for 'NaN only', None for none. NaN masks always in float bands of
which this is not None."""


def exact(value: object, dtype: np.dtype[Any]) -> int | float | complex:
    """`value` as a Python number that `dtype` holds exactly.

    Parameters
    ----------
    value : number
        A Python or numpy number; NaN for float and complex dtypes only.
    dtype : numpy.dtype
        Of the pixels.

    Raises
    ------
    ValueError
        It is not a number, is outside the dtype, or between two of its values.

    Examples
    --------
    >>> exact(255.0, np.dtype("uint8"))
    255
    """
    number = value.item() if isinstance(value, np.generic) else value
    if isinstance(number, bool) and dtype.kind != "b":
        number = None
    if isinstance(number, complex) and (dtype.kind != "c" or not number.imag):
        number = number.real if not number.imag else None
    if not isinstance(number, int | float | complex):
        msg = f"expected a number, got {shown(value)}"
        raise ValueError(msg)  # noqa: TRY004  # one type of error for all callers
    if dtype.kind in "biu":
        return _exact_integer(number, dtype)
    return _exact_float(number, dtype)


def _exact_integer(number: complex, dtype: np.dtype[Any]) -> int:
    if dtype.kind == "b":
        low, high = 0, 1
    else:
        limits = np.iinfo(dtype)
        low, high = int(limits.min), int(limits.max)
    real = number.real  # of an int itself, exactly
    if not math.isfinite(real) or real != int(real) or not low <= real <= high:
        msg = f"{shown(number)} is no value of {dtype.name}, which holds whole numbers from {low} to {high}"
        raise ValueError(msg)
    return int(real)


def _exact_float(number: complex, dtype: np.dtype[Any]) -> int | float | complex:
    try:
        with np.errstate(over="ignore"):
            held = dtype.type(number).item()
    except OverflowError:
        held = math.inf
    if dtype.itemsize > np.dtype(np.complex128 if dtype.kind == "c" else np.float64).itemsize:
        return number  # a long double holds every Python number
    if held == number or (held != held and number != number):  # noqa: PLR0124  # NaN
        return held  # type: ignore[no-any-return]
    msg = f"{shown(number)} is not exact in {dtype.name}; the nearest value is {held!r}"
    raise ValueError(msg)


def same_value(one: object, other: object) -> bool:
    """Whether two values are equal, NaN being equal to NaN."""
    return bool(one == other) or (one != one and other != other)  # noqa: PLR0124  # NaN


def masked_where_missing(pixels: Any, missing: Missing) -> Any:
    """Where `pixels` have no data.

    Parameters
    ----------
    pixels : (band, y, x) numpy or dask array, or a sequence of (y, x) ones
    missing : Missing
        One a band.

    Returns
    -------
    (band, y, x) bool array
        numpy for numpy, else a dask array that is not computed.
    """
    layers = [_layer_mask(layer, value) for layer, value in zip(pixels, missing, strict=True)]
    if all(isinstance(layer, np.ndarray) for layer in layers):
        return np.stack(layers) if len(layers) > 1 else layers[0][None]
    import dask.array as da  # loaded already: some layer is a dask array

    return da.stack(layers)


def _layer_mask(layer: Any, value: complex | None) -> Any:
    dtype = layer.dtype
    holds_nan = dtype.kind in "fc"
    if value is None:
        return np.zeros(layer.shape, bool) if isinstance(layer, np.ndarray) else (layer != layer) & False  # noqa: PLR0124
    if holds_nan and value != value:  # noqa: PLR0124  # NaN
        return layer != layer  # noqa: PLR0124  # a third of the time of isnan for complex, the same for float
    held = dtype.type(value)
    if dtype.name == "float32" and held:
        # GDAL compares with a tolerance: what one program rounds, another has cut off.
        margin = np.float64(abs(held)) * 4 * np.finfo(dtype).eps
        low, high = (np.clip(held + side * margin, *_float32_range()).astype(dtype) for side in (-1, 1))
        mask = (layer >= low) & (layer <= high)
    else:
        mask = layer == held
    return mask | (layer != layer) if holds_nan else mask  # noqa: PLR0124  # NaN


def _float32_range() -> tuple[float, float]:
    limits = np.finfo(np.float32)
    return float(limits.min), float(limits.max)


def missing_of(dtypes: Sequence[np.dtype[Any]], nodata: Sequence[int | float | complex | None]) -> Missing | None:
    """What masks the pixels of bands with these nodata values, NaN among them; None if nothing does."""
    missing = tuple(
        math.nan if value is None and dtype.kind in "fc" else value for dtype, value in zip(dtypes, nodata, strict=True)
    )
    return missing if any(value is not None for value in missing) else None
