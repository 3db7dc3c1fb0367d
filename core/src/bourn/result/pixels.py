"""Where an image's pixels are: arrays in memory or still to be computed; one array, or one a band."""

from __future__ import annotations

import sys
from typing import Any, Protocol, TYPE_CHECKING

import attrs
import numpy as np

from bourn.result.nodata import Missing, masked_where_missing
from bourn.result.rows import Fetched, FetchedRows, HeldRows, RowReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["ArrayPixels", "Pixels", "is_dask"]


def is_dask(array: object) -> bool:
    """Whether it is a dask array; loads nothing: one can only exist once dask.array is loaded."""
    module = sys.modules.get("dask.array")
    return module is not None and isinstance(array, module.Array)


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

    def readers(self, rows: int) -> Sequence[RowReader]:
        """Who reads the rows, so that nothing is computed or decoded twice when strips of `rows` are asked for."""
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
        if self.stack is not None:
            bands, height, width = self.stack.shape
            return bands, height, width
        height, width = self.layers[0].shape
        return len(self.layers), height, width

    @property
    def dtypes(self) -> tuple[np.dtype[Any], ...]:
        if self.stack is not None:
            return (self.stack.dtype,) * self.stack.shape[0]
        return tuple(layer.dtype for layer in self.layers)

    @property
    def lazy(self) -> bool:
        return any(is_dask(part) for part in self._parts())

    @property
    def masked(self) -> bool:
        return self.given_mask is not None or self.missing is not None

    def _parts(self) -> Iterator[Any]:
        if self.stack is not None:
            yield self.stack
        yield from self.layers
        if self.given_mask is not None:
            yield self.given_mask

    def array(self) -> Any:
        if self.stack is not None:
            return self.stack
        dtype = np.result_type(*self.dtypes)
        if any(map(is_dask, self.layers)):
            import dask.array as da  # noqa: PLC0415  # loaded already

            return da.stack([layer.astype(dtype) for layer in self.layers])
        return np.stack(self.layers, dtype=dtype)

    def layer(self, index: int) -> Any:
        return self.layers[index] if self.stack is None else self.stack[index]

    def mask(self) -> Any:
        if self.missing is None:
            return self.given_mask
        made = masked_where_missing(self.layers or self.stack, self.missing)
        return made if self.given_mask is None else made | self.given_mask

    def select(self, indices: Sequence[int]) -> ArrayPixels:
        mask = self.given_mask
        if mask is not None and mask.ndim == 3:  # noqa: PLR2004  # (band, y, x)
            mask = mask[list(indices)]
        missing = self.missing and tuple(self.missing[index] for index in indices)
        missing = missing if missing and any(value is not None for value in missing) else None
        if self.stack is not None:
            return ArrayPixels(stack=self.stack[list(indices)], given_mask=mask, missing=missing)
        return layered([self.layers[index] for index in indices], mask, missing)

    def readers(self, rows: int) -> Sequence[RowReader]:
        parts = list(self._parts())
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
                readers.append(FetchedRows(indices, _computing(members), edges, rows))
        return readers

    def assembled(self, parts: Sequence[Any]) -> tuple[Any, Any]:
        mask = None if self.given_mask is None else parts[-1]
        pixels = parts[0] if self.stack is not None else tuple(parts[: len(self.layers)])
        if self.missing is not None:
            made = masked_where_missing(pixels, self.missing)
            mask = made if mask is None else np.logical_or(made, mask, out=made)
        return pixels, mask


def layered(layers: Sequence[Any], mask: Any = None, missing: Missing | None = None) -> ArrayPixels:
    """Pixels in one (y, x) array a band; of one dtype and in memory or all lazy they could be one stack, and are not."""
    return ArrayPixels(layers=tuple(layers), given_mask=mask, missing=missing)


def _edges(array: Any) -> tuple[int, ...]:
    return (0, *np.cumsum(array.chunks[-2]).tolist())


def _computing(arrays: Sequence[Any]) -> Callable[[int, int], Fetched]:
    import dask  # noqa: PLC0415  # loaded already: these are dask arrays

    def compute(start: int, stop: int) -> Fetched:
        computed = dask.compute(*(array[..., start:stop, :] for array in arrays))
        return [np.asarray(array) for array in computed]

    return compute
