"""Options of the format parquet."""

from __future__ import annotations

import attrs
from bourn.plugin import option

__all__ = ["Options"]


@attrs.frozen
class Options:
    """Options of the format parquet."""

    compression: str = option(
        default="zstd",
        choices=["zstd", "snappy", "gzip", "lz4", "none"],
        help="Compression of columns: zstd is small and fast; every reader knows snappy.",
    )
    rows: int = option(default=65_536, ge=1, le=10_000_000, unit="rows", help="Rows of a row group.")
    sort: list[str] = option(
        factory=list,
        help="Columns to sort by, the first one first; a name that begins with '-' sorts downwards. Sorting needs a "
        "second copy of the table in memory.",
        examples=[["date", "-size"]],
    )
    bbox: bool = option(
        default=True,
        help="Whether features get a column with the bounding box of each geometry, by which readers skip row groups.",
    )
