"""A file written as pyarrow holds the visible values of Arrow arrays and nothing else, in every layout."""

import io
import random

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from bourn_formats.pyarrow import Options, PyArrow
from hypothesis import given, settings
from hypothesis import strategies as st

TEXT, BYTE = "hidden text of twenty", 0xA7
"""Written where no row has a value: they must not be found in a file."""

LEAVES = [
    pa.int64(), pa.float64(), pa.bool_(), pa.string(), pa.large_binary(), pa.string_view(), pa.binary_view(),
    pa.decimal128(30, 2), pa.timestamp("ns", "UTC"), pa.null(), pa.binary(9), pa.month_day_nano_interval(), pa.uuid(),
]  # fmt: skip


def any_type(rng, levels):
    """A type of Arrow that is nested in up to `levels` others."""
    if not levels or not rng.randrange(5):
        return rng.choice(LEAVES)
    inner, other = any_type(rng, levels - 1), any_type(rng, levels - 1)
    if "run_end" in str(inner):  # pyarrow's to_pylist crashes on views of them
        return pa.list_(inner)
    return rng.choice([
        pa.list_(inner), pa.large_list(inner), pa.list_view(inner), pa.large_list_view(inner), pa.list_(inner, 2),
        pa.struct([("a", inner), ("b", other)]), pa.map_(pa.string(), inner), pa.dictionary(pa.int8(), pa.string()),
        pa.sparse_union([pa.field("a", inner), pa.field("b", other)]),
        pa.dense_union([pa.field("a", inner), pa.field("b", other)]),
        pa.run_end_encoded(pa.int32(), rng.choice(LEAVES[:-1])),
    ])  # fmt: skip


def bits(mask):
    return pa.py_buffer(np.packbits(mask, bitorder="little"))


def build(rng, kind, wanted):
    """An array as long as `wanted`, a slice of a longer one, with marks wherever a value is not wanted or null."""
    before, after = rng.randrange(3), rng.randrange(3)
    shown = np.concatenate([np.zeros(before, bool), wanted, np.zeros(after, bool)])
    if pa.types.is_run_end_encoded(kind):
        return runs(rng, kind, wanted)
    make = union if pa.types.is_union(kind) else dictionary if pa.types.is_dictionary(kind) else None
    if make is None:
        make = nested if kind.num_fields else leaf
    return make(rng, kind, shown)[before : before + len(wanted)]


def leaf(rng, kind, shown):
    count = len(shown)
    valid = np.array([rng.random() < 0.7 for _ in range(count)], bool)
    if pa.types.is_null(kind):
        return pa.nulls(count)
    if isinstance(kind, pa.BaseExtensionType):
        return pa.ExtensionArray.from_storage(kind, leaf(rng, kind.storage_type, shown))
    visible = shown & valid
    if pa.types.is_boolean(kind):
        return pa.Array.from_buffers(kind, count, [bits(valid), bits(visible)])
    if kind.num_buffers > 2 or "view" in str(kind):
        some = ["", "a", "visible text of twenty-two"]
        values = [(rng.choice(some) if each else TEXT).encode() for each in visible]
        plain = pa.binary_view() if "view" in str(kind) else pa.large_binary() if "large" in str(kind) else pa.binary()
        return pa.Array.from_buffers(kind, count, [bits(valid), *pa.array(values, plain).buffers()[1:]])
    size = kind.bit_width // 8
    mark = (bytes([BYTE]) * 8).ljust(size, b"\0")[:size]
    data = b"".join(bytes([rng.randrange(99)]) + bytes(size - 1) if each else mark for each in visible)
    return pa.Array.from_buffers(kind, count, [bits(valid), pa.py_buffer(data)])


def dictionary(rng, kind, shown):
    valid = np.array([rng.random() < 0.7 for _ in shown], bool)
    numbers = np.array([rng.randrange(4) for _ in shown], "i1")
    used = np.zeros(4, bool)
    used[numbers[shown & valid]] = True
    values = pa.array([f"visible {place}" if used[place] else TEXT for place in range(4)])
    indices = pa.Array.from_buffers(pa.int8(), len(shown), [bits(valid), pa.py_buffer(numbers)])
    return pa.DictionaryArray.from_arrays(indices, values)


def union(rng, kind, shown):
    count = len(shown)
    codes = np.array([rng.randrange(2) for _ in shown], "i1")
    if kind.mode == "sparse":
        children = [build(rng, kind.field(code).type, shown & (codes == code)) for code in range(2)]
        return pa.Array.from_buffers(kind, count, [None, pa.py_buffer(codes)], children=children)
    offsets = np.array(sorted(rng.randrange(count) for _ in shown), "i4")
    wanted = np.zeros((2, count), bool)
    for code in range(2):
        wanted[code, offsets[shown & (codes == code)]] = True
    children = [build(rng, kind.field(code).type, wanted[code]) for code in range(2)]
    return pa.Array.from_buffers(kind, count, [None, pa.py_buffer(codes), pa.py_buffer(offsets)], children=children)


def runs(rng, kind, wanted):
    count = len(wanted)
    ends = sorted({*(rng.randrange(1, count + 1) for _ in range(2)), count}) if count else []
    begins = [0, *ends[:-1]]
    values = build(
        rng, kind.value_type, np.array([wanted[a:b].any() for a, b in zip(begins, ends, strict=False)], bool)
    )
    more = rng.randrange(3) if count else 0
    array = pa.RunEndEncodedArray.from_arrays(pa.array([end + more for end in ends], pa.int32()), values, kind)
    return array[more:]


def nested(rng, kind, shown):
    count = len(shown)
    valid = np.array([rng.random() < 0.7 for _ in range(count)], bool)
    visible = shown & valid
    if pa.types.is_struct(kind):
        children = [build(rng, field.type, visible) for field in kind]
        return pa.Array.from_buffers(kind, count, [bits(valid)], children=children)
    if pa.types.is_fixed_size_list(kind):
        return pa.Array.from_buffers(
            kind, count, [bits(valid)], children=[build(rng, kind.value_type, np.repeat(visible, 2))]
        )
    dtype = "i8" if "large" in str(kind).partition("<")[0] else "i4"
    if "view" in str(kind).partition("<")[0]:
        offsets = np.array([rng.randrange(count + 2) for _ in range(count)], dtype)
        sizes = np.array([rng.randrange(count + 3 - offset) for offset in offsets], dtype)
        wanted = np.zeros(count + 3, bool)
        for offset, size in zip(offsets[visible], sizes[visible], strict=True):
            wanted[offset : offset + size] = True
        buffers = [bits(valid), pa.py_buffer(offsets), pa.py_buffer(sizes)]
        return pa.Array.from_buffers(kind, count, buffers, children=[build(rng, kind.value_type, wanted)])
    sizes = np.array([rng.randrange(3) for _ in range(count)], int)
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(dtype)
    wanted = np.repeat(visible, sizes)
    if pa.types.is_map(kind):
        keys = pa.array([f"key {place}" if each else TEXT for place, each in enumerate(wanted)], pa.string())
        items = build(rng, kind.item_type, wanted)
        child = pa.StructArray.from_arrays([keys, items], fields=[kind.key_field, kind.item_field])
    else:
        child = build(rng, kind.value_type, wanted)
    return pa.Array.from_buffers(kind, count, [bits(valid), pa.py_buffer(offsets)], children=[child])


def encoded(obj, compression="none"):
    sink = io.BytesIO()
    PyArrow().encode(obj, Options(compression=compression), sink)
    return sink.getvalue()


def decoded(data):
    return PyArrow().decode(io.BytesIO(data), Options())


@given(st.integers(0, 2**32), st.integers(0, 9), st.integers(0, 9))
@settings(max_examples=150, deadline=None)
def test_arrays_of_every_layout_hold_no_hidden_bytes(seed, first, second):
    """Three levels deep, sliced at each, with nulls and in chunks; as the result, and within a list."""
    rng = random.Random(seed)
    kind = any_type(rng, 3)
    chunks = [build(rng, kind, np.ones(count, bool)) for count in (first, second)]
    for chunk in chunks:
        chunk.validate(full=True)
    table = pa.Table.from_arrays([pa.chunked_array(chunks, kind)], names=["x"])
    for obj, read in ((table, decoded), ([table], lambda data: decoded(data)[0])):
        data = encoded(obj)
        assert TEXT.encode() not in data
        assert bytes([BYTE]) * 8 not in data
        back = read(data)
        back.validate(full=True)
        assert back.schema.equals(table.schema)
        assert back.to_pylist() == table.to_pylist()


def test_values_under_a_mask_are_not_written():
    mark = np.frombuffer(bytes([BYTE]) * 8, np.int64)[0]
    masked = np.ma.array([1, mark], mask=[False, True])
    nullable = pd.Series([1, mark], dtype="Int64").mask(pd.Series([False, True]))
    fortran = np.ma.array(np.full((300, 200), mark).T, mask=True)
    for obj in (masked, [masked], nullable, pd.DataFrame({"a": nullable}), fortran, np.ma.array([TEXT], mask=True)):
        data = encoded(obj)
        assert bytes([BYTE]) * 8 not in data
        assert TEXT.encode("utf-32-le") not in data
    back = decoded(encoded(masked))
    assert (back.tolist(), back.data.tolist()) == ([1, None], [1, 0])


def feather(table):
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
        writer.write_table(table)
    return len(sink.getvalue())


@pytest.mark.parametrize("kind", [pa.string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())])
def test_a_file_is_as_small_as_arrows_own(kind):
    table = pa.table({"s": pa.array([f"{number:032d}" for number in range(50_000)]).cast(kind)})
    assert len(encoded(table, "lz4")) <= 1.1 * feather(table) + 2_000
    assert len(encoded(table.slice(7, 1), "lz4")) < 2_000


def test_the_first_rows_of_a_polars_table_carry_no_others():
    frame = pl.DataFrame({"s": [f"{number:040d}" for number in range(20_000)]})
    assert len(encoded(frame.head(1))) < 2_000
    assert len(encoded(frame.with_columns(pl.col("s").cast(pl.Categorical)).head(1))) < 2_000


def test_dictionaries_keep_the_values_that_rows_have_and_count_the_rest():
    column = pa.array(["a", "b", "c", None]).dictionary_encode()
    sink = io.BytesIO()
    assert PyArrow().encode(pa.table({"d": column})[1:2], Options(), sink) == {"dictionary": 2}
    assert decoded(sink.getvalue())["d"].to_pylist() == ["b"]
    ordered = pa.DictionaryArray.from_arrays(column.indices, column.dictionary, ordered=True)[:1]
    assert decoded(encoded(ordered)).equals(ordered)
    categories = pd.Series(["a", "b"], dtype="category")[:1]
    pd.testing.assert_series_equal(decoded(encoded(categories)), categories)
