"""Tables and features of any library as a stream of Arrow record batches."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import attrs
import pyarrow as pa
from bourn.plugin import EncodeError

from bourn_tables.geometry import Geometries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["Rows", "check_names", "rows_of", "tables_of"]

GROUP_BYTES = 32 << 20
"""Size in memory at which a group of rows ends, however few rows it has."""


@attrs.frozen(kw_only=True)
class Rows:
    """A result as record batches.

    Attributes
    ----------
    schema : pyarrow.Schema
    batches : iterator of pyarrow.RecordBatch
    geometries : mapping of str to Geometries
        Columns of WKB; the first is the main one.
    report : mapping
    """

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]
    geometries: dict[str, Geometries] = attrs.field(factory=dict)
    report: dict[str, Any] = attrs.field(factory=dict)


def rows_of(result: Any, rows_per_batch: int) -> Rows:
    """Return the rows of a result, at most `rows_per_batch` in each batch.

    Raises
    ------
    EncodeError
        Arrow can't hold a part of the result.
    """
    geopandas, pandas = sys.modules.get("geopandas"), sys.modules.get("pandas")
    try:
        if _is_dask_frame(result):
            return _rows_of_dask(result, rows_per_batch)
        if geopandas is not None and isinstance(result, geopandas.GeoDataFrame | geopandas.GeoSeries):
            return _rows_of_geopandas(result, rows_per_batch)
        if pandas is not None and isinstance(result, pandas.DataFrame | pandas.Series):
            return _rows_of_pandas(result, rows_per_batch)
        if isinstance(result, pa.RecordBatch):
            result = pa.Table.from_batches([result])
        if isinstance(result, pa.Table):
            rows = _rows_within_limit(rows_per_batch, result.nbytes, result.num_rows)
            return Rows(schema=result.schema, batches=iter(result.to_batches(max_chunksize=rows)))
        if hasattr(type(result), "__arrow_c_stream__"):
            reader = pa.RecordBatchReader.from_stream(result)
            return Rows(schema=reader.schema, batches=_split(reader, rows_per_batch))
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise EncodeError(f"result: {str(error).splitlines()[0]}") from error
    from bourn_tables.features import rows_of_features  # shapely: 0.1 s

    return rows_of_features(result, rows_per_batch)


def check_names(schema: pa.Schema) -> None:
    """Raise EncodeError where two columns have one name."""
    repeated = [name for name, times in Counter(schema.names).items() if times > 1]
    if repeated:
        listed = ", ".join(map(repr, repeated))
        raise EncodeError(f"result: names of columns that occur more than once: {listed}; rename the columns")


def tables_of(batches: Iterable[pa.RecordBatch], schema: pa.Schema, rows_per_table: int) -> Iterator[pa.Table]:
    """Join and split batches into tables of `rows_per_table` rows, fewer where these are large; no copies."""
    waiting: list[pa.RecordBatch] = []
    rows = size_bytes = 0
    for batch in batches:
        start = 0
        while start < batch.num_rows:
            part = batch.slice(start, rows_per_table - rows)
            waiting.append(part)
            start, rows, size_bytes = start + part.num_rows, rows + part.num_rows, size_bytes + part.nbytes
            if rows == rows_per_table or size_bytes >= GROUP_BYTES:
                yield pa.Table.from_batches(waiting, schema)
                waiting, rows, size_bytes = [], 0, 0
    if waiting:
        yield pa.Table.from_batches(waiting, schema)


def _rows_within_limit(rows: int, size_bytes: int, rows_of_all: int) -> int:
    return max(1, min(rows, GROUP_BYTES * rows_of_all // max(1, size_bytes)))


def _split(batches: Any, rows: int) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for start in range(0, batch.num_rows, rows):
            yield batch.slice(start, rows)


def _is_dask_frame(result: Any) -> bool:
    module = sys.modules.get("dask.dataframe")
    return module is not None and isinstance(result, module.DataFrame | module.Series)


def _rows_of_dask(result: Any, rows_per_batch: int) -> Rows:
    """Return the rows of a dask DataFrame, computed one partition at a time.

    The types are those of the first partition; an object column whose first partition is empty or all missing is text.
    """
    count = result.npartitions
    first = _as_frame(result.partitions[0].compute())
    inferred = pa.Schema.from_pandas(first)
    fields = [field.with_type(pa.string()) if pa.types.is_null(field.type) else field for field in inferred]
    # The index of each partition begins anew, so that of all is not a range: it is written where it has a name.
    keep_index = any(name is not None for name in first.index.names)
    if not keep_index:
        fields = [field for field in fields if field.name in set(map(str, first.columns))]
    schema = pa.schema(fields, inferred.metadata if keep_index else None)

    def batches() -> Iterator[pa.RecordBatch]:
        for number in range(count):
            frame = first if number == 0 else _as_frame(result.partitions[number].compute())
            try:
                batch = pa.RecordBatch.from_pandas(frame, schema=schema, preserve_index=keep_index)
            except (pa.ArrowException, KeyError, TypeError, ValueError) as error:
                reason = str(error).splitlines()[0]
                raise EncodeError(
                    f"result.partitions[{number}]: {reason}; the first partition has other types"
                ) from error
            yield from _split([batch.replace_schema_metadata(schema.metadata)], rows_per_batch)

    return Rows(schema=schema, batches=batches(), report={"partitions": count})


def _as_frame(part: Any) -> Any:
    return part if hasattr(part, "columns") else part.to_frame("values" if part.name is None else part.name)


def _rows_of_pandas(result: Any, rows_per_batch: int) -> Rows:
    frame = _as_frame(result)
    # The type of a column of objects follows from its values: the schema is that of all rows.
    schema = pa.Schema.from_pandas(frame)
    return _sliced(frame, schema, rows_per_batch, lambda part: pa.RecordBatch.from_pandas(part, schema=schema))


def _rows_of_geopandas(result: Any, rows_per_batch: int) -> Rows:
    frame = result if hasattr(result, "columns") else result.to_frame(result.name or "geometry")
    columns = [name for name in frame.columns if str(frame[name].dtype) == "geometry"]
    main = frame.active_geometry_name
    columns.sort(key=lambda name: name != main)
    geometries = {str(name): Geometries.of(frame[name].crs) for name in columns}
    pandas = sys.modules["pandas"]
    plain = pandas.DataFrame(frame.drop(columns=columns))
    inferred = pa.Schema.from_pandas(plain)
    # The columns in their order, then those of the index.
    names = [*map(str, frame.columns), *inferred.names[len(plain.columns) :]]
    fields = [pa.field(name, pa.binary()) if name in geometries else inferred.field(name) for name in names]
    schema = pa.schema(fields, inferred.metadata)

    def batch(part: Any) -> pa.RecordBatch:
        import shapely  # geopandas has loaded it

        values = pandas.DataFrame(part.drop(columns=columns))
        known = pa.RecordBatch.from_pandas(values, schema=inferred) if len(inferred) else None
        arrays = []
        for field in schema:
            if field.name in geometries:
                shapes = part[field.name].to_numpy()
                geometries[field.name].add(shapes)
                arrays.append(pa.array(shapely.to_wkb(shapes, flavor="iso"), pa.binary()))
            else:
                assert known is not None  # it has that field
                arrays.append(known.column(field.name))
        return pa.RecordBatch.from_arrays(arrays, schema=schema)

    return attrs.evolve(_sliced(frame, schema, rows_per_batch, batch), geometries=geometries)


def _sliced(frame: Any, schema: pa.Schema, rows_per_batch: int, batch: Callable[[Any], pa.RecordBatch]) -> Rows:
    rows = _rows_within_limit(rows_per_batch, int(frame.memory_usage(deep=False).sum()), len(frame))
    parts = (batch(frame.iloc[start : start + rows]) for start in range(0, len(frame), rows))
    return Rows(schema=schema, batches=parts)
