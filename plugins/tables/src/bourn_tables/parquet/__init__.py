"""Tables as Parquet, features as GeoParquet."""

from bourn_tables.parquet.options import Options
from bourn_tables.parquet.plugin import Parquet

__all__ = ["Options", "Parquet"]
