"""Where an image's pixels are: arrays in memory or still to be computed; one array, or one a band."""

from __future__ import annotations

import sys
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol

import attrs
import numpy as np

from bourn.image.blocks import Blocks, as_declared
from bourn.image.nodata import Missing, masked_where_missing
from bourn.image.row_reader import Fetched, FetchedRows, HeldRows, RowReader
from bourn.image.spill import SPILL_BYTES, SpilledRows, after_each_task, computed_here

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = ["ArrayPixels", "Pixels", "is_dask"]


def is_dask(array: object) -> bool:
    """Whether it is a dask array; loads nothing: one can only exist once dask.array is loaded."""
    module = sys.modules.get("dask.array")
    return module is not None and isinstance(array, module.Array)


def _as_slice(indices: Sequence[int]) -> slice | list[int]:
    """Return neighbouring indices as a slice, of which numpy makes no copy."""
    first = indices[0]
    return slice(first, first + len(indices)) if all(b - a == 1 for a, b in pairwise(indices)) else list(indices)


class Pixels(Protocol):
    """What an image asks of the place where its pixels are; `ArrayPixels` and `FilePixels` are such places."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """(band, y, x)."""
        ...

    @property
    def dtypes(self) -> tuple[np.dtype[Any], ...]:
        """One a band."""
        ...

    @property
    def lazy(self) -> bool:
        """Whether anything is still to be computed or read."""
        ...

    @property
    def masked(self) -> bool:
        """Whether there is a mask."""
        ...

    def array(self) -> Any:
        """(band, y, x), of the dtype that holds all bands; dask if lazy."""
        ...

    def layer(self, index: int) -> Any:
        """One band, (y, x), in its own dtype; dask if lazy."""
        ...

    def mask(self) -> Any:
        """(band, y, x) or (y, x) bool, True where masked; None if there is no mask; dask if lazy."""
        ...

    def select(self, indices: Sequence[int]) -> Pixels:
        """The bands of these indices, in that order."""
        ...

    def readers(self, rows: int, beat: Callable[[], None] | None = None) -> Sequence[RowReader]:
        """Who reads the rows, so that nothing is computed or decoded twice when strips of `rows` are asked for.

        `beat` is called between two chunks that are computed; what it raises ends the reading.
        """
        ...

    def assembled(self, parts: Sequence[Any]) -> tuple[Any, Any]:
        """(pixels, mask) of a strip, from what the readers gave, in their order."""
        ...


@attrs.frozen(kw_only=True, eq=False)
class ArrayPixels:
    """Pixels in numpy or dask arrays.

    Attributes
    ----------
    stack : (band, y, x) array or None
        All bands in one; else
    layers : sequence of (y, x) arrays
        one a band, of unlike dtypes.
    given_mask : (band, y, x) or (y, x) bool array or None
        True where masked.
    missing : Missing or None
        Values that mask a pixel, besides the mask.
    """

    stack: Any = None
    layers: tuple[Any, ...] = ()
    given_mask: Any = None
    missing: Missing | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        """(band, y, x)."""
        if self.stack is not None:
            bands, height, width = self.stack.shape
            return bands, height, width
        height, width = self.layers[0].shape
        return len(self.layers), height, width

    @property
    def dtypes(self) -> tuple[np.dtype[Any], ...]:
        """One a band."""
        if self.stack is not None:
            dtype: np.dtype[Any] = self.stack.dtype
            return (dtype,) * int(self.stack.shape[0])
        return tuple(layer.dtype for layer in self.layers)

    @property
    def lazy(self) -> bool:
        """Whether any of the arrays is still to be computed."""
        return any(is_dask(part) for part in self.parts())

    @property
    def masked(self) -> bool:
        """Whether there is a mask, given or made from values."""
        return self.given_mask is not None or self.missing is not None

    def with_parts(self, parts: Sequence[Any]) -> ArrayPixels:
        """The same pixels, in arrays that take the place of those that `parts` gives, in their order.

        Raises
        ------
        ResultRefused
            A numpy array is not of the shape and dtype that was declared of it.
        """
        declared = zip(parts, self.parts(), strict=True)
        given = [
            as_declared(part, was.shape, was.dtype) if isinstance(part, np.ndarray) else part for part, was in declared
        ]
        mask = None if self.given_mask is None else given.pop()
        stack = None if self.stack is None else given.pop()
        return attrs.evolve(self, stack=stack, layers=tuple(given), given_mask=mask)

    def parts(self) -> Iterator[Any]:
        """The arrays: all bands or each of them, then the mask."""
        if self.stack is not None:
            yield self.stack
        yield from self.layers
        if self.given_mask is not None:
            yield self.given_mask

    def array(self) -> Any:
        """(band, y, x), of the dtype that holds all bands."""
        if self.stack is not None:
            return self.stack
        dtype = np.result_type(*self.dtypes)
        if any(map(is_dask, self.layers)):
            import dask.array as da  # loaded already

            return da.stack([layer.astype(dtype) for layer in self.layers])
        return np.stack(self.layers, dtype=dtype)

    def layer(self, index: int) -> Any:
        """One band, (y, x), in its own dtype."""
        return self.layers[index] if self.stack is None else self.stack[index]

    def mask(self) -> Any:
        """The mask that was given, together with the one that values make."""
        if self.missing is None:
            return self.given_mask
        made = masked_where_missing(self.layers or self.stack, self.missing)
        return made if self.given_mask is None else made | self.given_mask

    def select(self, indices: Sequence[int]) -> ArrayPixels:
        """The bands of these indices, in that order."""
        mask = self.given_mask
        if mask is not None and mask.ndim == 3:  # noqa: PLR2004  # (band, y, x)
            mask = mask[_as_slice(indices)]
        missing = self.missing and tuple(self.missing[index] for index in indices)
        missing = missing if missing and any(value is not None for value in missing) else None
        if self.stack is not None:
            return ArrayPixels(stack=self.stack[_as_slice(indices)], given_mask=mask, missing=missing)
        return ArrayPixels(layers=tuple(self.layers[index] for index in indices), given_mask=mask, missing=missing)

    def readers(self, rows: int, beat: Callable[[], None] | None = None) -> Sequence[RowReader]:
        """One reader for what is in memory, and one for each way in which dask arrays are chunked."""
        parts = list(self.parts())
        groups: dict[tuple[int, ...] | None, list[int]] = {}
        for index, part in enumerate(parts):
            # What is chunked alike is computed together, so that what it has in common is computed once.
            edges = _edges(part) if is_dask(part) else None
            groups.setdefault(edges, []).append(index)
        readers: list[RowReader] = []
        for edges, indices in groups.items():
            members = [parts[index] for index in indices]
            if edges is None:
                readers.append(HeldRows(indices, members))
            else:
                readers.append(_reader(indices, members, edges, rows, beat))
        return readers

    def assembled(self, parts: Sequence[Any]) -> tuple[Any, Any]:
        """(pixels, mask) of a strip."""
        mask = None if self.given_mask is None else parts[-1]
        pixels = parts[0] if self.stack is not None else tuple(parts[: len(self.layers)])
        if self.stack is None and len(set(self.dtypes)) == 1:
            pixels = np.stack(pixels)  # of this strip only: bands of one dtype always come as one array
        if self.missing is not None:
            made = masked_where_missing(pixels, self.missing)
            mask = made if mask is None else np.logical_or(made, mask, out=made)
        return pixels, mask


def _edges(array: Any) -> tuple[int, ...]:
    return (0, *np.cumsum(array.chunks[-2]).tolist())


def _reader(
    indices: Sequence[int], arrays: Sequence[Any], edges: Sequence[int], rows: int, beat: Callable[[], None] | None
) -> RowReader:
    """Rows of chunks as a whole while memory holds them; through a file where it might not."""
    highest = max(high - low for low, high in pairwise(edges))
    row_bytes = sum(array.nbytes // max(1, array.shape[-2]) for array in arrays)
    here = computed_here(arrays)
    callbacks = after_each_task(beat) if here and beat is not None else {}
    if highest > rows and highest * row_bytes > SPILL_BYTES and here:
        return SpilledRows(indices, arrays, edges, callbacks)
    return FetchedRows(indices, _computing(arrays, callbacks), edges, rows)


def _computing(arrays: Sequence[Any], callbacks: Mapping[str, Any]) -> Callable[[int, int], Fetched]:
    import dask  # loaded already: these are dask arrays

    def compute(start: int, stop: int) -> Fetched:
        slices = [array[..., start:stop, :] for array in arrays]
        return list(dask.compute(*map(Blocks, slices), **callbacks))  # type: ignore[attr-defined, no-untyped-call]  # dask is typed in part

    return compute
