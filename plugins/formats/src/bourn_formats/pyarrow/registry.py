"""Objects of numpy, odc-geo, xarray, pyarrow, pandas and bourn, taken apart into plain trees and put together again.

Each is known by its exact class, which can only be if its library is loaded: nothing is imported to find out.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from bourn_formats.foreign import arrow_of, geo_interface_of, is_arrow_stream
from bourn_formats.pyarrow import geometry, pandas_frames, tables, xarray_objects
from bourn_formats.wording import type_path

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable

__all__ = ["DECODERS", "encode_object", "in_arrow"]


@attrs.frozen
class _Composite:
    """How objects of one class become a plain tree.

    Attributes
    ----------
    tag : str
    module, name : str
        Where the class is found, once it is loaded.
    encode : callable
        ``encode(obj, report)`` gives a tree of values; raises ValueError with what it is that can't be written.
    decode : callable
        Makes the object of that tree.
    family : bool
        Whether subclasses belong to it, too.
    """

    tag: str
    module: str
    name: str
    encode: Callable[[Any, Counter[str]], Any]
    decode: Callable[[Any], Any]
    family: bool = False

    def matches(self, kind: type) -> bool:
        own = getattr(sys.modules.get(self.module), self.name, None)
        return kind is own or (self.family and own is not None and issubclass(kind, own))


def _encode_masked(array: Any, _report: Counter[str]) -> dict[str, Any]:
    if type(array.data) is not np.ndarray:
        msg = f"a masked array over an object of type {type_path(array.data)}"
        raise ValueError(msg)
    # Of a view: asking an array for its fill value sets one.
    fill: Any = np.empty((), array.dtype)
    try:
        fill[()] = array.view().fill_value
    except OverflowError:  # numpy's own default, 999999, is no int8 and no int16: none was set
        fill = None
    mask = None if array.mask is np.ma.nomask else np.asarray(array.mask)
    return {"data": array.data, "mask": mask, "fill_value": fill, "hard": bool(array.hardmask)}


def _decode_masked(parts: dict[str, Any]) -> Any:
    mask = np.ma.nomask if parts["mask"] is None else parts["mask"]
    fill = parts["fill_value"]
    array = np.ma.MaskedArray(parts["data"], mask=mask, hard_mask=parts["hard"])
    if fill is not None:
        array.set_fill_value(fill if fill.dtype.names else fill[()])
    return array


def encode_image(image: Any, _report: Counter[str]) -> dict[str, Any]:
    """Its array (one a band where they are of unlike dtypes), mask, names, grid and facts."""
    computed = image.compute()
    unlike = len(set(computed.dtypes)) > 1
    return {
        "array": [computed.band(name) for name in computed.bands] if unlike else computed.array,
        "mask": computed.mask,
        "bands": computed.bands,
        "geobox": computed.geobox,
        "properties": dict(computed.properties),
        "bandinfo": {name: dict(facts) for name, facts in computed.bandinfo.items()},
    }


def decode_image(parts: Any) -> Any:
    """The image of these parts."""
    from bourn.plugin import Image  # numpy: only where the tree has an image

    array, bands, mask = parts["array"], parts["bands"], parts["mask"]
    return Image(array, bands, mask, parts["geobox"], parts["properties"], parts["bandinfo"])


_COMPOSITES = (
    _Composite("masked_array", "numpy.ma", "MaskedArray", _encode_masked, _decode_masked),
    _Composite("affine", "affine", "Affine", geometry.encode_affine, geometry.decode_affine),
    _Composite("crs", "odc.geo.crs", "CRS", geometry.encode_crs, geometry.decode_crs),
    _Composite("geobox", "odc.geo.geobox", "GeoBox", geometry.encode_geobox, geometry.decode_geobox),
    _Composite("image", "bourn.image.image", "Image", encode_image, decode_image),
    _Composite("variable", "xarray", "Variable", xarray_objects.encode_variable, xarray_objects.decode_variable),
    _Composite(
        "index_variable",
        "xarray",
        "IndexVariable",
        xarray_objects.encode_variable,
        xarray_objects.decode_index_variable,
    ),
    _Composite("data_array", "xarray", "DataArray", xarray_objects.encode_array, xarray_objects.decode_array),
    _Composite("dataset", "xarray", "Dataset", xarray_objects.encode_dataset, xarray_objects.decode_dataset),
    _Composite("arrow_buffer", "pyarrow", "Buffer", tables.encode_buffer, tables.decode_buffer),
    _Composite("arrow_table", "pyarrow", "Table", tables.encode_table, tables.decode_table),
    _Composite("arrow_batch", "pyarrow", "RecordBatch", tables.encode_batch, tables.decode_batch),
    _Composite("arrow_chunked", "pyarrow", "ChunkedArray", tables.encode_chunked, tables.decode_chunked),
    _Composite("arrow_array", "pyarrow", "Array", tables.encode_array, tables.decode_array, family=True),
    _Composite("pandas_frame", "pandas", "DataFrame", tables.encode_frame, tables.decode_frame),
    _Composite("pandas_series", "pandas", "Series", tables.encode_series, tables.decode_series),
    _Composite("pandas_index", "pandas", "Index", pandas_frames.encode_index, pandas_frames.decode_index, family=True),
    _Composite("geo_frame", "geopandas", "GeoDataFrame", geometry.encode_frame, geometry.decode_frame),
    _Composite("geo_series", "geopandas", "GeoSeries", geometry.encode_series, geometry.decode_series),
    _Composite("geometry", "odc.geo.geom", "Geometry", geometry.encode_geometry, geometry.decode_geometry),
    _Composite("shape", "shapely", "Geometry", geometry.encode_shape, geometry.decode_shape, family=True),
)

DECODERS: dict[str, Callable[[Any], Any]] = {composite.tag: composite.decode for composite in _COMPOSITES}
"""By tag: the object of a plain tree."""


def in_arrow(obj: Any, report: Counter[str]) -> Any:
    """The pyarrow table of another library's; anything else, and what can be made again of its own parts, as it is.

    Raises
    ------
    ValueError
        With what it is of `obj` that can't be written.
    """
    kind = type(obj)
    if not is_arrow_stream(kind) or any(composite.matches(kind) for composite in _COMPOSITES):
        return obj
    report["arrow"] += 1
    return arrow_of(obj)


def encode_object(obj: Any, report: Counter[str]) -> tuple[str | None, Any] | None:
    """The tag and the plain tree of `obj`; no tag for what becomes another object; None if nothing knows it.

    Other classes' features become GeoJSON, other libraries' tables those of pyarrow; both are counted.

    Raises
    ------
    ValueError
        With what it is of `obj` that can't be written.
    """
    kind = type(obj)
    for composite in _COMPOSITES:
        if composite.matches(kind):
            return composite.tag, composite.encode(obj, report)
    # Protocols are looked up on the class: a stranger's instance may pretend to have every attribute.
    if hasattr(kind, "__geo_interface__"):
        report["geojson"] += 1
        return None, geo_interface_of(obj)
    if is_arrow_stream(kind):
        report["arrow"] += 1
        return None, arrow_of(obj)
    return None
