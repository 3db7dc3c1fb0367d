"""Options of the format pyarrow."""

from __future__ import annotations

import attrs
from bourn.plugin import option

__all__ = ["Options"]


@attrs.frozen
class Options:
    """How a result is written as pyarrow."""

    compression: str = option(
        default="lz4",
        choices=["lz4", "brotli", "zstd", "none"],
        help="Compression: lz4 is fast, zstd smaller, brotli smallest and slow; none is read without a copy.",
    )
