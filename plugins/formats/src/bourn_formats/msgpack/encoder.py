"""MessagePack as a walk writes it, value by value."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from bourn_formats.msgpack import scalars
from bourn_formats.visitor.output import Refusal
from bourn_formats.wording import type_path

if TYPE_CHECKING:
    import numpy as np

    from bourn_formats.msgpack.scalars import MsgPackOutput

__all__ = ["MsgPackWriter"]

CHUNK = 8 << 10
"""Items of a list of plain scalars that are packed at a time."""

FEW = 8
"""Items; a shorter list is not worth a look at all its types."""

_PLAIN = {int, float, str, bool, type(None)}
_LONG_TEXT = 1024
"""Characters; lists of longer ones are not packed at once."""


class MsgPackWriter:
    """Writes values as MessagePack.

    Parameters
    ----------
    out : MsgPackOutput
    """

    name = "msgpack"

    def __init__(self, out: MsgPackOutput) -> None:
        self._out = out
        self.count = out.count

    def none(self, kind: str) -> None:
        """Write nil, and count it."""
        self.count(kind)
        self._out.pack(None)

    def scalar(self, value: Any) -> bool:
        """Write one of Python's scalars."""
        return scalars.write_scalar(value, self._out)

    def numpy_scalar(self, value: np.generic) -> bool:
        """Write one of numpy's scalars."""
        return scalars.write_numpy(value, self._out)

    def array(self, value: np.ndarray[Any, Any]) -> bool:
        """Write an array as an extension, unless it has a mask, or texts of several lengths."""
        from bourn_formats.msgpack.arrays import write_array  # numpy, which is loaded then

        if isinstance(value, sys.modules["numpy"].ma.MaskedArray) or value.dtype.kind == "T":
            return False
        write_array(value, self._out)
        return True

    def apart(self, value: Any) -> tuple[Any] | None:
        """A masked array as two arrays; texts of several lengths as nested lists."""
        numpy = sys.modules.get("numpy")
        if numpy is None or not isinstance(value, numpy.ndarray):
            return None
        if isinstance(value, numpy.ma.MaskedArray):
            self.count("masked_array")
            return ({"ndarray": value.data, "mask": numpy.ma.getmaskarray(value)},)
        self.count("texts")
        return (value.tolist(),)

    def begin_list(self, count: int) -> None:
        """The length, and nothing between and behind the items."""
        self._out.put(self._out.packer.pack_array_header(count))

    def begin_map(self, count: int) -> None:
        """The number of keys, and nothing between and behind them."""
        self._out.put(self._out.packer.pack_map_header(count))

    def plain(self, values: list[Any] | tuple[Any, ...]) -> int:
        """Write as many as the packer can write at once."""
        done = 0
        if len(values) > FEW and set(map(type, values)) <= _PLAIN:
            while done < len(values):
                chunk = values[done : done + CHUNK]
                if any(type(item) is str and len(item) > _LONG_TEXT for item in chunk):
                    break
                try:
                    packed = self._out.packer.pack(chunk)
                except (OverflowError, UnicodeEncodeError):
                    break  # an int beyond 64 bits, or a lone surrogate
                self._out.put(packed[1 if len(chunk) < 16 else 3 :])  # noqa: PLR2004  # fixarray; array 16
                done += CHUNK
        return min(done, len(values))

    def key(self, key: Any) -> None:
        """Write a key: a text, bytes, or an integer of 64 bits."""
        is_int = isinstance(key, int) and not isinstance(key, bool) and scalars.is_short_int(key)
        if not (is_int or isinstance(key, str | bytes)):
            msg = f"a key of type {type_path(key)}" + (" beyond 64 bits" if type(key) is int else "")
            raise Refusal(msg)
        scalars.write_scalar(key, self._out)

    def between(self) -> None:
        """Nothing."""

    def end_list(self) -> None:
        """Nothing."""

    def end_map(self) -> None:
        """Nothing."""
