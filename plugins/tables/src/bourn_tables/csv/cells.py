"""Columns in the form that a cell of CSV has, with a count of the values that changed."""

from __future__ import annotations

import base64
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
from bourn.plugin import EncodeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from bourn_tables.csv.options import Options
    from bourn_tables.rows import Rows

__all__ = ["Cells"]

UNITS = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}


class Cells:
    """Converts batches to types that pyarrow writes as CSV.

    Parameters
    ----------
    rows : Rows
        Whose schema and geometries decide what is done with a column.
    options : Options
    """

    def __init__(self, rows: Rows, options: Options) -> None:
        self._counts: dict[str, Counter[str]] = {}
        self._units: dict[str, str] = {}
        self._geometries = rows.geometries
        self._has_metadata = bool(set(rows.schema.metadata or ()) - {b"pandas"})
        self._converters = [self._converter(field, options) for field in rows.schema]
        if len(self._converters) == 1:
            # An empty line is skipped by readers; an empty text in quotes is none.
            self._converters = [_quoted(self._converters[0])]
        empty = [convert(pa.array([], field.type)) for convert, field in self._each(rows.schema)]
        self.schema = pa.schema([(name, cells.type) for name, cells in zip(rows.schema.names, empty, strict=True)])

    def convert(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the batch as cells."""
        columns = [convert(batch.column(index)) for index, convert in enumerate(self._converters)]
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)

    def report(self) -> dict[str, Any]:
        """Return counts by kind and column, units of durations, and CRSs of geometries."""
        report: dict[str, Any] = {kind: dict(counts) for kind, counts in self._counts.items()}
        if self._units:
            report["units"] = dict(self._units)
        if self._geometries:
            report["crs"] = {name: found.crs_name for name, found in self._geometries.items()}
        if self._has_metadata:
            report["metadata"] = True
        return report

    def _each(self, schema: pa.Schema) -> zip[tuple[Callable[[Any], Any], pa.Field]]:
        return zip(self._converters, schema, strict=True)

    def _converter(self, field: pa.Field, options: Options) -> Callable[[Any], Any]:
        """Return what makes cells of a column."""
        name, dtype = field.name, field.type
        if (unwrap := _unwrapping(dtype)) is not None:
            stored, unwrapped = unwrap
            inner = self._converter(pa.field(name, stored), options)
            return lambda column: inner(unwrapped(column))
        if pa.types.is_duration(dtype):
            self._units[name] = UNITS[dtype.unit]
        kind, convert = ("geometry", _wkt) if name in self._geometries else _lossy(dtype, name)
        return _lossless(dtype, options) if convert is None else self._counting(kind, name, convert)

    def _counting(self, kind: str, name: str, convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def counted(column: Any) -> Any:
            if count := len(column) - column.null_count:
                self._counts.setdefault(kind, Counter())[name] += count
            return convert(column)

        return counted


def _unwrapping(dtype: Any) -> tuple[Any, Callable[[Any], Any]] | None:
    """Return the type of the values of an encoded or extension type, and what gives them."""
    if isinstance(dtype, pa.BaseExtensionType):
        return dtype.storage_type, lambda column: column.storage
    if pa.types.is_dictionary(dtype):
        return dtype.value_type, lambda column: column.dictionary_decode()
    if pa.types.is_run_end_encoded(dtype):
        return dtype.value_type, pa.compute.run_end_decode
    return None


def _lossy(dtype: Any, name: str) -> tuple[str, Callable[[Any], Any] | None]:
    """Return under what name changed values are counted, and what changes them; None for types that a cell can hold."""
    if pa.types.is_nested(dtype):
        return "nested", lambda column: _json(column, name)
    if str(dtype).startswith(("binary", "large_binary", "fixed_size_binary")):
        return "binary", _hexadecimal
    if pa.types.is_duration(dtype):
        return "duration", lambda column: column.cast(pa.int64())
    return "", None


def _lossless(dtype: Any, options: Options) -> Callable[[Any], Any]:
    types = pa.types
    if types.is_string_view(dtype):
        return lambda column: column.cast(pa.string())
    if options.dates != "iso" and types.is_temporal(dtype):
        return lambda column: pa.compute.strftime(_as_timestamp(column), format=options.dates)
    if options.decimal != "." and (types.is_floating(dtype) or types.is_decimal(dtype)):
        return lambda column: pa.compute.replace_substring(column.cast(pa.string()), ".", options.decimal)
    return lambda column: column


def _quoted(convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda column: pa.compute.fill_null(convert(column).cast(pa.string()), "")


def _as_timestamp(column: Any) -> Any:
    if not pa.types.is_time(column.type):
        return column
    whole = column.cast(pa.time64("us"), safe=False)  # strftime has no times of day
    return whole.cast(pa.int64()).cast(pa.timestamp("us"))


def _hexadecimal(column: Any) -> Any:
    return pa.array(
        [None if each is None else base64.b16encode(each).decode() for each in column.to_pylist()], pa.string()
    )


def _wkt(column: Any) -> Any:
    import shapely  # 0.1 s

    shapes = shapely.from_wkb(np.asarray(column.to_numpy(zero_copy_only=False), dtype=object))
    return pa.array(shapely.to_wkt(shapes, rounding_precision=-1), pa.string())


def _json(column: Any, name: str) -> Any:
    try:
        texts = [
            None if each is None else json.dumps(each, default=_plain, ensure_ascii=False)
            for each in column.to_pylist()
        ]
    except (TypeError, ValueError) as error:
        raise EncodeError(f"result[{name!r}]: {error}") from error
    return pa.array(texts, pa.string())


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b16encode(value).decode()
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return str(value)
