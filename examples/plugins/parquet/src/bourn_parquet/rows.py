"""Any table and any features as batches of Arrow, one at a time."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import attrs
import pyarrow as pa
from bourn.plugin import EncodeError

from bourn_parquet.geometry import Geometries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Rows", "rows_of"]

GROUP_BYTES = 32 << 20
"""A group of rows is no larger, however few rows that are."""


@attrs.frozen(kw_only=True)
class Rows:
    """A result as batches.

    Attributes
    ----------
    schema : pyarrow.Schema
    batches : iterator of pyarrow.RecordBatch
    geometries : mapping of str to Geometries
        Which columns hold WKB; the first is the main one.
    report : mapping
    """

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]
    geometries: dict[str, Geometries] = attrs.field(factory=dict)
    report: dict[str, Any] = attrs.field(factory=dict)


def rows_of(result: Any, most: int) -> Rows:
    """The rows of a result, at most `most` a batch.

    Raises
    ------
    EncodeError
        What it is that has no place in a file of Parquet.
    """
    geopandas, pandas = sys.modules.get("geopandas"), sys.modules.get("pandas")
    try:
        if geopandas is not None and isinstance(result, geopandas.GeoDataFrame | geopandas.GeoSeries):
            return _of_geopandas(result, most)
        if pandas is not None and isinstance(result, pandas.DataFrame | pandas.Series):
            return _of_pandas(result, most)
        if isinstance(result, pa.RecordBatch):
            result = pa.Table.from_batches([result])
        if isinstance(result, pa.Table):
            rows = _step(most, result.nbytes, result.num_rows)
            return Rows(schema=result.schema, batches=iter(result.to_batches(max_chunksize=rows)))
        if hasattr(type(result), "__arrow_c_stream__"):
            reader = pa.RecordBatchReader.from_stream(result)
            return Rows(schema=reader.schema, batches=_parts(reader, most))
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise EncodeError(f"result: {str(error).splitlines()[0]}") from error
    from bourn_parquet.features import rows_of_features  # shapely: 0.1 s

    return rows_of_features(result, most)


def _step(most: int, size_bytes: int, rows: int) -> int:
    return max(1, min(most, GROUP_BYTES * rows // max(1, size_bytes)))


def _parts(batches: Any, most: int) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for start in range(0, batch.num_rows, most):
            yield batch.slice(start, most)


def _of_pandas(result: Any, most: int) -> Rows:
    frame = result if hasattr(result, "columns") else result.to_frame("values" if result.name is None else result.name)
    # What columns of objects hold is seen in the values: so the schema is that of all rows.
    schema = pa.Schema.from_pandas(frame)
    return _sliced(frame, schema, most, lambda part: pa.RecordBatch.from_pandas(part, schema=schema))


def _of_geopandas(result: Any, most: int) -> Rows:
    frame = result if hasattr(result, "columns") else result.to_frame(result.name or "geometry")
    columns = [name for name in frame.columns if str(frame[name].dtype) == "geometry"]
    main = frame.active_geometry_name
    columns.sort(key=lambda name: name != main)
    geometries = {str(name): Geometries.of(frame[name].crs) for name in columns}
    plain = frame.drop(columns=columns)
    plain = plain.set_axis(plain.columns, axis=1)  # a DataFrame, which knows nothing of geometries
    inferred = pa.Schema.from_pandas(sys.modules["pandas"].DataFrame(plain))
    # The columns in their order, then those of the index.
    names = [*map(str, frame.columns), *inferred.names[len(plain.columns) :]]
    fields = [pa.field(name, pa.binary()) if name in geometries else inferred.field(name) for name in names]
    schema = pa.schema(fields, inferred.metadata)

    def batch(part: Any) -> pa.RecordBatch:
        import shapely  # geopandas has it loaded already

        values = sys.modules["pandas"].DataFrame(part.drop(columns=columns))
        held = {field.name: field for field in inferred}
        known = pa.RecordBatch.from_pandas(values, schema=inferred) if held else None
        arrays = []
        for field in schema:
            if field.name in geometries:
                found = part[field.name].to_numpy()
                geometries[field.name].see(found)
                arrays.append(pa.array(shapely.to_wkb(found, flavor="iso"), pa.binary()))
            else:
                assert known is not None  # it has that field
                arrays.append(known.column(field.name))
        return pa.RecordBatch.from_arrays(arrays, schema=schema)

    rows = _sliced(frame, schema, most, batch)
    return attrs.evolve(rows, geometries=geometries)


def _sliced(frame: Any, schema: pa.Schema, most: int, batch: Callable[[Any], pa.RecordBatch]) -> Rows:
    rows = _step(most, int(frame.memory_usage(deep=False).sum()), len(frame))
    parts = (batch(frame.iloc[start : start + rows]) for start in range(0, len(frame), rows))
    return Rows(schema=schema, batches=parts)
