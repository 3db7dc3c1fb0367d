"""A stream of batches as a Parquet file."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import attrs
import pyarrow as pa
import pyarrow.parquet as pq
from bourn.plugin import EncodeError

from bourn_tables.bounding_boxes import with_bounding_boxes
from bourn_tables.geometry import geoparquet_metadata
from bourn_tables.rows import Rows, check_names, tables_of
from bourn_tables.sink_file import SinkFile, translated_errors

if TYPE_CHECKING:
    from bourn.plugin import Sink

    from bourn_tables.parquet.options import Options

__all__ = ["write"]


def write(rows: Rows, options: Options, sink: Sink) -> dict[str, Any]:
    """Write all rows; GeoParquet's metadata come last, when all geometries have passed.

    Raises
    ------
    EncodeError
        A column is of a type that Parquet does not have, or two columns have one name.
    """
    check_names(rows.schema)
    covering = None
    if rows.geometries and options.bbox:
        rows, covering = with_bounding_boxes(rows)
    keys = _sort_keys(options.sort, rows.schema)
    if keys:
        rows = _sorted(rows, keys, options.rows)
    file, written, groups = SinkFile(sink), 0, 0
    with translated_errors(file):
        writer = pq.ParquetWriter(
            pa.PythonFile(file, mode="w"), rows.schema, compression=options.compression,
            sorting_columns=pq.SortingColumn.from_ordering(rows.schema, keys) if keys else None,
        )  # fmt: skip
        try:
            for table in tables_of(rows.batches, rows.schema, options.rows):
                writer.write_table(table, row_group_size=max(1, table.num_rows))
                written, groups = written + table.num_rows, groups + 1
            if rows.geometries:
                writer.add_key_value_metadata({"geo": geoparquet_metadata(rows.geometries, covering)})
        except BaseException:
            with suppress(Exception):  # the file is discarded; a footer would be written by the garbage collector
                writer.close()
            raise
        writer.close()
    return {"rows": written, "groups": groups, **rows.report}


def _sort_keys(names: list[str], schema: pa.Schema) -> list[tuple[str, str]]:
    """Return pairs of a column and an order.

    Raises
    ------
    EncodeError
        With every name that no column has.
    """
    keys = [(name, "ascending") if name in schema.names else (name.removeprefix("-"), "descending") for name in names]
    missing = [name for name, (column, _) in zip(names, keys, strict=True) if column not in schema.names]
    if missing:
        known = ", ".join(map(repr, schema.names))
        raise EncodeError(f"format.sort: the result has no column {', '.join(map(repr, missing))}; it has {known}")
    return keys


def _sorted(rows: Rows, keys: list[tuple[str, str]], rows_per_group: int) -> Rows:
    try:
        table = pa.Table.from_batches(rows.batches, rows.schema).sort_by(keys)
    except pa.ArrowException as error:
        raise EncodeError(f"format.sort: {str(error).splitlines()[0]}") from error
    return attrs.evolve(rows, batches=iter(table.to_batches(max_chunksize=rows_per_group)))
