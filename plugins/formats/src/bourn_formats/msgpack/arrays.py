"""numpy's arrays as extensions: a few bytes that say what they are, then their own memory."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from bourn_formats.pyarrow.arrays import iter_bytes
from bourn_formats.visitor.output import Refusal

if TYPE_CHECKING:
    from bourn_formats.msgpack.scalars import MsgPackOutput

__all__ = ["ARRAY", "write_array"]

ARRAY = 1
"""The extension's type."""

PIECE = 4 << 20
"""Bytes of an array whose elements do not lie one after the other that are copied at a time."""

LARGEST_FLOAT = 8
"""Bytes; a longer float is another one on every machine."""


def write_array(array: np.ndarray[Any, Any], out: MsgPackOutput) -> None:
    """Write an array of numbers, bools, times, or texts and bytes of one length.

    Raises
    ------
    Refusal
        Its dtype is none of these.
    """
    array = np.asarray(array)
    dtype = array.dtype
    if not _is_plain(dtype):
        msg = f"an array of dtype {dtype}"
        raise Refusal(msg)
    order = "F" if array.flags.f_contiguous and not array.flags.c_contiguous else "C"
    rows = array.T if order == "F" else array
    name = dtype.str.encode("ascii", "backslashreplace")
    shape = struct.pack(f">{array.ndim}Q", *array.shape)
    head = struct.pack(">B", len(name)) + name + order.encode() + struct.pack(">B", array.ndim) + shape
    if not array.nbytes:
        pieces: Any = ()
    elif rows.flags.c_contiguous:
        # As uint8: datetimes have no buffer protocol. A view; nothing is copied.
        pieces = (rows.reshape(-1).view(np.uint8).data,)
    else:
        pieces = iter_bytes(rows, dtype)(PIECE)
    out.extension("an array", ARRAY, head, array.nbytes, pieces)


def _is_plain(dtype: np.dtype[Any]) -> bool:
    if dtype.kind not in "biufcmMSUV" or dtype.hasobject or dtype.fields is not None:
        return False
    if dtype.kind in "fc" and dtype.itemsize > LARGEST_FLOAT * (2 if dtype.kind == "c" else 1):
        return False
    # Somebody's own dtype, such as bfloat16, says of itself no more than its size.
    return np.dtype(dtype.str) == dtype
