"""Options of the format netcdf."""

from __future__ import annotations

import attrs
from bourn.plugin import option

__all__ = ["Options"]


@attrs.frozen
class Options:
    """Options of the format netcdf."""

    compression: str = option(
        default="zlib", choices=["zlib", "none"], help="Compression of chunks; every reader of netCDF-4 knows zlib."
    )
    level: int = option(default=4, ge=1, le=9, help="Compression level: 9 is smallest and slowest.")
    shuffle: bool = option(default=True, help="Whether bytes are sorted by place before compression, which is smaller.")
    chunks: list[int] = option(
        factory=list,
        max_length=32,
        ge=1,
        le=1_000_000_000,
        help="Length of a chunk along the last dimensions. By default the chunks of a dask array, else 512 along the "
        "last two dimensions and 1 along others.",
        examples=[[1, 256, 256]],
    )
