"""The format pyarrow: a Python object as an Arrow stream that gives it back exactly.

The stream is Arrow IPC (https://arrow.apache.org/docs/format/Columnar.html#ipc-streaming-format). The metadata of its
schema holds, under ``bourn``, a JSON description: tokens for the tree of values (`bourn_formats.tree.token`), and for
arrays, bytes and long texts the place of their bytes. These are the stream's only column, ``bytes`` of uint8: what
the description calls ``[start, length]`` are the values from `start` on. A table is written with its own columns, so
that every reader of Arrow can use it. Nothing is pickled, and reading runs no code of the writer's.

What is not kept: that one object stood in two places; that an array was read-only, a view or a memmap. What is not kept
and counted: the byte order of arrays (``byte_order``), the metadata of a dtype (``metadata``), the codecs in an xarray
``encoding`` (``encoding``). Geometries of shapely and odc-geo, pandas' and geopandas' frames come back; other objects
with ``__geo_interface__`` become GeoJSON (``geojson``), tables of other libraries, such as polars', those of pyarrow
(``arrow``).
A large array that was written with compression "none" comes back as a read-only view of the bytes read, all others can
be written to.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, BinaryIO

import attrs
from bourn.plugin import ANY, EncodeError, Example, Format, Sink, option

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Options", "PyArrow"]


@attrs.frozen
class Options:
    """How a result is written as pyarrow."""

    compression: str = option(
        default="lz4",
        choices=["lz4", "brotli", "zstd", "none"],
        help="How it is compressed: lz4 is fast, zstd smaller, brotli smallest and slow; none is read without a copy.",
    )


class PyArrow(Format[Options]):
    """The Python object itself, exactly, as an Arrow stream.

    What `compute` gives back is equal to what went in: types, dtypes, masks, tuples apart from lists, integers of any
    size. Nothing is pickled, and reading it runs no code. A table is one for every reader of Arrow.
    """

    media_type = "application/vnd.apache.arrow.stream"
    suffix = ".arrow"
    kinds = ANY
    decodes = True
    examples = (
        Example("An Arrow stream that gives the Python object back.", format="pyarrow"),
        Example("As small as can be.", format={"type": "pyarrow", "compression": "brotli"}),
    )

    def encode(self, result: Any, options: Options, sink: Sink) -> Mapping[str, Any]:
        """Write `result` piece by piece; an array's own memory is what is compressed."""
        from bourn_formats.arrow.write import KEY, write_bytes, write_table  # pyarrow, numpy: 0.4 s
        from bourn_formats.tree.composites import in_arrow  # numpy: 0.2 s
        from bourn_formats.tree.describe import Apart, describe  # numpy: 0.2 s
        from bourn_formats.tree.fault import step_of  # together with what stands above
        from bourn_formats.tree.tables import as_stream, in_tree  # numpy: 0.2 s

        report: Counter[str] = Counter()
        try:
            result = in_arrow(result, report)
            table = as_stream(result, report)
        except ValueError as cause:
            msg = f"result{step_of(cause)}: {cause} can't be written as pyarrow"
            raise EncodeError(msg) from cause
        if table is not None:
            tag, columns, facts = table
            described = describe(Apart(tag, facts))
            if not list(described.blobs) and KEY not in (columns.schema.metadata or {}):
                write_table(tag, columns, described.tokens[1:], options.compression, sink)
                return dict(report + described.report)
            if facts:
                result = Apart(tag, in_tree(columns, facts))
        described = describe(result)
        write_bytes(described.tokens, described.blobs, options.compression, sink)
        return dict(report + described.report)

    def decode(self, source: BinaryIO, options: Options) -> Any:
        """The object again; the bytes say themselves how they are compressed."""
        from bourn_formats.arrow.read import read  # pyarrow, numpy: 0.4 s

        return read(source)
