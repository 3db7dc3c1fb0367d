"""What kind of result an object is, by its type alone: nothing is imported, computed or asked of the object."""

from __future__ import annotations

import datetime as dt
import sys
from weakref import WeakKeyDictionary

__all__ = ["CONTAINERS", "SCALARS", "is_dask_collection", "is_record_class", "kinds_of_type", "plain_form", "type_name"]

SCALARS = frozenset({
    type(None), bool, int, float, complex, str, bytes, dt.datetime, dt.date, dt.time, dt.timedelta,
})  # fmt: skip
"""Exact types: of a subclass a format would give back the plain value, which is another one."""

CONTAINERS = frozenset({list, tuple, dict, set, frozenset})

_NAMED: dict[tuple[str, str], tuple[str, ...]] = {
    ("bourn.image.image", "Image"): ("image",),
    ("pyarrow", "Table"): ("table",),
    ("pyarrow", "RecordBatch"): ("table",),
    ("pandas", "DataFrame"): ("table",),
    ("pandas", "Series"): ("table",),
    ("geopandas", "GeoDataFrame"): ("features", "table"),
    ("geopandas", "GeoSeries"): ("features", "table"),
    ("numpy", "ndarray"): ("array",),
    ("numpy", "generic"): ("value",),
    ("dask.array", "Array"): ("array",),
    ("dask.dataframe", "DataFrame"): ("table",),
    ("dask.dataframe", "Series"): ("table",),
    ("xarray", "DataArray"): ("array",),
    ("xarray", "Dataset"): ("value",),
    **dict.fromkeys(
        [
            ("xarray", "DataTree"),
            ("pandas", "Index"),
            ("pandas", "Timestamp"),
            ("pandas", "Timedelta"),
            ("pandas", "Period"),
            ("pandas", "Interval"),
            ("pandas.api.typing", "NaTType"),
            ("pandas.api.typing", "NAType"),
            ("pandas.api.extensions", "ExtensionArray"),
            ("pyarrow", "Array"),
            ("pyarrow", "Scalar"),
            ("cftime", "datetime"),
            ("decimal", "Decimal"),
            ("uuid", "UUID"),
            ("pathlib", "PurePath"),
            ("collections", "OrderedDict"),
            ("collections", "defaultdict"),
            ("collections", "Counter"),
            ("collections", "deque"),
            ("affine", "Affine"),
            ("odc.geo.crs", "CRS"),
            ("odc.geo.geobox", "GeoBox"),
            ("pyproj", "CRS"),
        ],
        ("value",),
    ),
}
"""Classes by the module that has them: of an object's class the first base among them decides."""


_FOUND: WeakKeyDictionary[type, tuple[str, ...]] = WeakKeyDictionary()


def kinds_of_type(cls: type) -> tuple[str, ...] | None:
    """The kinds of objects of this class; None if nothing is known of it.

    An object can only be of a class whose module is loaded, so the classes are looked up in `sys.modules`.
    Subclasses of the classes named count too, and any class with ``__geo_interface__`` or ``__arrow_c_stream__``.

    Examples
    --------
    >>> kinds_of_type(int), kinds_of_type(object)
    (('value',), None)
    """
    if cls in SCALARS or cls in CONTAINERS:
        return ("value",)
    if cls not in _FOUND:
        kinds = _looked_up(cls)
        if kinds is None:  # a module that is loaded later may change that
            return None
        _FOUND[cls] = kinds
    return _FOUND[cls]


def _looked_up(cls: type) -> tuple[str, ...] | None:
    known = {}
    for (module_name, name), kinds in _NAMED.items():
        module = sys.modules.get(module_name)
        found = None if module is None else module.__dict__.get(name)
        if isinstance(found, type):
            known[found] = kinds
    for base in cls.__mro__:
        if base in known:
            return known[base]
    if _has(cls, "__geo_interface__"):
        return ("features",)
    # Arrow's PyCapsules: polars and others. pyarrow's own reader can be read once only, as a generator can.
    if _has(cls, "__arrow_c_stream__") and cls.__name__ != "RecordBatchReader":
        return ("table",)
    return ("value",) if is_record_class(cls) else None


def is_record_class(cls: type) -> bool:
    """Whether a class is a user's own whose objects are plain fields or a plain value.

    An enum, a named tuple, a class of dataclasses, attrs, pydantic or msgspec; none that can be called, or is lazy.
    """
    if _has(cls, "__call__") or _has(cls, "__dask_graph__") or issubclass(cls, type):
        return False
    enum, pydantic, msgspec = (sys.modules.get(name) for name in ("enum", "pydantic", "msgspec"))
    return (
        _has(cls, "__dataclass_fields__")
        or _has(cls, "__attrs_attrs__")
        or (issubclass(cls, tuple) and _has(cls, "_fields"))
        or (enum is not None and issubclass(cls, enum.Enum))
        or (pydantic is not None and issubclass(cls, getattr(pydantic, "BaseModel", ())))
        or (msgspec is not None and issubclass(cls, getattr(msgspec, "Struct", ())))
    )


def plain_form(cls: type) -> str | None:
    """What makes a value of a user's class, or of a subclass of a known one, plain; None for any other class."""
    for base in cls.__mro__[1:]:
        module = base.__module__.partition(".")[0]
        if base.__name__ in _TABLES and module in {"pandas", "geopandas", "xarray"}:
            known = cls.__module__.partition(".")[0] in {"pandas", "geopandas", "xarray"}
            return None if known else f"use {module}.{base.__name__}() on it"
    if cls.__module__.partition(".")[0] in {"affine", "odc", "bourn"} or not is_record_class(cls):
        return None
    return next((hint for name, hint in _RECORD_HINTS.items() if _has(cls, name)), "use msgspec.to_builtins() on it")


_RECORD_HINTS = {
    "__dataclass_fields__": "use dataclasses.asdict() on it",
    "__attrs_attrs__": "use attrs.asdict() on it",
    "model_dump": "use its model_dump()",
    "_asdict": "use tuple() on it, or its _asdict()",
    "_member_names_": "use its .value",
}
"""By an attribute of a class that its library gives it: what makes a plain value of an object."""

_TABLES = frozenset({"DataFrame", "Series", "GeoDataFrame", "GeoSeries", "DataArray", "Dataset", "DataTree"})


def _has(cls: type, name: str) -> bool:
    return any(name in base.__dict__ for base in cls.__mro__)


def is_dask_collection(obj: object) -> bool:
    """Whether `obj` is a dask collection that is still to be computed.

    The protocol is looked up on the type: a Delayed pretends to have every attribute. Classes that may or may not hold
    dask arrays, such as xarray's, those derived from them and pint's, always have it and answer None if they do not.
    """
    if not _has(type(obj), "__dask_graph__"):
        return False
    try:
        return obj.__dask_graph__() is not None  # type: ignore[attr-defined]  # looked up just now
    except Exception:  # noqa: BLE001  # code of another library
        return False


def type_name(cls: type) -> str:
    """Such as ``numpy.ndarray``; builtins without their module."""
    module = cls.__module__
    if module.startswith("xarray."):
        module = "xarray"
    return cls.__qualname__ if module == "builtins" else f"{module}.{cls.__qualname__}"
