"""Columns of Python objects as Arrow columns, where these give the same objects again."""

from __future__ import annotations

import datetime as dt
import decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

__all__ = ["objects_as_arrow"]

EXACT = frozenset({str, bytes, bool, int, float, dt.date})
"""Types of which Arrow gives back each value as it was."""


def objects_as_arrow(values: np.ndarray[Any, Any]) -> Any:
    """An Arrow column whose `to_pylist` is `values` again: of one type, or None; None if there is no such column."""
    import pyarrow as pa  # 0.2 s: only for a table

    listed = values.tolist()
    kinds = set(map(type, listed)) - {type(None)}
    if len(kinds) > 1 or not kinds <= {*EXACT, decimal.Decimal}:
        return None
    try:
        column = pa.array(listed, from_pandas=False)
    except (pa.ArrowException, OverflowError, UnicodeEncodeError):  # beyond 64 bits; with lone surrogates
        return None
    if decimal.Decimal in kinds and list(map(repr, column.to_pylist())) != list(map(repr, listed)):
        return None  # of several scales, or NaN
    return column
