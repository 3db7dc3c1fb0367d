"""Objects of bourn, odc-geo, xarray, pyarrow and pandas as mappings, lists and arrays, which every format has.

Each is known by its class, which can only be if its library is loaded: nothing is imported to find out.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeAlias

from bourn_formats.foreign import arrow_of, is_arrow_stream, is_of
from bourn_formats.plain.features import geojson_of
from bourn_formats.plain.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bourn.plugin import Image

    from bourn_formats.plain.writer import Counting

__all__ = ["Records", "taken_apart"]

BATCH = 1024
"""Rows of a table that are Python objects at a time."""


class Records:
    """Values that are made as they are written, into a list."""

    def __init__(self, values: Iterator[Any], count: int) -> None:
        self.values = values
        self.count = count


def _image(image: Any, out: Counting) -> Any:

    computed: Image = image.compute()
    unlike = len(set(computed.dtypes)) > 1
    plain = {name for name, facts in computed.bandinfo.items() if set(facts) <= {"kind"}}
    out.count("bandinfo", len(computed.bandinfo) - len(plain))
    return {
        "ndarray": [computed.band(name) for name in computed.bands] if unlike else computed.array,
        "mask": computed.mask,
        "bands": list(computed.bands),
        "geobox": computed.geobox,
        "properties": dict(computed.properties),
    }


def _geobox(geobox: Any, _out: Counting) -> Any:
    crs = None if geobox.crs is None else str(geobox.crs)
    return {"crs": crs, "transform": list(geobox.affine)[:6], "shape": [int(side) for side in geobox.shape]}


def _data_array(array: Any, out: Counting) -> Any:
    image = _image_of(array)
    if image is not None:
        return _image(image, out)
    out.count("dims", array.ndim)
    out.count("coords", len(array.coords))
    out.count("attrs", len(array.attrs))
    return array.values


def _dataset(dataset: Any, out: Counting) -> Any:
    image = _image_of(dataset)
    if image is not None:
        return _image(image, out)
    out.count("dims", len(dataset.sizes))
    out.count("coords", len(dataset.coords))
    out.count("attrs", len(dataset.attrs))
    return {name: variable.values for name, variable in dataset.data_vars.items()}


def _image_of(obj: Any) -> Any:
    """The image that an xarray object with a grid is; None without one."""
    from bourn.plugin import ResultRefused, as_image  # numpy, xarray: loaded already

    try:
        image = as_image(obj)
    except ResultRefused:
        return None
    return image if image.geobox is not None else None


def _table(table: Any, out: Counting) -> Records:
    # Of pandas' periods, say, to_pylist gives the numbers that they are stored as.
    kinds = sys.modules["pyarrow"].BaseExtensionType
    out.count("extension", table.num_rows * sum(isinstance(kind, kinds) for kind in table.schema.types))
    names = table.schema.names
    if len(set(names)) < len(names):
        msg = "a table with two columns of one name"
        raise Refusal(msg)
    return Records(_rows(table), table.num_rows)


def _rows(table: Any) -> Iterator[Any]:
    for batch in table.to_batches(max_chunksize=BATCH):
        yield from batch.to_pylist()


def _batch(batch: Any, out: Counting) -> Records:
    return _table(sys.modules["pyarrow"].Table.from_batches([batch]), out)


def _column(column: Any, out: Counting) -> Records:
    out.count("extension", len(column) * isinstance(column.type, sys.modules["pyarrow"].BaseExtensionType))
    starts = range(0, len(column), BATCH)
    return Records((item for start in starts for item in column.slice(start, BATCH).to_pylist()), len(column))


def _frame(frame: Any, out: Counting) -> Records:
    import pyarrow as pa  # 0.2 s: only for a table

    labels = list(frame.columns)
    if not all(isinstance(label, str) for label in labels) or len(set(labels)) < len(labels):
        msg = "a DataFrame whose columns have not each a text of its own as name"
        raise Refusal(msg)
    _count_index(frame.index, out)
    columns = [_arrow_column(frame.iloc[:, place], out) for place in range(len(labels))]
    return _table(pa.table(columns, names=labels), out)


def _series(series: Any, out: Counting) -> Records:
    _count_index(series.index, out)
    return _column(_arrow_column(series, out), out)


def _count_index(index: Any, out: Counting) -> None:
    numbered = type(index).__name__ == "RangeIndex" and index.start == 0 and index.step == 1
    out.count("index", 0 if numbered else len(index))


def _arrow_column(series: Any, out: Counting) -> Any:
    import pyarrow as pa  # 0.2 s: only for a table

    try:
        if getattr(series.dtype, "kind", "O") in "fc":
            # NaN stays NaN, so that it is found and counted like any other.
            return pa.array(series.to_numpy(), from_pandas=False)
        column = pa.Array.from_pandas(series)
    except Exception as cause:  # any of pyarrow's, which converts objects that are anybody's
        msg = f"a column {series.name!r} that Arrow does not hold ({cause})"
        raise Refusal(msg) from cause
    out.count("missing", column.null_count)
    return column


_Apart: TypeAlias = "Callable[[Any, Counting], Any]"

_COMPOSITES: tuple[tuple[str, str, _Apart], ...] = (
    ("bourn.result.image", "Image", _image),
    ("odc.geo.geobox", "GeoBox", _geobox),
    ("xarray", "DataArray", _data_array),
    ("xarray", "Dataset", _dataset),
    ("pyarrow", "Table", _table),
    ("pyarrow", "RecordBatch", _batch),
    ("pyarrow", "Array", _column),
    ("pyarrow", "ChunkedArray", _column),
    ("pandas", "DataFrame", _frame),
    ("pandas", "Series", _series),
)


def taken_apart(obj: Any, out: Counting) -> tuple[Any] | None:
    """The plainer value that stands for `obj`, in a tuple; None if nothing knows it.

    Raises
    ------
    Refusal
        It is known, and can't be written.
    """
    kind = type(obj)
    # Protocols are looked up on the class: a stranger's instance may pretend to have every attribute.
    try:
        if hasattr(kind, "__geo_interface__"):
            return (geojson_of(obj, out),)
        for module, name, apart in _COMPOSITES:
            if is_of(kind, module, name):
                return (apart(obj, out),)
        if is_arrow_stream(kind):
            return (arrow_of(obj),)
    except ValueError as cause:
        raise Refusal(str(cause)) from cause
    return None
