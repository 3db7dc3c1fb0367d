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
    """`dtype` in native byte order as JSON: a text such as ``<f8``, or a mapping for one with fields.

    Raises
    ------
    ValueError
        It holds Python objects, titles, or is of a kind that only numpy knows how to store.
    """
    if dtype.hasobject or level > DEEPEST:
        msg = f"dtype {dtype}"
        raise ValueError(msg)
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        return {"base": dtype_written(base, level + 1), "shape": list(shape)}
    if dtype.fields is not None and dtype.names is not None:
        if dtype.type is not np.void or any(len(dtype.fields[name]) > 2 for name in dtype.names):  # noqa: PLR2004  # a title
            msg = f"a structured dtype with titles or of type {dtype.type.__name__}"
            raise ValueError(msg)
        fields = [[name, dtype_written(dtype[name], level + 1), dtype.fields[name][1]] for name in dtype.names]
        return {"fields": fields, "itemsize": dtype.itemsize, "aligned": dtype.isalignedstruct}
    text = dtype.newbyteorder("=").str
    if not _PLAIN.fullmatch(text):
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
    names, formats, offsets = [], [], []
    for name, inner, offset in written["fields"]:
        names.append(name)
        formats.append(dtype_read(inner, level + 1))
        offsets.append(offset)
    facts = {"names": names, "formats": formats, "offsets": offsets, "itemsize": written["itemsize"]}
    return np.dtype(facts, align=bool(written["aligned"]))  # type: ignore[call-overload, no-any-return]
