"""Blocks of dask arrays put together as they were declared to dask: a block that differs is refused.

dask itself writes computed blocks into one array by assignment, which stretches a block of one pixel, wraps -1 round to
65535, makes 0 of NaN, and forgets a mask; and nobody hears of it.
"""

from __future__ import annotations

from itertools import accumulate, pairwise, product
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from bourn.errors import ResultRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Blocks", "as_declared"]

Array = np.ndarray[Any, Any]


def as_declared(block: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """What was computed, if it is as declared to dask.

    Raises
    ------
    ResultRefused
        It is of another shape or dtype, or is masked in part.
    """
    array = np.asarray(block)
    if np.ma.is_masked(block):
        msg = "a block of the image came out masked, of which nothing was declared: give mask="
        raise ResultRefused(msg)
    if array.shape == shape and array.dtype.newbyteorder("=") == dtype.newbyteorder("="):
        return array
    msg = (
        f"a block of the image was declared as {shape} of {dtype}, and computing it gave {array.shape} of "
        f"{array.dtype}: give map_blocks, or apply_ufunc, the right chunks and dtype"
    )
    raise ResultRefused(msg)


@attrs.frozen(eq=False)
class Blocks:
    """A dask array that is put together here when it is computed; otherwise what dask knows it as.

    Attributes
    ----------
    array : dask.array.Array
    """

    array: Any

    @property
    def dask(self) -> Any:
        """The graph."""
        return self.array.dask

    def __dask_graph__(self) -> Any:
        return self.array.__dask_graph__()

    def __dask_keys__(self) -> Any:
        return self.array.__dask_keys__()

    def __dask_layers__(self) -> Any:
        return self.array.__dask_layers__()

    def __dask_tokenize__(self) -> Any:
        return type(self).__qualname__, self.array.__dask_tokenize__()

    @property
    def __dask_optimize__(self) -> Any:
        return self.array.__dask_optimize__

    @property
    def __dask_scheduler__(self) -> Any:
        return self.array.__dask_scheduler__

    def __dask_postcompute__(self) -> tuple[Callable[..., Array], tuple[Any, ...]]:
        return _joined, (self.array.chunks, self.array.dtype)


def _joined(blocks: Any, chunks: Sequence[Sequence[int]], dtype: np.dtype[Any]) -> Array:
    """The array of nested lists of blocks; the only block itself where there is but one."""
    edges = [list(pairwise(accumulate(lengths, initial=0))) for lengths in chunks]
    alone = all(len(axis) == 1 for axis in edges)
    whole = None if alone else np.empty([sum(lengths) for lengths in chunks], dtype)
    for place in product(*(range(len(axis)) for axis in edges)):
        spans = [axis[index] for axis, index in zip(edges, place, strict=True)]
        block = blocks
        for index in place:
            block = block[index]
        checked = as_declared(block, tuple(high - low for low, high in spans), dtype)
        if whole is None:
            return checked
        whole[tuple(slice(low, high) for low, high in spans)] = checked
    return whole if whole is not None else np.empty([0] * len(chunks), dtype)
