"""The pixels that a caller hands over: arrays in their several forms, taken apart into pixels and mask."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from bourn.errors import Problem
from bourn.image.pixels import ArrayPixels, is_dask
from bourn.image.validation import checked_mask
from bourn.wording import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["pixels_of", "split_array"]


def pixels_of(array: Any, mask: Any, problems: list[Problem]) -> ArrayPixels | None:
    """Pixels and mask that were given to `Image`; None and problems if they can't be an image's."""
    path = "image.array"
    if isinstance(array, list | tuple):
        parts = [split_array(item, f"{path}[{index}]", problems) for index, item in enumerate(array)]
        layers = [layer for layer, _ in parts]
        if not parts or any(layer is None for layer in layers):
            if not parts:
                problems.append(Problem(path, "an image has one band at least"))
            return None
        if any(layer.ndim != 2 or layer.shape != layers[0].shape for layer in layers):  # noqa: PLR2004  # (y, x)
            given = ", ".join(str(tuple(layer.shape)) for layer in layers[:8])
            problems.append(Problem(path, f"expected (y, x) arrays of one shape, got {given}"))
            return None
        inner = _stacked_masks([part for _, part in parts], layers)
        stack = None
    else:
        stack, inner = split_array(array, path, problems)
        if stack is None:
            return None
        if stack.ndim == 2:  # noqa: PLR2004  # (y, x)
            stack = stack[None]
            inner = None if inner is None else inner[None]
        if stack.ndim != 3:  # noqa: PLR2004  # (band, y, x)
            problems.append(Problem(path, f"expected the dimensions (band, y, x) or (y, x), got {stack.ndim}"))
            return None
        layers = []
    pixels = ArrayPixels(stack=stack, layers=tuple(layers))
    if 0 in pixels.shape:
        problems.append(Problem(path, f"an image has one pixel at least, got the shape {pixels.shape}"))
        return None
    given = checked_mask(mask, pixels.shape, problems)
    if given is not None and inner is not None:
        given = given | inner
    return ArrayPixels(stack=stack, layers=tuple(layers), given_mask=inner if given is None else given)


def _stacked_masks(masks: Sequence[Any], layers: Sequence[Any]) -> Any:
    if all(mask is None for mask in masks):
        return None
    filled = [np.zeros(layer.shape, bool) if mask is None else mask for mask, layer in zip(masks, layers, strict=True)]
    if all(isinstance(mask, np.ndarray) for mask in filled):
        return np.stack(filled)
    import dask.array as da  # loaded already: some mask is a dask array

    return da.stack(filled)


def split_array(array: Any, path: str, problems: list[Problem]) -> tuple[Any, Any]:
    """(array, mask) of a numpy or dask array, masked or not; (None, None) and a problem if it can't be pixels."""
    mask = None
    if is_dask(array):
        if isinstance(array._meta, np.ma.MaskedArray):  # noqa: SLF001  # dask has no other way to ask
            import dask.array as da  # loaded already

            array, mask = da.ma.getdata(array), da.ma.getmaskarray(array)
        elif not isinstance(array._meta, np.ndarray):  # noqa: SLF001  # the same
            problems.append(Problem(path, "expected a dask array of numpy arrays"))
            return None, None
        if any(math.isnan(size) for size in array.shape):
            problems.append(Problem(path, "its shape is not known before it is computed: call compute_chunk_sizes()"))
            return None, None
    elif isinstance(array, np.ma.MaskedArray):
        mask = None if array.mask is np.ma.nomask else array.mask
        array = array.data
    elif not isinstance(array, np.ndarray):
        hint = "; use Image.from_xarray for an xarray object" if type(array).__module__.startswith("xarray.") else ""
        problems.append(Problem(path, f"expected a numpy or dask array, got {shown(array)}{hint}"))
        return None, None
    dtype: np.dtype[Any] = array.dtype
    if dtype.kind not in "biufc":
        problems.append(Problem(path, f"expected numbers or bool, got dtype {dtype}"))
        return None, None
    return (np.asarray(array) if isinstance(array, np.ndarray) else array), mask
