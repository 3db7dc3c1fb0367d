"""JSON as a walk writes it, value by value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from bourn_formats.json import scalars
from bourn_formats.visitor.output import Refusal
from bourn_formats.wording import type_path

if TYPE_CHECKING:
    import numpy as np

    from bourn_formats.json.scalars import JSONOutput

__all__ = ["JSONWriter"]

CHUNK = 16 << 10
"""Items of a list of plain scalars that become text at a time."""

FEW = 8
"""Items; a shorter list is not worth a look at all its types."""

_PLAIN = {int, float, str, bool, type(None)}


class JSONWriter:
    """Writes values as JSON.

    Parameters
    ----------
    out : JSONOutput
    """

    name = "json"

    def __init__(self, out: JSONOutput) -> None:
        self._out = out
        self._put = out.put
        self.count = out.count

    def none(self, kind: str) -> None:
        """Write null, and count it."""
        self.count(kind)
        self._put(b"null")

    def scalar(self, value: Any) -> bool:
        """Write one of Python's scalars."""
        written = scalars.scalar(value, self._out)
        if written is not None:
            self._put(written)
        return written is not None

    def numpy_scalar(self, value: np.generic) -> bool:
        """Write one of numpy's scalars."""
        written = scalars.numpy_scalar(value, self._out)
        if written is not None:
            self._put(written)
        return written is not None

    def array(self, value: np.ndarray[Any, Any]) -> bool:
        """Write an array as nested lists, unless it holds objects."""
        if value.dtype.kind == "O":
            return False
        from bourn_formats.json.arrays import write_array  # numpy, which is loaded then

        write_array(value, self._out)
        return True

    def apart(self, _value: Any) -> None:
        """Nothing is taken apart for JSON alone."""
        return

    def begin_list(self, _count: int) -> None:
        """``[``."""
        self._put(b"[")

    def begin_map(self, _count: int) -> None:
        """``{``."""
        self._put(b"{")

    def plain(self, values: list[Any] | tuple[Any, ...]) -> int:
        """Write as many as orjson can write at once."""
        done = 0
        if len(values) > FEW and set(map(type, values)) <= _PLAIN:
            while done < len(values):
                try:
                    text = orjson.dumps(values[done : done + CHUNK])
                except orjson.JSONEncodeError:
                    break  # an int beyond 64 bits, or a lone surrogate
                if b"null" in text:
                    break  # NaN may be among them
                if done:
                    self._put(b",")
                self._out.put_inner(text)
                done += CHUNK
        return min(done, len(values))

    def key(self, key: Any) -> None:
        """Write a key, which must be a text."""
        if not isinstance(key, str):
            msg = f"a key of type {type_path(key)}"
            raise Refusal(msg, hint=" (use str keys; msgpack keeps integers, pyarrow any)")
        self._put(scalars.text(key) + b":")

    def between(self) -> None:
        """``,``."""
        self._put(b",")

    def end_list(self) -> None:
        """``]``."""
        self._put(b"]")

    def end_map(self) -> None:
        """``}``."""
        self._put(b"}")
