"""Objects of numpy, odc-geo, xarray, pyarrow, pandas and bourn, taken apart into plain trees and put together again.

Each is known by its exact class, which can only be if its library is loaded: nothing is imported to find out.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from bourn_formats.foreign import arrow_of, geo_interface_of, is_arrow_stream
from bourn_formats.tree import features, frames, grids, images, labelled, tables
from bourn_formats.wording import type_path

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable

__all__ = ["TOGETHER", "in_arrow", "taken_apart"]


@attrs.frozen
class _Composite:
    """How objects of one class become a plain tree.

    Attributes
    ----------
    tag : str
    module, name : str
        Where the class is found, once it is loaded.
    apart : callable
        ``apart(obj, report)`` gives a tree of values; raises ValueError with what it is that can't be written.
    together : callable
        Makes the object of that tree.
    family : bool
        Whether subclasses belong to it, too.
    """

    tag: str
    module: str
    name: str
    apart: Callable[[Any, Counter[str]], Any]
    together: Callable[[Any], Any]
    family: bool = False

    def matches(self, kind: type) -> bool:
        own = getattr(sys.modules.get(self.module), self.name, None)
        return kind is own or (self.family and own is not None and issubclass(kind, own))


def _masked_apart(array: Any, _report: Counter[str]) -> dict[str, Any]:
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


def _masked_together(parts: dict[str, Any]) -> Any:
    mask = np.ma.nomask if parts["mask"] is None else parts["mask"]
    fill = parts["fill_value"]
    array = np.ma.MaskedArray(parts["data"], mask=mask, hard_mask=parts["hard"])
    if fill is not None:
        array.set_fill_value(fill if fill.dtype.names else fill[()])
    return array


_COMPOSITES = (
    _Composite("masked_array", "numpy.ma", "MaskedArray", _masked_apart, _masked_together),
    _Composite("affine", "affine", "Affine", grids.affine_apart, grids.affine_together),
    _Composite("crs", "odc.geo.crs", "CRS", grids.crs_apart, grids.crs_together),
    _Composite("geobox", "odc.geo.geobox", "GeoBox", grids.geobox_apart, grids.geobox_together),
    _Composite("image", "bourn.image.image", "Image", images.image_apart, images.image_together),
    _Composite("variable", "xarray", "Variable", labelled.variable_apart, labelled.variable_together),
    _Composite("index_variable", "xarray", "IndexVariable", labelled.variable_apart, labelled.index_variable_together),
    _Composite("data_array", "xarray", "DataArray", labelled.array_apart, labelled.array_together),
    _Composite("dataset", "xarray", "Dataset", labelled.dataset_apart, labelled.dataset_together),
    _Composite("arrow_buffer", "pyarrow", "Buffer", tables.buffer_apart, tables.buffer_together),
    _Composite("arrow_table", "pyarrow", "Table", tables.table_apart, tables.table_together),
    _Composite("arrow_batch", "pyarrow", "RecordBatch", tables.batch_apart, tables.batch_together),
    _Composite("arrow_chunked", "pyarrow", "ChunkedArray", tables.chunked_apart, tables.chunked_together),
    _Composite("arrow_array", "pyarrow", "Array", tables.array_apart, tables.array_together, family=True),
    _Composite("pandas_frame", "pandas", "DataFrame", tables.frame_apart, tables.frame_together),
    _Composite("pandas_series", "pandas", "Series", tables.series_apart, tables.series_together),
    _Composite("pandas_index", "pandas", "Index", frames.index_apart, frames.index_together, family=True),
    _Composite("geo_frame", "geopandas", "GeoDataFrame", features.frame_apart, features.frame_together),
    _Composite("geo_series", "geopandas", "GeoSeries", features.series_apart, features.series_together),
    _Composite("geometry", "odc.geo.geom", "Geometry", features.geometry_apart, features.geometry_together),
    _Composite("shape", "shapely", "Geometry", features.shape_apart, features.shape_together, family=True),
)

TOGETHER: dict[str, Callable[[Any], Any]] = {composite.tag: composite.together for composite in _COMPOSITES}
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


def taken_apart(obj: Any, report: Counter[str]) -> tuple[str | None, Any] | None:
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
            return composite.tag, composite.apart(obj, report)
    # Protocols are looked up on the class: a stranger's instance may pretend to have every attribute.
    if hasattr(kind, "__geo_interface__"):
        report["geojson"] += 1
        return None, geo_interface_of(obj)
    if is_arrow_stream(kind):
        report["arrow"] += 1
        return None, arrow_of(obj)
    return None
