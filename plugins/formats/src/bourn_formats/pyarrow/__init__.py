"""The format pyarrow: a Python object as an Arrow stream that gives it back exactly.

The stream is Arrow IPC (https://arrow.apache.org/docs/format/Columnar.html#ipc-streaming-format). The metadata of its
schema holds, under ``bourn``, a JSON description: tokens for the tree of values (`bourn_formats.pyarrow.tokens`), and
for arrays, bytes and long texts the place of their bytes. These are the stream's only column, ``bytes`` of uint8: what
the description calls ``[start, length]`` are the values from `start` on. A table is written with its own columns, so
that every reader of Arrow can use it. Nothing is pickled, and reading runs no code of the writer's.

A file holds visible values only: not the rows that a slice leaves out, nor what lies under a null or a mask.

What is not kept: that one object stood in two places; that an array was read-only, a view or a memmap; values under the
mask of a masked array. What is not kept and counted: the byte order of arrays (``byte_order``), the metadata of a dtype
(``metadata``), the codecs and the path of a file in an xarray ``encoding`` (``encoding``), values of an unordered Arrow
dictionary that no row has (``dictionary``). What changes and is counted: other objects with ``__geo_interface__``
become GeoJSON (``geojson``), tables of other libraries, such as polars', those of pyarrow (``arrow``).

Of the standard library, numpy, pandas, xarray, shapely, geopandas, pyproj, odc-geo and cftime, objects come back as
they were: scalars such as Decimal, UUID, Path and Timestamp, missing values (NA, NaT), time zones of dateutil and pytz,
OrderedDict, defaultdict, Counter and deque, indexes of several levels, DataTree. Objects of subclasses and of users'
classes are refused with what makes a plain value of them.
A large array that was written with compression "none" comes back as a read-only view of the bytes read, all others can
be written to.
"""

from bourn_formats.pyarrow.options import Options
from bourn_formats.pyarrow.plugin import PyArrow

__all__ = ["Options", "PyArrow"]
