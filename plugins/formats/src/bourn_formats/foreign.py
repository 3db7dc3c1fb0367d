"""Objects of any library by the two protocols that they share: ``__geo_interface__`` and Arrow's PyCapsules."""

from __future__ import annotations

import sys
from typing import Any

from bourn_formats.wording import type_path

__all__ = ["arrow_of", "geo_interface_of", "is_arrow_stream", "is_of", "without_attrs"]


def is_of(kind: type, module: str, *names: str) -> bool:
    """Whether a class is one of these, or derived from one; their module is looked up, and not loaded for it."""
    found = sys.modules.get(module)
    own = tuple(cls for name in names if (cls := getattr(found, name, None)) is not None)
    return issubclass(kind, own)


def geo_interface_of(obj: Any) -> Any:
    """GeoJSON as the object itself says it.

    Raises
    ------
    ValueError
        With what it is that can't be written.
    """
    try:
        told = obj.__geo_interface__
    except Exception as cause:  # any of a stranger's
        msg = f"an object of type {type_path(obj)}, whose __geo_interface__ raises {type(cause).__name__},"
        raise ValueError(msg) from cause
    if not isinstance(told, dict) or not isinstance(told.get("type"), str):
        msg = f"an object of type {type_path(obj)}, whose __geo_interface__ is no mapping with a type,"
        raise ValueError(msg)  # noqa: TRY004  # what is wrong is a value within the result
    return told


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
        With what it is that can't be written.
    """
    import pyarrow as pa  # 0.2 s: only for a table

    try:
        try:
            return pa.table(obj)
        except (pa.ArrowInvalid, pa.ArrowTypeError):  # no columns, but values only
            return pa.chunked_array(obj)
    except Exception as cause:  # any of a stranger's
        msg = f"an object of type {type_path(obj)}, whose __arrow_c_stream__ raises {type(cause).__name__},"
        raise ValueError(msg) from cause
