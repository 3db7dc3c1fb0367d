"""Arrow arrays that hold their visible values only: no rows that were sliced off, no bytes under a null.

pyarrow writes slices of plain arrays as slices. It writes whole what views, unions, run ends and dictionaries refer to,
and in all arrays the bytes under nulls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["compact_array", "compact_batch", "compact_dictionaries"]

Mask = np.ndarray[Any, np.dtype[np.bool_]]

INLINE = 12
"""Bytes of a value that a view holds itself (Arrow columnar format, variable-size binary view layout)."""

FIRST_NOT_ASCII = 128

LARGEST_BUFFER = 2**31 - 1
"""Bytes that the offset in a view can address."""


def compact_batch(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch without hidden bytes; dictionaries stay the same objects, so that a stream has each once.

    Raises
    ------
    ValueError
        A column has values that its type does not have: no reader could read them.
    """
    columns = [compact_array(column) for column in batch.columns]
    for field, column in zip(batch.schema, columns, strict=True):
        if _is_valid(column):
            continue
        try:
            column.validate(full=True)
        except pa.ArrowInvalid as cause:
            msg = f"a column {field.name!r} with values that its type {field.type} does not have ({cause})"
            raise ValueError(msg) from cause
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema) if columns else batch


def _is_valid(array: pa.Array) -> bool:
    """Whether all values are known to be valid without a look at each: numbers and moments, and texts in ASCII."""
    kind = array.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        data = array.buffers()[2]
        return data is None or not data.size or int(np.frombuffer(data, np.uint8).max()) < FIRST_NOT_ASCII
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_timestamp(kind))


def compact_array(array: pa.Array) -> pa.Array:
    """The array without hidden bytes; itself where it has none. Dictionaries are not touched."""
    return _compact(array, None, None, _same)


def compact_dictionaries(table: pa.Table) -> tuple[pa.Table, int]:
    """The table without the values of unordered dictionaries that no row refers to, and how many there were."""
    if not any(map(_has_dictionary, table.schema.types)):
        return table, 0
    dropped = 0

    def used(indices: Any, hidden: Mask | None, dictionary: pa.Array, ordered: bool) -> tuple[Any, pa.Array]:
        nonlocal dropped
        if ordered:
            return indices, compact_array(dictionary)
        visible = indices.is_valid().to_numpy(zero_copy_only=False)
        if hidden is not None:
            visible &= ~hidden
        numbers = np.where(visible, np.asarray(indices.fill_null(0)), 0).astype(np.int64)
        keep = np.zeros(len(dictionary), bool)
        keep[numbers[visible]] = True
        if not keep.all():
            dropped += int(keep.size - keep.sum())
            places = np.where(visible, (np.cumsum(keep) - 1)[numbers] if keep.size else 0, 0)
            indices = pa.array(places, indices.type, mask=~visible)
        return indices, _compact(dictionary, None if keep.all() else keep, None, used)

    columns = [
        pa.chunked_array([_compact(chunk, None, None, used) for chunk in column.chunks], column.type)
        for column in table.columns
    ]
    return pa.Table.from_arrays(columns, schema=table.schema), dropped


def _has_dictionary(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return True
    if isinstance(kind, pa.BaseExtensionType):
        return _has_dictionary(kind.storage_type)
    if pa.types.is_run_end_encoded(kind):
        return _has_dictionary(kind.value_type)
    return any(_has_dictionary(kind.field(place).type) for place in range(kind.num_fields))


def _same(indices: pa.Array, _hidden: Mask | None, dictionary: pa.Array, _ordered: bool) -> tuple[pa.Array, pa.Array]:
    return indices, dictionary


def _compact(array: pa.Array, keep: Mask | None, hidden: Mask | None, dictionary: Any) -> pa.Array:
    """The elements of `array` that `keep` has, with zeros where they are null or `hidden`.

    Both masks have the length of `array`; None stands for all, and for none.
    """
    kind = array.type
    if keep is not None and keep.all():
        keep = None
    if hidden is not None and not hidden.any():
        hidden = None
    if isinstance(kind, pa.BaseExtensionType):
        storage = _compact(array.storage, keep, hidden, dictionary)
        return pa.ExtensionArray.from_storage(kind, storage)
    count = len(array) if keep is None else int(keep.sum())
    if pa.types.is_null(kind):
        return pa.nulls(count)
    if not count and not pa.types.is_dictionary(kind):
        return _empty(kind)
    for matches, compact in _KINDS:
        if matches(kind):
            return compact(array, keep, hidden, dictionary)
    return _compact_fixed(array, keep, hidden, dictionary)


def _empty(kind: pa.DataType) -> pa.Array:
    """An array without elements; `pyarrow.nulls` makes an invalid one of run ends within other types."""
    if pa.types.is_run_end_encoded(kind):
        return pa.RunEndEncodedArray.from_arrays(pa.array([], kind.run_end_type), _empty(kind.value_type), kind)
    if isinstance(kind, pa.BaseExtensionType):
        return pa.ExtensionArray.from_storage(kind, _empty(kind.storage_type))
    if not kind.num_fields or pa.types.is_dictionary(kind):
        return pa.nulls(0, kind)
    children = [_empty(kind.field(place).type) for place in range(kind.num_fields)]
    # Of a list the first offset, 0, stands in a buffer.
    buffers = [pa.py_buffer(bytes(8))] * (kind.num_buffers - 1)
    return pa.Array.from_buffers(kind, 0, [None, *buffers], children=children)


def _valid(array: pa.Array) -> Mask | None:
    """Which elements are not null; None if all are."""
    return array.is_valid().to_numpy(zero_copy_only=False) if array.null_count else None


def _zeroed(valid: Mask | None, hidden: Mask | None) -> Mask | None:
    """Which elements have no visible value."""
    if valid is None:
        return hidden
    return ~valid if hidden is None else ~valid | hidden


def _bits(mask: Mask | None, keep: Mask | None) -> Any:
    if mask is None:
        return None
    return pa.py_buffer(np.packbits(mask if keep is None else mask[keep], bitorder="little"))


def _kept(values: np.ndarray[Any, Any], keep: Mask | None) -> np.ndarray[Any, Any]:
    return values if keep is None else values[keep]


def _numbers(buffer: Any, dtype: Any, start: int, count: int) -> np.ndarray[Any, Any]:
    kind = np.dtype(dtype)
    return np.frombuffer(buffer, kind, count, start * kind.itemsize)


def _rebuilt(array: pa.Array, keep: Mask | None, valid: Mask | None, *parts: Any, children: Any = None) -> pa.Array:
    count = len(array) if keep is None else int(keep.sum())
    buffers = [part if part is None or isinstance(part, pa.Buffer) else pa.py_buffer(part) for part in parts]
    return pa.Array.from_buffers(array.type, count, [_bits(valid, keep), *buffers], children=children)


def _compact_fixed(array: pa.Array, keep: Mask | None, hidden: Mask | None, _dictionary: Any) -> pa.Array:
    valid = _valid(array)
    zeroed = _zeroed(valid, hidden)
    if pa.types.is_boolean(array.type):
        bits = np.unpackbits(np.frombuffer(array.buffers()[1], np.uint8), bitorder="little")
        tail = bits[array.offset + len(array) :]
        bits = bits[array.offset : array.offset + len(array)]
        if keep is None and not tail.any() and (zeroed is None or not bits[zeroed].any()):
            return array
        if zeroed is not None:
            bits[zeroed] = 0
        return _rebuilt(array, keep, valid, np.packbits(_kept(bits, keep), bitorder="little"))
    size = array.type.bit_width // 8
    if not size:  # binary of no bytes
        return array if keep is None else array.filter(pa.array(keep))
    is_number = size in {1, 2, 4, 8}
    values = _numbers(array.buffers()[1], f"u{size}" if is_number else f"V{size}", array.offset, len(array))
    if keep is None and zeroed is None:
        # pyarrow pads what it writes with the bytes that follow in the buffer.
        held = array.buffers()[1].slice(array.offset * size, len(array) * size)
        return array if held.size == array.buffers()[1].size else _rebuilt(array, None, valid, held)
    if zeroed is not None and is_number:
        values = np.where(zeroed, values.dtype.type(0), values)
    elif zeroed is not None:
        values = values.copy()
        values[zeroed] = np.zeros((), values.dtype)
    return _rebuilt(array, keep, valid, np.ascontiguousarray(_kept(values, keep)).view(np.uint8))


def _offsets(array: pa.Array) -> np.ndarray[Any, Any]:
    kind = array.type
    large = pa.types.is_large_string(kind) or pa.types.is_large_binary(kind) or pa.types.is_large_list(kind)
    return _numbers(array.buffers()[1], "i8" if large else "i4", array.offset, len(array) + 1)


def _summed(sizes: np.ndarray[Any, Any], dtype: Any) -> np.ndarray[Any, Any]:
    offsets = np.zeros(sizes.size + 1, dtype)
    np.cumsum(sizes, out=offsets[1:])
    return offsets


def _compact_binary(array: pa.Array, keep: Mask | None, hidden: Mask | None, _dictionary: Any) -> pa.Array:
    valid = _valid(array)
    zeroed = _zeroed(valid, hidden)
    offsets = _offsets(array)
    sizes = np.diff(offsets)
    if keep is None and (zeroed is None or not sizes[zeroed].any()):
        return _exact_binary(array, valid, offsets)
    visible = np.ones(len(array), bool) if keep is None else keep.copy()
    if zeroed is not None:
        visible &= ~zeroed
        sizes[zeroed] = 0
    values = array.filter(pa.array(visible))
    held = _offsets(values) if len(values) else np.zeros(1, np.int64)
    data = values.buffers()[2].slice(int(held[0]), int(held[-1] - held[0])) if held[-1] > held[0] else pa.py_buffer(b"")
    return _rebuilt(array, keep, valid, _summed(_kept(sizes, keep), offsets.dtype), data)


def _exact_binary(array: pa.Array, valid: Mask | None, offsets: np.ndarray[Any, Any]) -> pa.Array:
    data = array.buffers()[2]
    size = int(offsets[-1] - offsets[0])
    if data is None or (not array.offset and size == data.size):
        return array
    begins = offsets - offsets[0] if offsets[0] else offsets
    return _rebuilt(array, None, valid, begins, data.slice(int(offsets[0]), size))


def _compact_view(array: pa.Array, keep: Mask | None, hidden: Mask | None, _dictionary: Any) -> pa.Array:
    valid = _valid(array)
    zeroed = _zeroed(valid, hidden)
    views = _numbers(array.buffers()[1], "i4", 4 * array.offset, 4 * len(array)).reshape(-1, 4)
    views = views.copy() if keep is None else views[keep]
    if zeroed is not None:
        views[_kept(zeroed, keep)] = 0
    held = array.buffers()[2:]
    long = views[:, 0] > INLINE
    if not long.any():
        return _rebuilt(array, keep, valid, views)
    places = np.ascontiguousarray(views[long])
    order: Any = slice(None)
    if int(places[:, 0].sum(dtype=np.int64)) > sum(buffer.size for buffer in held):  # many views of one value
        places, order = np.unique(places, axis=0, return_inverse=True)
    total = int(places[:, 0].sum(dtype=np.int64))
    if total > LARGEST_BUFFER:
        half = len(array) // 2
        halves = []
        for part in (slice(0, half), slice(half, None)):
            kept, covered = (None if mask is None else mask[part] for mask in (keep, hidden))
            halves.append(_compact_view(array[part], kept, covered, None))
        return pa.concat_arrays(halves)
    whole = pa.Array.from_buffers(pa.binary_view(), len(places), [None, pa.py_buffer(places), *held])
    data = whole.cast(pa.large_binary())
    views[long, 2] = 0
    views[long, 3] = _offsets(data)[:-1][order]
    return _rebuilt(array, keep, valid, views, data.buffers()[2])


def _compact_list(array: pa.Array, keep: Mask | None, hidden: Mask | None, dictionary: Any) -> pa.Array:
    valid = _valid(array)
    zeroed = _zeroed(valid, hidden)
    offsets = _offsets(array)
    sizes = np.diff(offsets)
    child = array.values.slice(int(offsets[0]), int(offsets[-1] - offsets[0]))
    visible = np.ones(len(array), bool) if keep is None else keep.copy()
    if zeroed is not None:
        visible &= ~zeroed
    inner = _compact(child, None if visible.all() else np.repeat(visible, sizes), None, dictionary)
    if zeroed is not None:
        sizes[zeroed] = 0
    return _rebuilt(array, keep, valid, _summed(_kept(sizes, keep), offsets.dtype), children=[inner])


def _compact_list_view(array: pa.Array, keep: Mask | None, hidden: Mask | None, dictionary: Any) -> pa.Array:
    valid = _valid(array)
    zeroed = _zeroed(valid, hidden)
    dtype = "i8" if pa.types.is_large_list_view(array.type) else "i4"
    offsets, sizes = (_numbers(array.buffers()[part], dtype, array.offset, len(array)).copy() for part in (1, 2))
    if zeroed is not None:
        sizes[zeroed] = 0
    offsets[sizes == 0] = 0
    offsets, sizes = _kept(offsets, keep), _kept(sizes, keep)
    child = array.values
    # Views may overlap: what they refer to is kept once.
    edges = np.zeros(len(child) + 1, np.int64)
    np.add.at(edges, offsets, sizes > 0)
    np.subtract.at(edges, offsets + sizes, sizes > 0)
    used = np.cumsum(edges[:-1]) > 0
    begins = np.zeros(len(child) + 1, offsets.dtype)
    np.cumsum(used, out=begins[1:])
    inner = _compact(child, used, None, dictionary)
    return _rebuilt(array, keep, valid, np.ascontiguousarray(begins[offsets]), sizes, children=[inner])


def _compact_fixed_list(array: pa.Array, keep: Mask | None, hidden: Mask | None, dictionary: Any) -> pa.Array:
    size = array.type.list_size
    valid = _valid(array)
    zeroed = _zeroed(valid, hidden)
    child = array.values.slice(array.offset * size, len(array) * size)
    kept, covered = (None if mask is None else np.repeat(mask, size) for mask in (keep, zeroed))
    return _rebuilt(array, keep, valid, children=[_compact(child, kept, covered, dictionary)])


def _compact_struct(array: pa.Array, keep: Mask | None, hidden: Mask | None, dictionary: Any) -> pa.Array:
    valid = _valid(array)
    zeroed = _zeroed(valid, hidden)
    children = [_compact(array.field(place), keep, zeroed, dictionary) for place in range(array.type.num_fields)]
    return _rebuilt(array, keep, valid, children=children)


def _compact_dictionary(array: pa.Array, keep: Mask | None, hidden: Mask | None, dictionary: Any) -> pa.Array:
    indices = _compact(array.indices, keep, hidden, dictionary)
    left = None if hidden is None else _kept(hidden, keep)
    numbers, values = dictionary(indices, left, array.dictionary, array.type.ordered)
    return pa.DictionaryArray.from_arrays(numbers, values, ordered=array.type.ordered, safe=False)


def _compact_union(array: pa.Array, keep: Mask | None, hidden: Mask | None, dictionary: Any) -> pa.Array:
    codes = _numbers(array.buffers()[1], "i1", array.offset, len(array))
    shown = np.ones(len(array), bool) if hidden is None else ~hidden
    children = []
    if array.type.mode == "sparse":
        for place, code in enumerate(array.type.type_codes):
            children.append(_compact(array.field(place), keep, ~((codes == code) & shown), dictionary))
        return _rebuilt(array, keep, None, np.ascontiguousarray(_kept(codes, keep)), children=children)
    offsets = _numbers(array.buffers()[2], "i4", array.offset, len(array)).copy()
    kept = np.ones(len(array), bool) if keep is None else keep
    for place, code in enumerate(array.type.type_codes):
        child, own = array.field(place), (codes == code) & kept
        used, visible = np.zeros((2, len(child)), bool)
        used[offsets[own]] = True
        visible[offsets[own & shown]] = True
        children.append(_compact(child, used, ~visible, dictionary))
        offsets[own] = (np.cumsum(used) - 1)[offsets[own]]
    parts = [np.ascontiguousarray(_kept(values, keep)) for values in (codes, offsets)]
    return _rebuilt(array, keep, None, *parts, children=children)


def _compact_runs(array: pa.Array, keep: Mask | None, hidden: Mask | None, dictionary: Any) -> pa.Array:
    first, count = array.find_physical_offset(), array.find_physical_length()
    ends = np.asarray(array.run_ends)[first : first + count].astype(np.int64) - array.offset
    ends = np.minimum(ends, len(array))
    begins = np.concatenate([[0], ends[:-1]])
    sizes = ends - begins if keep is None else np.add.reduceat(keep.astype(np.int64), begins)
    covered = None
    if hidden is not None:
        covered = ~np.logical_or.reduceat(~hidden if keep is None else keep & ~hidden, begins)
    values = _compact(array.values.slice(first, count), sizes > 0, covered, dictionary)
    run_ends = pa.array(np.cumsum(sizes[sizes > 0]), array.type.run_end_type)
    return pa.RunEndEncodedArray.from_arrays(run_ends, values, array.type)


_KINDS: tuple[tuple[Callable[[pa.DataType], bool], Callable[..., pa.Array]], ...] = (
    (lambda kind: pa.types.is_string_view(kind) or pa.types.is_binary_view(kind), _compact_view),
    (
        lambda kind: (
            pa.types.is_string(kind)
            or pa.types.is_large_string(kind)
            or pa.types.is_binary(kind)
            or pa.types.is_large_binary(kind)
        ),
        _compact_binary,
    ),
    (lambda kind: pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_map(kind), _compact_list),
    (lambda kind: pa.types.is_list_view(kind) or pa.types.is_large_list_view(kind), _compact_list_view),
    (pa.types.is_fixed_size_list, _compact_fixed_list),
    (pa.types.is_struct, _compact_struct),
    (pa.types.is_dictionary, _compact_dictionary),
    (pa.types.is_union, _compact_union),
    (pa.types.is_run_end_encoded, _compact_runs),
)
"""How arrays of a kind of type are compacted; all others have values of a fixed width."""
