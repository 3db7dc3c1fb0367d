"""What kind of result an object is, told by its type alone: nothing is imported, computed or asked of the object."""

from __future__ import annotations

import datetime as dt
import sys
from weakref import WeakKeyDictionary

__all__ = ["CONTAINERS", "SCALARS", "has_plain_form", "is_dask_collection", "kinds_of_type", "type_name"]

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
    ("xarray", "DataArray"): ("array",),
    ("xarray", "Dataset"): ("value",),
}
"""Classes by the module that has them: of an object's class the first base among them decides."""

_PLAIN_FORMS = (
    ("collections", "deque"),
    ("decimal", "Decimal"),
    ("enum", "Enum"),
    ("ipaddress", "_IPAddressBase"),
    ("pathlib", "PurePath"),
    ("uuid", "UUID"),
    ("cftime", "datetime"),
    ("msgspec", "Struct"),
    ("pandas", "Index"),
    ("pandas", "Interval"),
    ("pandas", "Period"),
    ("pandas.api.extensions", "ExtensionArray"),
    ("pandas.api.typing", "NAType"),
    ("pyarrow", "Array"),
    ("pydantic", "BaseModel"),
    ("xarray", "DataTree"),
)
"""Classes whose objects have a plain form, by the module that has them; subclasses count, too."""

_PLAIN_BASES = (*(SCALARS - {type(None), bool}), list, tuple, dict)

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


def has_plain_form(cls: type) -> bool:
    """Whether objects of this class, which has no kind of its own, have a plain form that some formats write.

    Such are objects of dataclasses, attrs and pydantic, members of enums, named tuples, pandas' scalars.

    Examples
    --------
    >>> import decimal
    >>> has_plain_form(decimal.Decimal), has_plain_form(object)
    (True, False)
    """
    if issubclass(cls, _PLAIN_BASES) or _has(cls, "__dataclass_fields__") or _has(cls, "__attrs_attrs__"):
        return True
    modules = ((sys.modules.get(module), name) for module, name in _PLAIN_FORMS)
    known = (module.__dict__.get(name) for module, name in modules if module is not None)
    return any(isinstance(found, type) and issubclass(cls, found) for found in known)


def _has(cls: type, name: str) -> bool:
    return any(name in base.__dict__ for base in cls.__mro__)


def is_dask_collection(obj: object) -> bool:
    """Whether `obj` is a dask collection that is still to be computed.

    Looked up on the type: a Delayed pretends to have every attribute. xarray's classes have the protocol whether
    or not they hold dask arrays, and say so by its answer.
    """
    cls = type(obj)
    if not _has(cls, "__dask_graph__"):
        return False
    if cls.__module__.partition(".")[0] == "xarray":
        return obj.__dask_graph__() is not None  # type: ignore[attr-defined]  # looked up just now
    return True


def type_name(cls: type) -> str:
    """Such as ``numpy.ndarray``; builtins without their module."""
    module = cls.__module__
    if module.startswith("xarray."):
        module = "xarray"
    return cls.__qualname__ if module == "builtins" else f"{module}.{cls.__qualname__}"
