"""The format parquet: a table as Parquet, features as GeoParquet 1.1, one row group at a time.

A column of geometries is WKB. The file says their CRS as PROJJSON, their types, and the bounds of all of them. Features
without a CRS of their own are in longitude and latitude; a geopandas object without a CRS is written with a null CRS.
The column ``bbox`` has the bounding box of each geometry of the main column, and the metadata name it as its covering:
DuckDB, GDAL and geopandas skip row groups by it. The ids of features become the column ``id`` (``feature_id`` where a
property is called so); the report names it as ``id_column``. A pandas index is kept as pyarrow keeps it.

Refused with their place are: two columns of one name, properties of one name with types that have no common type, and
types that Parquet does not have, such as intervals of months, days and nanoseconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bourn.plugin import Example, Format, Problem, ResultInfo, Sink

from bourn_tables.parquet.options import Options

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bourn.plugin import Note

__all__ = ["Parquet"]


class Parquet(Format[Options]):
    """A table as Parquet, or features as GeoParquet.

    Read by pandas, polars, DuckDB, geopandas, GDAL and Spark. Written one row group at a time.
    """

    media_type = "application/vnd.apache.parquet"
    suffix = ".parquet"
    kinds = ("table", "features")
    lazy = True
    examples = (
        Example("A table or features, small and fast to read.", format="parquet"),
        Example("For readers without zstd.", format={"type": "parquet", "compression": "snappy"}),
    )

    def preflight(self, options: Options, info: ResultInfo) -> Iterable[Problem | Note]:
        """A lazy table can't be sorted: it is written as it is computed."""
        if options.sort and info.lazy:
            yield Problem("sort", "a lazy table is written as it is computed; sort it before, or compute it first")

    def encode(self, result: Any, options: Options, sink: Sink) -> Mapping[str, Any]:
        """Write the table, one row group at a time."""
        from bourn_tables.parquet.writer import write  # pyarrow: 0.2 s
        from bourn_tables.rows import rows_of  # pyarrow: 0.2 s

        return write(rows_of(result, options.rows), options, sink)
