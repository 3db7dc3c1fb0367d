"""numpy's dtypes as JSON, without eval and without pickle."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

__all__ = ["dtype_read", "dtype_written"]

DEEPEST = 16
"""Levels of structured dtypes."""

# bool, integers, floats, complex, timedelta, datetime, bytes, str, raw; with a unit for times. No objects.
_PLAIN = re.compile(r"[|<>=]?([biufcSUV][0-9]{1,10}|[mM]8(\[[0-9]{0,10}[A-Za-zµ]{1,7}(/[0-9]{1,10})?\])?)")


def dtype_written(dtype: np.dtype[Any], level: int = 0) -> Any:
    """`dtype`, in its own byte order, as JSON: a text such as ``<f8``, or a mapping for one with fields.

    Raises
    ------
    ValueError
        It holds Python objects, or is of a kind that only numpy knows how to store.
    """
    if dtype.hasobject or level > DEEPEST:
        msg = f"dtype {dtype}"
        raise ValueError(msg)
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        return {"base": dtype_written(base, level + 1), "shape": list(shape)}
    if dtype.fields is not None and dtype.names is not None:
        if dtype.type is not np.void:
            msg = f"a structured dtype of type {dtype.type.__name__}"
            raise ValueError(msg)
        fields = []
        for name in dtype.names:
            inner, offset, *title = dtype.fields[name]
            if title and type(title[0]) is not str:
                msg = f"a field {name!r} whose title is no text"
                raise ValueError(msg)
            fields.append([name, dtype_written(inner, level + 1), offset, *title])
        return {"fields": fields, "itemsize": dtype.itemsize, "aligned": dtype.isalignedstruct}
    text = dtype.str
    # Somebody's own dtype, such as bfloat16, says of itself no more than its size.
    if not _PLAIN.fullmatch(text) or np.dtype(text) != dtype:
        msg = f"dtype {dtype}"
        raise ValueError(msg)
    return text


def dtype_read(written: Any, level: int = 0) -> np.dtype[Any]:
    """The dtype that was written.

    Raises
    ------
    ValueError
        This is no description of a dtype.
    """
    if isinstance(written, str) and _PLAIN.fullmatch(written):
        return np.dtype(written)
    if level > DEEPEST or not isinstance(written, dict):
        msg = "no dtype"
        raise ValueError(msg)
    if "base" in written:
        return np.dtype((dtype_read(written["base"], level + 1), tuple(written["shape"])))
    fields = [(name, dtype_read(inner, level + 1), *rest) for name, inner, *rest in written["fields"]]
    facts: dict[str, Any] = {
        "names": [name for name, *_ in fields],
        "formats": [inner for _, inner, *_ in fields],
        "offsets": [offset for _, _, offset, *_ in fields],
        "itemsize": written["itemsize"],
    }
    if any(len(title) for _, _, _, *title in fields):
        facts["titles"] = [title[0] if title else None for _, _, _, *title in fields]
    return np.dtype(facts, align=bool(written["aligned"]))  # type: ignore[call-overload, no-any-return]
