"""Tables of pyarrow and pandas as records: columns as vectors where that is possible, else as Python values.

Values are taken as they are. Arrow's own conversion of a pandas object makes NaN in a list a missing value, and that of
short floats writes out digits that they do not have.
"""

from __future__ import annotations

import datetime as dt
import decimal
import math
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from bourn_formats.foreign import without_attrs
from bourn_formats.visitor.output import Column, Records, Refusal
from bourn_formats.wording import key_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bourn_formats.visitor.output import Counting

__all__ = [
    "Column",
    "Records",
    "array_records",
    "batch_records",
    "extension_records",
    "frame_records",
    "series_records",
    "table_records",
]


def table_records(table: Any, out: Counting) -> Records:
    """The rows of a pyarrow table; its metadata are left out."""
    names = table.schema.names
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        msg = f"a table with two columns of the name {twice[0]!r}"
        raise Refusal(msg, hint=" (use rename_columns())")
    found = [table.schema.metadata or {}, *(table.schema.field(place).metadata or {} for place in range(len(names)))]
    out.count("metadata", sum(key != b"pandas" and not key.startswith(b"ARROW:") for each in found for key in each))
    out.count("columns", 0 if table.num_rows else len(names))
    columns = [_arrow_column(name, column) for name, column in zip(names, table.columns, strict=True)]
    return Records(names=names, columns=columns, rows=table.num_rows)


def batch_records(batch: Any, out: Counting) -> Records:
    """The rows of a record batch."""
    return table_records(sys.modules["pyarrow"].Table.from_batches([batch]), out)


def array_records(array: Any, _out: Counting) -> Records:
    """The values of a pyarrow array, or of a chunked one."""
    return Records(names=None, columns=[_arrow_column(None, array)], rows=len(array))


def frame_records(frame: Any, out: Counting) -> Records:
    """The rows of a DataFrame; the labels of its rows, its attrs and the names of its axes are left out."""
    labels = list(frame.columns)
    names = [label if isinstance(label, str) else _label_text(label) for label in labels]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        msg = f"a DataFrame with two columns of the name {twice[0]!r}"
        raise Refusal(msg, hint=" (set .columns to names that differ)")
    out.count("labels", sum(not isinstance(label, str) for label in labels))
    out.count("attrs", len(frame.attrs))
    out.count("name", sum(name is not None for name in frame.columns.names))
    out.count("columns", 0 if len(frame) else len(names))
    _count_index(frame.index, out)
    frame = without_attrs(frame)
    columns = [_pandas_column(name, frame.iloc[:, place]) for place, name in enumerate(names)]
    return Records(names=names, columns=columns, rows=len(frame))


def series_records(series: Any, out: Counting) -> Records:
    """The values of a Series or an Index; the labels, the attrs and the name are left out."""
    index = getattr(series, "index", None)
    if index is not None:
        _count_index(index, out)
        out.count("attrs", len(series.attrs))
    else:
        series = series.to_series()
    out.count("name", series.name is not None)
    return Records(names=None, columns=[_pandas_column(None, series)], rows=len(series))


def extension_records(array: Any, _out: Counting) -> Records:
    """The values of one of pandas' extension arrays."""
    return Records(
        names=None, columns=[_pandas_column(None, sys.modules["pandas"].Series(array, copy=False))], rows=len(array)
    )


def _label_text(label: Any) -> str:
    if isinstance(label, tuple):
        return str(tuple(item.item() if hasattr(item, "item") else item for item in label))
    return str(label)


def _count_index(index: Any, out: Counting) -> None:
    numbered = type(index).__name__ == "RangeIndex" and index.start == 0 and index.step == 1
    out.count("index", 0 if numbered else len(index))
    out.count("name", sum(name is not None for name in index.names))


def _arrow_column(name: str | None, column: Any, missing: str = "") -> Column:
    step = "" if name is None else key_path(name, 0)
    if _has_interval(column.type):
        msg = f"a column of type {column.type}"
        hint = " (months have no fixed length: cast it to a duration, or to a text where it is made)"
        raise Refusal(msg, step, hint, of_all=name is None)
    values = partial(_arrow_values, column, missing, step)
    return Column(name=name, values=values, vector=partial(_arrow_vector, column), missing=missing)


def _decoded(piece: Any) -> Any:
    """The values of a dictionary array; pyarrow has no way to take from views, which polars has in its dictionaries."""
    pa = sys.modules["pyarrow"]
    dictionary = piece.dictionary
    if pa.types.is_string_view(dictionary.type):
        dictionary = dictionary.cast(pa.large_string())
    return dictionary.take(piece.indices)


def _has_interval(kind: Any) -> bool:
    types = sys.modules["pyarrow"].types
    return types.is_interval(kind) or any(map(_has_interval, _inner_types(kind, types)))


def _arrow_vector(column: Any, start: int, stop: int) -> Any:
    """Rows of an Arrow column as texts, or as numbers or moments with a mask; None if it holds neither."""
    pa = sys.modules["pyarrow"]
    types = pa.types
    kind = column.type
    text = kind.value_type if types.is_dictionary(kind) else kind
    piece = column.slice(start, stop - start)
    if hasattr(piece, "combine_chunks"):
        piece = piece.combine_chunks()
        if hasattr(piece, "combine_chunks"):  # a chunked array again, as older versions gave it
            piece = pa.concat_arrays(piece.chunks) if piece.num_chunks else pa.array([], kind)
    if types.is_string(text) or types.is_large_string(text) or types.is_string_view(text):
        return (_decoded(piece) if text is not kind else piece).cast(pa.large_string())
    moment = types.is_timestamp(kind) and kind.tz is None
    if not (moment or types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)):
        return None
    missing = piece.is_null().to_numpy(zero_copy_only=False) if piece.null_count else None
    if missing is not None:
        filling = pa.scalar(0, pa.int64()).cast(kind) if not types.is_boolean(kind) else pa.scalar(value=False)
        piece = piece.fill_null(filling)
    return piece.to_numpy(zero_copy_only=False), missing


def _arrow_values(column: Any, missing: str, step: str, start: int, stop: int, out: Counting) -> Iterator[Any]:
    pa = sys.modules["pyarrow"]
    types, kind = pa.types, column.type
    piece = column.slice(start, stop - start)
    if missing:
        out.count(missing, piece.null_count, f"[{start}]{step}")
    if getattr(kind, "extension_name", "") in {"pandas.period", "pandas.interval"}:
        yield from _pandas_extension(piece, step)
        return
    convert = _listed
    if isinstance(kind, pa.BaseExtensionType) and not isinstance(kind, getattr(pa, "UuidType", ())):
        out.count("extension", len(piece), f"[{start}]{step}")
        piece = _storage(piece)
        kind = piece.type
    if _has_nested(kind, types):
        convert = partial(_nested, out, f"[{start}]{step}")
    elif types.is_float16(kind) or types.is_float32(kind):
        convert = _short_floats
    elif types.is_time64(kind) and kind.unit == "ns":
        convert = partial(_times, out)
    elif types.is_decimal(kind):
        convert = partial(_decimals, out, f"[{start}]{step}")
    try:
        values = convert(piece)
    except (
        ArithmeticError,
        ValueError,
        ImportError,
        NotImplementedError,
    ) as cause:  # the year 9999999, an unknown zone
        msg = f"a column of type {kind} with a value that Python does not have"
        raise Refusal(msg, step, of_all=True) from cause
    yield from values


def _storage(piece: Any) -> Any:
    if hasattr(piece, "storage"):
        return piece.storage
    pa = sys.modules["pyarrow"]
    return pa.chunked_array([chunk.storage for chunk in piece.chunks], piece.type.storage_type)


def _pandas_extension(piece: Any, step: str) -> Iterator[Any]:
    try:
        import pandas as pd  # whose type this is
    except ImportError as cause:
        msg = f"a column of type {piece.type}, which needs pandas,"
        raise Refusal(msg, step, of_all=True) from cause
    for value in piece.to_pandas():
        yield None if value is pd.NaT or value is None or value != value else value  # noqa: PLR0124  # NaN


def _has_nested(kind: Any, types: Any) -> bool:
    """Whether values of a nested type have parts that `to_pylist` would change."""
    inner = _inner_types(kind, types)
    return bool(inner) and any(
        types.is_float16(each) or types.is_float32(each) or types.is_decimal(each)
        or (types.is_time64(each) and each.unit == "ns") or _has_nested(each, types)
        for each in inner
    )  # fmt: skip


def _inner_types(kind: Any, types: Any) -> list[Any]:
    if types.is_map(kind):
        return [kind.key_type, kind.item_type]
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return [kind.value_type]
    if types.is_struct(kind):
        return [kind.field(place).type for place in range(kind.num_fields)]
    if types.is_dictionary(kind):
        return [kind.value_type]
    return []


def _nested(out: Counting, step: str, piece: Any) -> list[Any]:
    """Values of a nested type, each part as in a column of its own."""
    pa = sys.modules["pyarrow"]
    if hasattr(piece, "chunks"):
        return [value for chunk in piece.chunks for value in _nested(out, step, chunk)]
    types, kind = pa.types, piece.type
    missing = piece.is_null().to_pylist()
    if types.is_dictionary(kind):
        return _nested(out, step, _decoded(piece))
    if types.is_struct(kind):
        names = [kind.field(place).name for place in range(kind.num_fields)]
        fields = piece.flatten()
        columns = [_parts(out, step + key_path(name, 0), field) for name, field in zip(names, fields, strict=True)]
        rows = zip(*columns, strict=True) if columns else iter([()] * len(piece))
        return [
            None if none else dict(zip(names, row, strict=True)) for row, none in zip(rows, missing, strict=True)
        ]  # fmt: skip
    if types.is_fixed_size_list(kind):
        size = kind.list_size
        flat = _parts(out, step, piece.values.slice(piece.offset * size, len(piece) * size))  # noqa: PD011  # Arrow's
        offsets = [place * size for place in range(len(piece) + 1)]
    else:
        offsets = piece.offsets.to_pylist()
        if types.is_map(kind):
            entries = zip(_parts(out, step, piece.keys), _parts(out, step, piece.items), strict=True)
            # Keys and items are those of the whole array that this one may be a slice of, or of the slice.
            flat = list(entries)
            flat = flat if len(flat) == offsets[-1] - offsets[0] else flat[offsets[0] :]
        else:
            flat = _parts(out, step, piece.values.slice(offsets[0], offsets[-1] - offsets[0]))  # noqa: PD011  # Arrow's
    return [
        None if none else flat[begin - offsets[0] : end - offsets[0]]
        for begin, end, none in zip(offsets[:-1], offsets[1:], missing, strict=True)
    ]


def _parts(out: Counting, step: str, piece: Any) -> list[Any]:
    return list(_arrow_values(piece, "", step, 0, len(piece), out))


def _listed(piece: Any) -> list[Any]:
    values: list[Any] = piece.to_pylist()
    return values


def _short_floats(piece: Any) -> list[Any]:
    # As numpy's, whose digits are those that a float32 has.
    missing = piece.is_null().to_pylist()
    values = piece.fill_null(math.nan).to_numpy(zero_copy_only=False)
    return [None if none else value for value, none in zip(values, missing, strict=True)]


def _decimals(out: Counting, step: str, piece: Any) -> list[Any]:
    """Decimals as texts, whose digits no reader changes."""
    out.count("decimal", len(piece) - piece.null_count, step)
    return [None if value is None else format(value, "f") for value in piece.to_pylist()]


def _times(out: Counting, piece: Any) -> list[Any]:
    """Times of day; as a text where Python's, which knows microseconds, would lose something."""
    times = [None if since is None else _time(since) for since in piece.cast("int64").to_pylist()]
    out.count("datetime", sum(isinstance(time, str) for time in times))
    return times


def _time(nanoseconds: int) -> Any:
    seconds, parts = divmod(nanoseconds, 10**9)
    whole = dt.time(seconds // 3600, seconds // 60 % 60, seconds % 60, parts // 1000)
    return whole if not parts % 1000 else f"{whole.isoformat('seconds')}.{parts:09}"


def _pandas_column(name: str | None, series: Any) -> Column:
    dtype = series.dtype
    kind = getattr(dtype, "kind", "O")
    library = type(dtype).__name__
    if library == "ArrowDtype":
        import pyarrow as pa  # loaded already: this column is its own

        return _arrow_column(name, pa.array(series.array), "missing")
    step = "" if name is None else key_path(name, 0)
    values = partial(pandas_values, series, step)
    plain = library not in {"CategoricalDtype", "SparseDtype", "PeriodDtype", "IntervalDtype"}
    masked = hasattr(dtype, "na_value") and plain and hasattr(dtype, "numpy_dtype")
    vector: Callable[[int, int], Any] = _no_vector
    if library == "StringDtype":
        vector = partial(_text_vector, series)
    elif masked and kind in "biuf":
        vector = partial(_masked_vector, series)
    elif plain and (kind in "biuf" or (kind == "M" and getattr(dtype, "tz", None) is None)):
        vector = partial(_numpy_vector, series.to_numpy())
    return Column(name=name, values=values, vector=vector, missing="missing")


def _no_vector(_start: int, _stop: int) -> None:
    """The column holds objects."""


def _numpy_vector(values: Any, start: int, stop: int) -> Any:
    piece = values[start:stop]
    if piece.dtype.kind != "M":
        return None if piece.dtype.itemsize > 8 else (piece, None)  # noqa: PLR2004  # bytes of a float64
    missing = sys.modules["numpy"].isnat(piece)
    return piece, missing if missing.any() else None


def _masked_vector(series: Any, start: int, stop: int) -> Any:
    piece = series.array[start:stop]
    missing = piece.isna()
    return piece.to_numpy(piece.dtype.numpy_dtype, na_value=0), missing if missing.any() else None


def _text_vector(series: Any, start: int, stop: int) -> Any:
    import pyarrow as pa  # 0.2 s: only for a table

    return pa.array(series.array[start:stop], pa.large_string())


def pandas_values(series: Any, step: str, start: int, stop: int, out: Counting) -> Iterator[Any]:
    """Rows of a Series as Python objects; what is missing in it as None, counted."""
    piece = series.array[start:stop]  # no Series, whose attrs pandas would copy
    dtype = series.dtype
    library = type(dtype).__name__
    kind = getattr(dtype, "kind", "O")
    if library not in {"CategoricalDtype", "SparseDtype"} and kind in "bfciu" and not hasattr(dtype, "na_value"):
        yield from piece.to_numpy()
        return
    pandas = sys.modules["pandas"]
    # Text that is missing is NaN in some of them, a number that is not is NaN.
    text = library in {"StringDtype", "CategoricalDtype"}
    decimals = kind == "O" and any(type(value) is decimal.Decimal for value in piece)
    try:
        for value in piece:
            if value is None or value is pandas.NA or value is pandas.NaT or (text and value != value):  # noqa: PLR0124  # NaN
                out.count("missing", 1, f"[{start}]{step}")
                yield None
            elif decimals and type(value) is decimal.Decimal:
                out.count("decimal", 1, f"[{start}]{step}")
                yield str(value)
            else:
                yield value
    except (ArithmeticError, ValueError, NotImplementedError) as cause:  # a zone's rules end before such a year
        msg = f"a column of dtype {dtype} with a value that Python does not have"
        raise Refusal(msg, step, of_all=True) from cause
