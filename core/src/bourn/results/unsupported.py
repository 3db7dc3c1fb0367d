"""Why an object can't be sent, worded for the one who tried."""

from __future__ import annotations

import sys
from typing import cast

from bourn.results.kinds import CONTAINERS, SCALARS, type_name

__all__ = ["SENDABLE", "refusal"]

SENDABLE = (
    "What can be sent: plain values (None, bool, int, float, complex, str, bytes, dates and times, and lists, tuples, "
    "dicts and sets of them), Decimal, UUID, paths, enums, named tuples, objects of dataclasses, attrs and pydantic, "
    "numpy and dask arrays, bourn.Image, xarray objects, pyarrow, pandas and polars tables and their scalars, "
    "objects with __geo_interface__ or __arrow_c_stream__, and what is still to be computed: dask collections and "
    "callables"
)

_HINTS = {
    **dict.fromkeys(("generator", "map", "filter", "zip", "enumerate", "range"), "; make a list of it"),
    "coroutine": "; await it first",
    "fractions.Fraction": "; use float() or str()",
    "pyarrow.lib.RecordBatchReader": "; use its read_all()",
    "polars.lazyframe.frame.LazyFrame": "; call its collect()",
    "bytearray": "; use bytes()",
    "memoryview": "; use bytes()",
}


def refusal(obj: object) -> str:
    """One clause on why `obj` can't be sent, with what to do where that is known. Only its type is looked at."""
    if issubclass(type(obj), type):
        return f"the class {type_name(cast('type', obj))} is a class, not a result"
    cls = type(obj)
    return f"an object of type {type_name(cls)} can't be sent{_hint(cls)}"


def _hint(cls: type) -> str:
    numpy = sys.modules.get("numpy")
    plain = next((base.__name__ for base in cls.__mro__[1:] if base in CONTAINERS or base in SCALARS), None)
    name = type_name(cls)
    if name in _HINTS:
        hint = _HINTS[name]
    elif any(base.__module__ in {"io", "_io"} for base in cls.__mro__):
        hint = "; read it, and send what it holds"
    elif numpy is not None and issubclass(cls, numpy.ndarray):
        hint = "; use numpy.asarray() on it"
    elif plain is not None:
        # A format would give back the plain value: another one than went in, and nothing changes in silence.
        hint = f"; make a plain {plain} of it"
    else:
        hint = ""
    return hint
