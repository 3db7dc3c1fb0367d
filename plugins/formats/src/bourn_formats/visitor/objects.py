"""Objects of Python and of other libraries as mappings, lists and arrays, which every format has.

Each is known by its class, which can only be if its library is loaded: nothing is imported to find out.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any, TypeAlias

from bourn_formats.foreign import arrow_of, is_arrow_stream, is_of
from bourn_formats.visitor import tables
from bourn_formats.visitor.features import geojson_of
from bourn_formats.visitor.moments import expand_year
from bourn_formats.visitor.output import Refusal
from bourn_formats.wording import key_path, type_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from bourn.plugin import Image

    from bourn_formats.visitor.output import Counting

__all__ = ["field_names", "simplify"]


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
    out.count("name", array.name is not None)
    return _values(array, "", out)


def _dataset(dataset: Any, out: Counting) -> Any:
    image = _image_of(dataset)
    if image is not None:
        return _image(image, out)
    out.count("dims", len(dataset.sizes))
    out.count("coords", len(dataset.coords))
    out.count("attrs", len(dataset.attrs) + sum(len(variable.attrs) for variable in dataset.variables.values()))
    return {name: _values(variable, key_path(name, 0), out) for name, variable in dataset.data_vars.items()}


def _tree(tree: Any, out: Counting) -> Any:
    """A DataTree: its variables and, by their names, its groups."""
    return {**_dataset(tree.to_dataset(), out), **{name: _tree(child, out) for name, child in tree.children.items()}}


def _values(variable: Any, step: str, out: Counting) -> Any:
    """The values of an xarray variable as an array, or as records if they are of one of pandas' types."""
    held = variable.variable._data  # noqa: SLF001  # .data would read from the file that it may still be in
    if type(held).__module__.partition(".")[0] == "pint":
        msg = f"a variable in units of {held.units}"
        raise Refusal(msg, step, hint=" (use .pint.dequantify())")
    try:
        data = variable.data
        if is_of(type(data), "pandas.api.extensions", "ExtensionArray"):
            return tables.extension_records(data, out)
        values = variable.values
    except Exception as cause:  # any of the library whose array it is
        msg = f"a variable of {type_path(held)}, which raises {type(cause).__name__} when it is read,"
        raise Refusal(msg, step) from cause
    return values


def _image_of(obj: Any) -> Any:
    """The image that an xarray object with a grid is; None without one."""
    from bourn.plugin import ResultRefused, as_image  # numpy, xarray: loaded already

    try:
        image = as_image(obj)
    except ResultRefused:
        return None
    return image if image.geobox is not None else None


def _object_array(array: Any, out: Counting) -> Any:
    """An array of objects, the only ones that no format writes as arrays, as nested lists."""
    mask = getattr(array, "mask", None)
    out.count("masked", 0 if mask is None else int(array.size if mask is True else mask.sum()))
    return array.tolist()


def _pandas_scalar(value: Any, out: Counting) -> Any:
    out.count("text")
    return str(value)


def _missing(_value: Any, out: Counting) -> None:
    out.count("missing")


def _text(value: Any, out: Counting) -> str:
    out.count("text")
    return str(value)


def _arrow_scalar(value: Any, _out: Counting) -> Any:
    try:
        return value.as_py()
    except (ArithmeticError, NotImplementedError) as cause:
        msg = f"a scalar of type {value.type} whose value Python does not have"
        raise Refusal(msg) from cause


def _enum(value: Any, out: Counting) -> Any:
    out.count("enum")
    return value.value


def _listed(value: Any, out: Counting) -> list[Any]:
    out.count("class")
    return list(value)


def _calendar_date(value: Any, out: Counting) -> str:
    out.count("datetime")
    out.count("calendar", value.calendar not in {"standard", "gregorian", "proleptic_gregorian"})
    return expand_year(str(value.isoformat()), out)


_Simplify: TypeAlias = "Callable[[Any, Counting], Any]"

_CLASSES: tuple[tuple[str, str, _Simplify], ...] = (
    ("bourn.image.image", "Image", _image),
    ("numpy", "ndarray", _object_array),
    ("odc.geo.geobox", "GeoBox", _geobox),
    ("xarray", "DataArray", _data_array),
    ("xarray", "Dataset", _dataset),
    ("xarray", "DataTree", _tree),
    ("pyarrow", "Table", tables.table_records),
    ("pyarrow", "RecordBatch", tables.batch_records),
    ("pyarrow", "Array", tables.array_records),
    ("pyarrow", "ChunkedArray", tables.array_records),
    ("pyarrow", "Scalar", _arrow_scalar),
    ("pandas", "DataFrame", tables.frame_records),
    ("pandas", "Series", tables.series_records),
    ("pandas", "Index", tables.series_records),
    ("pandas.api.extensions", "ExtensionArray", tables.extension_records),
    ("pandas", "Period", _pandas_scalar),
    ("pandas", "Interval", _pandas_scalar),
    ("pandas.api.typing", "NAType", _missing),
    ("cftime", "datetime", _calendar_date),
    ("uuid", "UUID", _text),
    ("pathlib", "PurePath", _text),
    ("ipaddress", "_IPAddressBase", _text),
    ("collections", "deque", _listed),
)


def simplify(obj: Any, out: Counting) -> tuple[Any] | None:
    """The plainer value that stands for `obj`, in a tuple; None if there is none.

    Raises
    ------
    Refusal
        Its class is known, and it can't be written.
    """
    kind = type(obj)
    if issubclass(kind, enum.Enum):
        return (_enum(obj, out),)
    # Protocols are looked up on the class: an instance may pretend to have every attribute.
    try:
        if hasattr(kind, "__geo_interface__"):
            return (geojson_of(obj, out),)
        for module, name, function in _CLASSES:
            if is_of(kind, module, name):
                return (function(obj, out),)
        if is_arrow_stream(kind):
            return (arrow_of(obj),)
    except ValueError as cause:
        raise Refusal(str(cause)) from cause
    names = field_names(kind)
    if names is None:
        return None
    out.count("object")
    return ({name: getattr(obj, name) for name in names},)


def field_names(kind: type) -> list[str] | None:
    """The fields of a class of dataclasses, attrs, pydantic or msgspec; None of any other."""
    if "__dataclass_fields__" in dir(kind):
        fields = kind.__dataclass_fields__.values()  # type: ignore[attr-defined]  # looked up just now
        return [field.name for field in fields if field._field_type.name == "_FIELD"]  # noqa: SLF001  # as dataclasses.fields
    if is_of(kind, "pydantic", "BaseModel"):
        return list(kind.model_fields)  # type: ignore[attr-defined]  # pydantic's
    if is_of(kind, "msgspec", "Struct"):
        return list(kind.__struct_fields__)  # type: ignore[attr-defined]  # msgspec's
    found = getattr(kind, "__attrs_attrs__", None)
    return None if found is None else [field.name for field in found]
