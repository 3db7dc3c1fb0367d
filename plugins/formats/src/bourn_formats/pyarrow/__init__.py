"""The format pyarrow: a Python object as an Arrow stream that gives it back exactly.

The stream is Arrow IPC (https://arrow.apache.org/docs/format/Columnar.html#ipc-streaming-format). The metadata of its
schema holds, under ``bourn``, a JSON description: tokens for the tree of values (`bourn_formats.pyarrow.tokens`), and
for arrays, bytes and long texts the place of their bytes. These are the stream's only column, ``bytes`` of uint8: what
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

from bourn_formats.pyarrow.options import Options
from bourn_formats.pyarrow.plugin import PyArrow

__all__ = ["Options", "PyArrow"]
