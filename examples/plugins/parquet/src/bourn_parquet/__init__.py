"""The format parquet: tables and features as GeoParquet, a group of rows at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
from bourn.plugin import Example, Format, Sink, option

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Options", "Parquet"]


@attrs.frozen
class Options:
    """How a table is written."""

    compression: str = option(
        default="zstd", choices=["zstd", "snappy", "gzip", "lz4", "none"],
        help="How columns are compressed: zstd is small and fast, snappy is read by everything.",
    )  # fmt: skip
    rows: int = option(default=65_536, ge=1, le=10_000_000, help="The most rows of a group: what is held at a time.")


class Parquet(Format[Options]):
    """A table, or features as GeoParquet."""

    plugin_api = 1
    media_type, suffix = "application/vnd.apache.parquet", ".parquet"
    kinds = ("table", "features")
    examples = (
        Example("A table, or features, small and fast to read.", format="parquet"),
        Example("As every reader has it.", format={"type": "parquet", "compression": "snappy"}),
    )

    def encode(self, result: Any, options: Options, sink: Sink) -> Mapping[str, Any]:
        """Write the rows, a group at a time."""
        from bourn_parquet.rows import rows_of  # pyarrow: 0.2 s
        from bourn_parquet.write import write  # the same

        return write(rows_of(result, options.rows), options.compression, sink)
