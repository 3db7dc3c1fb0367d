"""The values of one column of pandas as an Arrow column and a few facts, and exactly the same values again.

Each kind of pandas' arrays has its own way there and back. Arrow's conversion of whole frames has no part in it: it
takes an object for the nearest thing that Arrow has, and NaN for a missing value.
"""

from __future__ import annotations

import datetime as dt
import decimal
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from bourn_formats.pyarrow.compact import compact_dictionaries
from bourn_formats.pyarrow.scalars import decode_zone, encode_zone
from bourn_formats.pyarrow.tokens import Part, Unsupported

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable

__all__ = ["decode_codes", "decode_column", "encode_codes", "encode_column", "objects_as_arrow"]

EXACT = frozenset({str, bytes, bool, int, float, dt.date})
"""Types of which Arrow gives back each value as it was."""


def objects_as_arrow(values: np.ndarray[Any, Any]) -> Any:
    """An Arrow column whose `to_pylist` is `values` again: of one type, or None; None if there is no such column."""
    listed = values.tolist()
    kinds = set(map(type, listed)) - {type(None)}
    if len(kinds) > 1 or not kinds <= {*EXACT, decimal.Decimal}:
        return None
    try:
        column = pa.array(listed, from_pandas=False)
    except (pa.ArrowException, OverflowError, UnicodeEncodeError):  # beyond 64 bits; with lone surrogates
        return None
    if decimal.Decimal in kinds and list(map(repr, column.to_pylist())) != list(map(repr, listed)):
        return None  # of several scales, or NaN
    return column


LARGEST_FLOAT = 8
"""Bytes; Arrow has no longer ones."""

_MASKED = re.compile(r"U?Int(8|16|32|64)|Float(32|64)|boolean")
_PERIOD = re.compile(r"period\[([A-Za-z0-9-]{1,40})\]")


def encode_column(values: Any, report: Counter[str]) -> tuple[dict[str, Any], Any]:
    """Facts as a tree, and the Arrow column that they go with; None where the facts hold the values.

    Parameters
    ----------
    values : array
        One of numpy's or pandas'.
    report : Counter
        What was changed, by kind.

    Raises
    ------
    ValueError
        With what it is that can't be written.
    """
    if isinstance(values, np.ndarray):
        return _numpy(values, report)
    kind = type(values.dtype).__name__
    if kind not in _ENCODERS or type(values.dtype).__module__.partition(".")[0] != "pandas":
        msg = f"values of dtype {values.dtype}" + (
            " (.sparse.to_dense() gives others)" if kind == "SparseDtype" else ""
        )
        raise Unsupported(msg)
    return _ENCODERS[kind](values, report)


def _numpy(values: np.ndarray[Any, Any], report: Counter[str]) -> tuple[dict[str, Any], Any]:
    dtype = values.dtype
    if dtype.kind == "O":
        column = objects_as_arrow(values)
        return ({"kind": "tree", "values": Part("", values)}, None) if column is None else ({"kind": "objects"}, column)
    if dtype.kind not in "biufmM" or (dtype.kind == "f" and dtype.itemsize > LARGEST_FLOAT):
        return {"kind": "tree", "values": Part("", values)}, None
    native = values if dtype.isnative else values.astype(dtype.newbyteorder("="))
    report["byte_order"] += not dtype.isnative
    return {"kind": "numpy", "dtype": native.dtype}, pa.array(native, from_pandas=dtype.kind in "mM")


def _masked(values: Any, _report: Counter[str]) -> tuple[dict[str, Any], Any]:
    # Its own parts: asked for a mask, it would call NaN missing, too.
    column = pa.array(values._data, mask=values._mask, from_pandas=False)  # noqa: SLF001
    return {"kind": "masked", "dtype": values.dtype.name}, column


def _string(values: Any, _report: Counter[str]) -> tuple[dict[str, Any], Any]:
    dtype = values.dtype
    try:
        column = pa.array(values)
    except UnicodeEncodeError as cause:
        msg = f"a text with lone surrogates in values of dtype {dtype} (dtype object holds it)"
        raise Unsupported(msg) from cause
    return {"kind": "string", "storage": dtype.storage, "nan": isinstance(dtype.na_value, float)}, column


def _category(values: Any, report: Counter[str]) -> tuple[dict[str, Any], Any]:
    facts, column = encode_codes(values.codes, values.categories, report)
    return {"kind": "category", "ordered": values.ordered, "of": facts}, column


def encode_codes(codes: Any, categories: Any, report: Counter[str]) -> tuple[dict[str, Any], Any]:
    """Facts and column of values that are given by their number, -1 for none, among `categories`, a pandas index."""
    codes = np.asarray(codes)
    numbers = pa.array(codes, mask=codes == -1)
    is_plain = type(categories).__name__ in {"Index", "DatetimeIndex", "TimedeltaIndex"} and categories.name is None
    if is_plain and getattr(categories, "freq", None) is None:
        facts, column = encode_column(_values(categories), report)
        if (
            column is not None
            and not pa.types.is_boolean(column.type)
            and facts["kind"] in {"numpy", "objects", "string"}
        ):
            whole = pa.concat_arrays(column.chunks) if isinstance(column, pa.ChunkedArray) else column
            return {"kind": "dictionary", "values": facts}, pa.DictionaryArray.from_arrays(numbers, whole)
    return {"kind": "codes", "categories": Part(".categories", categories)}, numbers


def decode_codes(facts: dict[str, Any], column: Any) -> tuple[np.ndarray[Any, Any], Any]:
    """(codes, categories) again."""
    import pandas as pd  # 0.5 s: only where a table was pandas'

    if facts["kind"] == "codes":
        categories, numbers = facts["categories"], column
    else:
        first, *others = _chunks(column)
        if any(not other.dictionary.equals(first.dictionary) for other in others):
            msg = "a column of categories has several sets of them"
            raise ValueError(msg)
        values = decode_column(facts["values"], first.dictionary)
        categories = pd.Index(values, dtype=values.dtype, tupleize_cols=False)
        numbers = pa.chunked_array([chunk.indices for chunk in (first, *others)])
    return np.asarray(numbers.fill_null(-1).to_numpy(), np.int64), categories


def _chunks(column: Any) -> list[Any]:
    return list(column.chunks) if hasattr(column, "chunks") else [column]


def _moments(values: Any, _report: Counter[str]) -> tuple[dict[str, Any], Any]:
    dtype = values.dtype
    zone = encode_zone(dtype.tz)
    utc = np.asarray(values, dtype=f"M8[{dtype.unit}]")
    # For other readers; of a zone without a name they get UTC.
    column = pa.array(utc, pa.timestamp(dtype.unit, zone if isinstance(zone, str) else "UTC"), from_pandas=True)
    return {"kind": "moments", "zone": zone}, column


def _period(values: Any, _report: Counter[str]) -> tuple[dict[str, Any], Any]:
    if not _PERIOD.fullmatch(values.dtype.name) or values.dtype != type(values.dtype)(values.dtype.name):
        msg = f"values of dtype {values.dtype}"
        raise Unsupported(msg)
    return {"kind": "period", "dtype": values.dtype.name}, pa.array(values)


def _interval(values: Any, _report: Counter[str]) -> tuple[dict[str, Any], Any]:
    left, right = Part(".left", values.left), Part(".right", values.right)
    return {"kind": "interval", "closed": values.closed, "left": left, "right": right}, None


def _arrow(values: Any, report: Counter[str]) -> tuple[dict[str, Any], Any]:
    table, dropped = compact_dictionaries(pa.table({"values": pa.array(values)}))
    if dropped:
        report["dictionary"] += dropped
    return {"kind": "arrow"}, table.column(0)


_ENCODERS: dict[str, Callable[[Any, Counter[str]], tuple[dict[str, Any], Any]]] = {
    **{f"{name}{bits}Dtype": _masked for name in ("Int", "UInt") for bits in (8, 16, 32, 64)},
    "Float32Dtype": _masked,
    "Float64Dtype": _masked,
    "BooleanDtype": _masked,
    "StringDtype": _string,
    "CategoricalDtype": _category,
    "DatetimeTZDtype": _moments,
    "PeriodDtype": _period,
    "IntervalDtype": _interval,
    "ArrowDtype": _arrow,
}
"""By the name of pandas' own class of dtype."""


def decode_column(facts: dict[str, Any], column: Any) -> Any:
    """The array again, one of numpy's or pandas', which may be read-only; `column` is Arrow's or a list of values."""
    return _DECODERS[facts["kind"]](facts, column)


def _decode_numpy(facts: dict[str, Any], column: Any) -> np.ndarray[Any, Any]:
    dtype = facts["dtype"]
    if not isinstance(dtype, np.dtype) or dtype.hasobject:
        msg = "no dtype of a column"
        raise TypeError(msg)
    if isinstance(column, list):
        return np.array(column, np.int64).view(dtype) if dtype.kind in "mM" else np.array(column, dtype)
    whole = column.combine_chunks() if hasattr(column, "chunks") else column
    values: np.ndarray[Any, Any] = whole.to_numpy(zero_copy_only=False)
    return values.astype(dtype, copy=False)


def _decode_objects(_facts: dict[str, Any], column: Any) -> np.ndarray[Any, Any]:
    listed = column if isinstance(column, list) else column.to_pylist()
    values = np.empty(len(listed), object)
    values[:] = listed
    return values


def _decode_tree(facts: dict[str, Any], _column: Any) -> np.ndarray[Any, Any]:
    values = facts["values"]
    if not isinstance(values, np.ndarray) or values.ndim != 1:
        msg = "no values of a column"
        raise TypeError(msg)
    return values


def _decode_masked(facts: dict[str, Any], column: Any) -> Any:
    import pandas as pd  # 0.5 s: only where a table was pandas'

    if not _MASKED.fullmatch(facts["dtype"]):
        msg = "no dtype of a column"
        raise ValueError(msg)
    mask = np.array(column.is_null(), bool)
    filled = np.array(column.fill_null(False if facts["dtype"] == "boolean" else 0))
    return pd.api.types.pandas_dtype(facts["dtype"]).construct_array_type()(filled, mask)


def _decode_string(facts: dict[str, Any], column: Any) -> Any:
    import pandas as pd  # 0.5 s: only where a table was pandas'

    dtype = pd.StringDtype(facts["storage"], na_value=np.nan if facts["nan"] else pd.NA)
    if isinstance(column, list):
        column = pa.chunked_array([pa.array(column, pa.large_string())])
    return dtype.__from_arrow__(column)


def _decode_category(facts: dict[str, Any], column: Any) -> Any:
    import pandas as pd  # 0.5 s: only where a table was pandas'

    codes, categories = decode_codes(facts["of"], column)
    return pd.Categorical.from_codes(codes, dtype=pd.CategoricalDtype(categories, ordered=facts["ordered"]))


def _decode_moments(facts: dict[str, Any], column: Any) -> Any:
    import pandas as pd  # 0.5 s: only where a table was pandas'

    unit, zone = column.type.unit, decode_zone(facts["zone"])
    whole = column.combine_chunks() if hasattr(column, "chunks") else column
    # Without its zone: pyarrow would look it up.
    utc = whole.cast(f"timestamp[{unit}]").to_numpy(zero_copy_only=False).astype(f"M8[{unit}]", copy=False)
    return pd.DatetimeIndex(utc).tz_localize("UTC").tz_convert(zone).array


def _decode_period(facts: dict[str, Any], column: Any) -> Any:
    import pandas as pd  # 0.5 s: only where a table was pandas'

    match = _PERIOD.fullmatch(facts["dtype"])
    if match is None:
        msg = "no dtype of a column"
        raise ValueError(msg)
    chunks = [getattr(chunk, "storage", chunk) for chunk in _chunks(column)]
    numbers = pa.chunked_array(chunks, pa.int64()).fill_null(pd.NaT._value).to_numpy()  # noqa: SLF001  # iNaT has no other name
    return pd.PeriodIndex.from_ordinals(numbers, freq=match[1]).array


def _decode_interval(facts: dict[str, Any], _column: Any) -> Any:
    import pandas as pd  # 0.5 s: only where a table was pandas'

    return pd.arrays.IntervalArray.from_arrays(facts["left"], facts["right"], facts["closed"])


def _decode_arrow(_facts: dict[str, Any], column: Any) -> Any:
    import pandas as pd  # 0.5 s: only where a table was pandas'

    return pd.arrays.ArrowExtensionArray(column)


_DECODERS: dict[str, Callable[[dict[str, Any], Any], Any]] = {
    "numpy": _decode_numpy,
    "objects": _decode_objects,
    "tree": _decode_tree,
    "masked": _decode_masked,
    "string": _decode_string,
    "category": _decode_category,
    "moments": _decode_moments,
    "period": _decode_period,
    "interval": _decode_interval,
    "arrow": _decode_arrow,
}


def _values(index: Any) -> Any:
    """The values of a pandas index, as `encode_column` takes them."""
    return index.to_numpy() if isinstance(index.dtype, np.dtype) else index.array
