"""Objects of other libraries by the protocols they share, ``__geo_interface__`` and Arrow's PyCapsules, and hints."""

from __future__ import annotations

import enum
import sys
from collections.abc import Mapping
from typing import Any

from bourn_formats.wording import type_path

__all__ = ["arrow_of", "geo_interface_of", "is_arrow_stream", "is_of", "plain_form_hint", "without_attrs"]

DEEPEST_FEATURE = 100
"""Levels of a ``__geo_interface__``: a collection of features of collections of geometries has about ten."""

LONGEST_REASON = 200
"""Characters of another library's message that are quoted."""


def is_of(kind: type, module: str, *names: str) -> bool:
    """Whether a class is one of these, or derived from one; their module is looked up, and not loaded for it."""
    found = sys.modules.get(module)
    own = tuple(cls for name in names if (cls := getattr(found, name, None)) is not None)
    return issubclass(kind, own)


def geo_interface_of(obj: Any) -> Any:
    """The GeoJSON that the object's ``__geo_interface__`` gives, in plain mappings and lists.

    Raises
    ------
    ValueError
        The object does not follow the protocol.
    """
    try:
        found = obj.__geo_interface__
        if isinstance(found, Mapping) and isinstance(found.get("type"), str):
            return _plain(found, 0)
    except Exception as cause:  # third-party code
        msg = f"an object of type {type_path(obj)}, whose __geo_interface__ raises {type(cause).__name__},"
        raise ValueError(msg) from cause
    msg = f"an object of type {type_path(obj)}, whose __geo_interface__ is no mapping with a type,"
    raise ValueError(msg)


def _plain(value: Any, level: int) -> Any:
    """Mappings as dicts: those of the library geojson give themselves as ``__geo_interface__``."""
    if level > DEEPEST_FEATURE:
        raise RecursionError
    if isinstance(value, Mapping):
        return {key: _plain(part, level + 1) for key, part in value.items()}
    if type(value) is list or type(value) is tuple:
        if not any(isinstance(part, Mapping | list | tuple) or _has_features(part) for part in value):
            return value
        return type(value)(_plain(part, level + 1) for part in value)
    return _plain(value.__geo_interface__, level + 1) if _has_features(value) else value


def _has_features(value: Any) -> bool:
    return hasattr(type(value), "__geo_interface__")


def without_attrs(frame: Any) -> Any:
    """The same columns as a pandas table without attributes, of which pandas makes a deep copy whenever it is asked."""
    return sys.modules["pandas"].DataFrame(frame, copy=False)


def is_arrow_stream(kind: type) -> bool:
    """Whether objects of a class give themselves as an Arrow stream, and are neither pyarrow's nor pandas' own."""
    known = is_of(kind, "pandas", "DataFrame", "Series") or kind.__module__.partition(".")[0] == "pyarrow"
    return hasattr(kind, "__arrow_c_stream__") and not known


def arrow_of(obj: Any) -> Any:
    """The pyarrow table of an object with ``__arrow_c_stream__``; a chunked array if it has one column without a name.

    See https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html.

    Raises
    ------
    ValueError
        The object does not follow the protocol, or it has values that Arrow can't hold.
    """
    import pyarrow as pa  # 0.2 s: only for a table

    _check_pointers(obj)
    try:
        try:
            return pa.table(obj)
        except (pa.ArrowInvalid, pa.ArrowTypeError) as cause:
            try:
                return pa.chunked_array(obj)  # no columns, but values only
            except (pa.ArrowInvalid, pa.ArrowTypeError):
                raise cause from None
    except pa.ArrowException as cause:
        reason = str(cause).partition("\n")[0][:LONGEST_REASON]
        msg = f"an object of type {type_path(obj)}, which pyarrow does not read ({type(cause).__name__}: {reason}),"
        raise ValueError(msg) from cause
    except Exception as cause:  # third-party code
        msg = f"an object of type {type_path(obj)}, whose __arrow_c_stream__ raises {type(cause).__name__},"
        raise ValueError(msg) from cause


def _check_pointers(obj: Any) -> None:
    """Refuse polars' columns of Python objects: polars gives their addresses in this process."""
    polars = sys.modules.get("polars")
    if polars is None or not is_of(type(obj), "polars", "DataFrame", "Series"):
        return
    is_frame = isinstance(obj, polars.DataFrame)
    dtypes: dict[str, Any] = dict(obj.schema) if is_frame else {obj.name: obj.dtype}
    for name, dtype in dtypes.items():
        if _holds_objects(dtype, polars):
            where = f"a polars table whose column {name!r} is" if is_frame else "a polars Series"
            msg = f"{where} of dtype {dtype} (cast it, such as with map_elements(str, return_dtype=polars.String)),"
            raise ValueError(msg)


def _holds_objects(dtype: Any, polars: Any) -> bool:
    if dtype == polars.Object:
        return True
    inner = [getattr(dtype, "inner", None), *(field.dtype for field in getattr(dtype, "fields", ()))]
    return any(part is not None and _holds_objects(part, polars) for part in inner)


_HINTS = (
    ("pydantic", "BaseModel", "use its model_dump()"),
    ("msgspec", "Struct", "use msgspec.to_builtins() on it"),
    ("pint", "Quantity", "send its .magnitude and str() of its .units"),
    ("sparse", "SparseArray", "use its todense()"),
    ("cupy", "ndarray", "use its get()"),
    ("numpy", "ndarray", "use numpy.asarray() on it"),
    ("xarray", "DataArray", "use xarray.DataArray() on it"),
    ("xarray", "Dataset", "use xarray.Dataset() on it"),
    ("geopandas", "GeoDataFrame", "use geopandas.GeoDataFrame() on it"),
    ("geopandas", "GeoSeries", "use geopandas.GeoSeries() on it"),
    ("pandas", "DataFrame", "use pandas.DataFrame() on it"),
    ("pandas", "Series", "use pandas.Series() on it"),
    ("pyarrow", "RecordBatchReader", "use its read_all()"),
    ("fractions", "Fraction", "use str() or float()"),
    ("ipaddress", "_IPAddressBase", "use str()"),
    ("zoneinfo", "ZoneInfo", "use its .key"),
)
"""(module, class, what makes another value of it); a subclass counts, too."""

_PLAIN = (bool, int, float, complex, str, bytes, tuple, list, dict, set, frozenset)


def plain_form_hint(kind: type) -> str:
    """How an object of a class becomes one that can be sent, in brackets; nothing where that is not known."""
    if hasattr(kind, "__dataclass_fields__"):
        hint = "use dataclasses.asdict() on it"
    elif hasattr(kind, "__attrs_attrs__"):
        hint = "use attrs.asdict() on it"
    elif issubclass(kind, enum.Enum):
        hint = "use its .value"
    elif issubclass(kind, tuple) and hasattr(kind, "_asdict"):
        hint = "use tuple() on it, or its _asdict()"
    else:
        own = (text for module, name, text in _HINTS if is_of(kind, module, name))
        plain = (f"use {base.__name__}() on it" for base in _PLAIN if issubclass(kind, base))
        hint = next(own, "") or next(plain, "")
    return f" ({hint})" if hint else ""
