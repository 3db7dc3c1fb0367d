"""Objects of bourn, odc-geo, xarray, pyarrow and pandas as mappings, lists and arrays, which every format has.

Each is known by its class, which can only be if its library is loaded: nothing is imported to find out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from bourn_formats.foreign import arrow_of, is_arrow_stream, is_of
from bourn_formats.visitor import tables
from bourn_formats.visitor.features import geojson_of
from bourn_formats.visitor.output import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from bourn.plugin import Image

    from bourn_formats.visitor.output import Counting

__all__ = ["taken_apart"]


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


_Apart: TypeAlias = "Callable[[Any, Counting], Any]"

_COMPOSITES: tuple[tuple[str, str, _Apart], ...] = (
    ("bourn.image.image", "Image", _image),
    ("odc.geo.geobox", "GeoBox", _geobox),
    ("xarray", "DataArray", _data_array),
    ("xarray", "Dataset", _dataset),
    ("pyarrow", "Table", tables.table),
    ("pyarrow", "RecordBatch", tables.batch),
    ("pyarrow", "Array", tables.column),
    ("pyarrow", "ChunkedArray", tables.column),
    ("pandas", "DataFrame", tables.frame),
    ("pandas", "Series", tables.series),
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
