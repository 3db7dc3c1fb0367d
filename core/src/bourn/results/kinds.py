"""What kind of result an object is, told by its type alone: nothing is imported, computed or asked of the object."""

from __future__ import annotations

import datetime as dt
import sys
from collections import deque
from enum import Enum
from weakref import WeakKeyDictionary

__all__ = ["CONTAINERS", "SCALARS", "has_plain_form", "is_dask_collection", "kinds_of_type", "type_name"]

SCALARS = frozenset({
    type(None), bool, int, float, complex, str, bytes, dt.datetime, dt.date, dt.time, dt.timedelta,
})  # fmt: skip
"""Exact types: of a subclass a format may give back the plain value, which is another one; see `has_plain_form`."""

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
    ("xarray", "DataArray"): ("array",),
    ("xarray", "Dataset"): ("value",),
    **dict.fromkeys((
        ("collections", "OrderedDict"), ("collections", "deque"), ("decimal", "Decimal"), ("uuid", "UUID"), ("pathlib", "PurePath"), ("ipaddress", "_IPAddressBase"),
        ("pandas", "Timestamp"), ("pandas", "Timedelta"), ("pandas", "Period"), ("pandas", "Interval"),
        ("pandas", "Index"), ("pandas.api.typing", "NaTType"), ("pandas.api.typing", "NAType"), ("cftime", "datetime"),
    ), ("value",)),
}  # fmt: skip
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
    return None


def _has(cls: type, name: str) -> bool:
    return any(name in base.__dict__ for base in cls.__mro__)


_PLAIN_BASES = (
    str, bytes, int, float, complex, dt.date, dt.time, dt.timedelta, list, tuple, dict, set, frozenset, deque, Enum,
)  # fmt: skip

_FIELDS = ("__dataclass_fields__", "__attrs_attrs__", "__pydantic_fields__", "__struct_fields__")
"""Attributes by which dataclasses, attrs, pydantic and msgspec name the fields of a class."""


def has_plain_form(cls: type) -> bool:
    """Whether objects of this class are a plain value or mapping of fields under another class.

    Formats for people and other languages write that; one that gives back the same objects refuses them.

    Examples
    --------
    >>> from collections import OrderedDict
    >>> has_plain_form(OrderedDict), has_plain_form(dict), has_plain_form(object)
    (True, False, False)
    """
    if cls in SCALARS or cls in CONTAINERS or issubclass(cls, type):
        return False
    return issubclass(cls, _PLAIN_BASES) or any(_has(cls, name) for name in _FIELDS)


def is_dask_collection(obj: object) -> bool:
    """Whether `obj` is a dask collection that is still to be computed.

    The protocol is looked up on the type: a Delayed pretends to have every attribute. Classes that may or may not hold
    dask arrays, such as xarray's and pint's, have it in any case, and answer None if they do not.
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
