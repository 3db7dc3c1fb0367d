"""Objects of numpy, odc-geo, xarray, pyarrow, pandas, geopandas and bourn as plain trees, and the other way.

Each is known by its exact class, which can only be if its library is loaded: nothing is imported to find out.
"""

from __future__ import annotations

import collections
import sys
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import attrs
import numpy as np

from bourn_formats.foreign import arrow_of, geo_interface_of, is_arrow_stream, is_of, plain_form_hint
from bourn_formats.pyarrow import geometry, pandas_frames, tables, xarray_objects
from bourn_formats.pyarrow.tokens import Hidden, Part
from bourn_formats.wording import type_path

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable

__all__ = ["DECODERS", "encode_object", "in_arrow", "name_of"]


@attrs.frozen
class _Class:
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
    # Asked for its fill value, an array sets one, which then holds for arrays of other dtypes made of it.
    fill = None if array._fill_value is None else np.asarray(array._fill_value, array.dtype)  # noqa: SLF001
    mask = None if array.mask is np.ma.nomask else np.asarray(array.mask)
    data = array.data if mask is None else _without_hidden(array, mask)
    return {"data": Part("", data), "mask": mask, "fill_value": fill, "hard": bool(array.hardmask)}


def _without_hidden(array: Any, mask: np.ndarray[Any, Any]) -> Any:
    """The data with zeros under the mask; of objects None, of texts the empty one."""
    if array.dtype.kind == "O":
        return np.where(mask, None, array.data)
    if array.dtype.kind == "T" or mask.dtype.names is not None:
        return array.filled("" if array.dtype.kind == "T" else np.zeros((), array.dtype))
    return Hidden(array.data, mask)


def _decode_masked(parts: dict[str, Any]) -> Any:
    mask = np.ma.nomask if parts["mask"] is None else parts["mask"]
    fill = parts["fill_value"]
    array = np.ma.MaskedArray(parts["data"], mask=mask, hard_mask=parts["hard"])
    if fill is not None:
        array.set_fill_value(fill if fill.dtype.names else fill[()])
    return array


def _encode_image(image: Any, _report: Counter[str]) -> dict[str, Any]:
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


def _decode_image(parts: Any) -> Any:
    from bourn.plugin import Image  # numpy: only where the tree has an image

    array, bands, mask = parts["array"], parts["bands"], parts["mask"]
    return Image(array, bands, mask, parts["geobox"], parts["properties"], parts["bandinfo"])


def _encode_deque(items: Any, _report: Counter[str]) -> dict[str, Any]:
    return {"items": Part("", list(items)), "longest": items.maxlen}


_FACTORIES: dict[str, Any] = {
    kind.__name__: kind for kind in (bool, int, float, complex, str, bytes, list, tuple, dict, set, frozenset)
}


def _encode_defaultdict(items: Any, _report: Counter[str]) -> dict[str, Any]:
    factory = items.default_factory
    name = None if factory is None else getattr(factory, "__name__", "")
    if name is not None and _FACTORIES.get(name) is not factory:
        msg = f"a defaultdict whose values are made by {type_path(factory)} (use dict() on it)"
        raise ValueError(msg)
    return {"items": Part("", dict(items)), "factory": name}


def _decode_defaultdict(parts: Any) -> Any:
    return collections.defaultdict(None if parts["factory"] is None else _FACTORIES[parts["factory"]], parts["items"])


def _as_dict(items: Any, _report: Counter[str]) -> Part:
    return Part("", dict(items))


def _encode_pandas_array(array: Any, _report: Counter[str]) -> Any:
    import pandas as pd  # loaded already: this is one of its objects

    return Part("", pd.Series(array))


_CLASSES = (
    _Class("masked_array", "numpy.ma", "MaskedArray", _encode_masked, _decode_masked),
    _Class("ordered_dict", "collections", "OrderedDict", _as_dict, collections.OrderedDict),
    _Class("counter", "collections", "Counter", _as_dict, collections.Counter),
    _Class("defaultdict", "collections", "defaultdict", _encode_defaultdict, _decode_defaultdict),
    _Class(
        "deque", "collections", "deque", _encode_deque,
        lambda parts: collections.deque(parts["items"], parts["longest"]),
    ),
    _Class("affine", "affine", "Affine", geometry.encode_affine, geometry.decode_affine),
    _Class("crs", "odc.geo.crs", "CRS", geometry.encode_crs, geometry.decode_crs),
    _Class("projection", "pyproj", "CRS", geometry.encode_projection, geometry.decode_projection),
    _Class("geobox", "odc.geo.geobox", "GeoBox", geometry.encode_geobox, geometry.decode_geobox),
    _Class("image", "bourn.image.image", "Image", _encode_image, _decode_image),
    _Class("variable", "xarray", "Variable", xarray_objects.encode_variable, xarray_objects.decode_variable),
    _Class(
        "index_variable", "xarray", "IndexVariable",
        xarray_objects.encode_variable, xarray_objects.decode_index_variable,
    ),
    _Class("data_array", "xarray", "DataArray", xarray_objects.encode_array, xarray_objects.decode_array),
    _Class("dataset", "xarray", "Dataset", xarray_objects.encode_dataset, xarray_objects.decode_dataset),
    _Class("data_tree", "xarray", "DataTree", xarray_objects.encode_tree, xarray_objects.decode_tree),
    _Class("arrow_buffer", "pyarrow", "Buffer", tables.encode_buffer, tables.decode_buffer),
    _Class("arrow_table", "pyarrow", "Table", tables.encode_table, tables.decode_table),
    _Class("arrow_batch", "pyarrow", "RecordBatch", tables.encode_batch, tables.decode_batch),
    _Class("arrow_chunked", "pyarrow", "ChunkedArray", tables.encode_chunked, tables.decode_chunked),
    _Class("arrow_array", "pyarrow", "Array", tables.encode_array, tables.decode_array, family=True),
    _Class("arrow_scalar", "pyarrow", "Scalar", tables.encode_scalar, tables.decode_scalar, family=True),
    _Class("arrow_schema", "pyarrow", "Schema", tables.encode_schema, tables.decode_schema),
    _Class("pandas_frame", "pandas", "DataFrame", tables.encode_frame, tables.decode_frame),
    _Class("pandas_series", "pandas", "Series", tables.encode_series, tables.decode_series),
    _Class("pandas_index", "pandas", "Index", pandas_frames.encode_index, pandas_frames.decode_index, family=True),
    _Class("geo_frame", "geopandas", "GeoDataFrame", geometry.encode_frame, geometry.decode_frame),
    _Class("geo_series", "geopandas", "GeoSeries", geometry.encode_series, geometry.decode_series),
    _Class("geometry", "odc.geo.geom", "Geometry", geometry.encode_geometry, geometry.decode_geometry),
    _Class("shape", "shapely", "Geometry", geometry.encode_shape, geometry.decode_shape, family=True),
    _Class(
        "pandas_array", "pandas.api.extensions", "ExtensionArray",
        _encode_pandas_array, lambda series: series.array, family=True,
    ),
)  # fmt: skip

DECODERS: dict[str, Callable[[Any], Any]] = {known.tag: known.decode for known in _CLASSES}
"""By tag: makes the object of a plain tree."""

_NAMES = {known.tag: f"{known.module}.{known.name}" for known in _CLASSES}

_FOUND: WeakKeyDictionary[type, _Class] = WeakKeyDictionary()


def name_of(tag: str) -> str:
    """The class that a tag stands for, as users name it."""
    return _NAMES[tag]


def _known(kind: type) -> _Class | None:
    found = _FOUND.get(kind)
    if found is None:
        found = next((known for known in _CLASSES if known.matches(kind)), None)
        if found is not None:
            _FOUND[kind] = found
    return found


def in_arrow(obj: Any, report: Counter[str]) -> Any:
    """The pyarrow table of another library's; anything else, and what has a tag of its own, as it is.

    Raises
    ------
    ValueError
        With what it is of `obj` that can't be written.
    """
    kind = type(obj)
    if not is_arrow_stream(kind) or _known(kind) is not None:
        return obj
    report["arrow"] += 1
    return arrow_of(obj)


def encode_object(obj: Any, report: Counter[str]) -> tuple[str | None, Any]:
    """The tag and the plain tree of `obj`; no tag for what becomes another object.

    Other classes' features become GeoJSON, other libraries' tables those of pyarrow; both are counted.

    Raises
    ------
    ValueError
        With what it is of `obj` that can't be written.
    """
    kind = type(obj)
    known = _known(kind)
    if known is not None:
        return known.tag, known.encode(obj, report)
    # Of a subclass only the base would come back.
    if not any(is_of(kind, base.module, base.name) for base in _CLASSES):
        # Protocols are looked up on the class: an instance may pretend to have every attribute.
        if hasattr(kind, "__geo_interface__"):
            report["geojson"] += 1
            return None, geo_interface_of(obj)
        if is_arrow_stream(kind):
            report["arrow"] += 1
            return None, arrow_of(obj)
    msg = f"an object of type {type_path(obj)}{plain_form_hint(kind)}"
    raise ValueError(msg)
