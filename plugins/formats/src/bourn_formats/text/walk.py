"""A walk through a result, without recursion, that writes it as JSON."""

from __future__ import annotations

import sys
from itertools import islice
from typing import TYPE_CHECKING, Any

import attrs
import orjson

from bourn_formats.text import scalars
from bourn_formats.text.composites import Records, taken_apart
from bourn_formats.text.output import Output, Refusal
from bourn_formats.wording import key_path, type_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["walk"]

CHUNK = 16 << 10
"""Items of a list of plain scalars that become text at a time."""

FEW = 8
"""Items; a shorter list is not worth a look at all its types."""

_PLAIN = {int, float, str, bool, type(None)}


@attrs.define(eq=False)
class _Frame:
    """A container on the way from the root to where the walk is; holds it, so that its id is its own meanwhile."""

    held: Any
    items: Iterator[Any]
    end: bytes
    step: Callable[[int], str]
    keyed: bool = False
    done: int = 0


class _Walk:
    def __init__(self, out: Output) -> None:
        self.out = out
        self.stack: list[_Frame] = []
        self.above: set[int] = set()

    def run(self, root: Any) -> None:
        self.stack.append(_Frame(None, iter((root,)), b"", lambda _: ""))
        try:
            while self.stack:
                self._go_on(self.stack[-1])
        except Refusal as refusal:
            raise refusal.at("result" + "".join(frame.step(frame.done - 1) for frame in self.stack)) from refusal

    def _go_on(self, frame: _Frame) -> None:
        """Write the parts of a container until one has parts itself."""
        put = self.out.put
        for item in frame.items:
            if frame.done:
                put(b",")
            frame.done += 1
            value = item
            if frame.keyed:
                key, value = item
                if not isinstance(key, str):
                    msg = f"a key of type {type_path(key)}"
                    raise Refusal(msg)
                put(scalars.text(key) + b":")
            inner = self._value(value)
            if inner is not None:
                if id(inner.held) in self.above:
                    msg = "what contains itself"
                    raise Refusal(msg)
                self.above.add(id(inner.held))
                self.stack.append(inner)
                return
        put(frame.end)
        self.stack.pop()
        self.above.discard(id(frame.held))

    def _value(self, value: Any) -> _Frame | None:
        """Write a value that has no parts; the frame of one that has."""
        plain = value
        while True:
            found, inner = self._plain(value, plain)
            if found:
                return inner
            apart = taken_apart(plain, self.out)
            if apart is None:
                hint = " (it has no order: make a sorted list of it)" if isinstance(plain, set | frozenset) else ""
                msg = f"an object of type {type_path(plain)}{hint}"
                raise Refusal(msg)
            (plain,) = apart

    def _plain(self, value: Any, plain: Any) -> tuple[bool, _Frame | None]:
        """Whether `plain`, which stands for `value`, is no object to be taken apart; and its frame if it has parts."""
        numpy = sys.modules.get("numpy")
        if numpy is not None and isinstance(plain, numpy.generic | numpy.ndarray):
            return self._numpy(plain)
        written = scalars.scalar(plain, self.out)
        if written is not None:
            self.out.put(written)
            return True, None
        if isinstance(plain, dict):
            pairs = list(plain.items())
            self.out.put(b"{")
            return True, _Frame(value, iter(pairs), b"}", lambda index: key_path(pairs[index][0], index), keyed=True)
        if isinstance(plain, list | tuple):
            self.out.count("tuple", isinstance(plain, tuple))
            self.out.put(b"[")
            return True, self._list(plain, value)
        if isinstance(plain, Records):
            self.out.put(b"[")
            return True, _Frame(value, plain.values, b"]", lambda index: f"[{index}]")
        return False, None

    def _list(self, values: list[Any] | tuple[Any, ...], held: Any) -> _Frame:
        """The frame of what is left of a list after all that orjson can write at once."""
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
                    self.out.put(b",")
                self.out.put_inner(text)
                done += CHUNK
        return _Frame(held, islice(values, done, None), b"]", lambda index: f"[{index}]", done=min(done, len(values)))

    def _numpy(self, value: Any) -> tuple[bool, _Frame | None]:
        import numpy as np  # loaded already: this is one of its objects

        from bourn_formats.text.arrays import write_array  # numpy

        if value is np.ma.masked:
            self.out.count("masked")
            self.out.put(b"null")
        elif isinstance(value, np.generic):
            written = scalars.numpy_scalar(value, self.out)
            if written is None:
                return False, None
            self.out.put(written)
        elif value.dtype.kind != "O":
            write_array(value, self.out)
        elif value.ndim == 0:
            return True, _Frame(value, iter((value.item(),)), b"", lambda _: "")
        else:
            self.out.put(b"[")
            return True, _Frame(value, iter(value), b"]", lambda index: f"[{index}]")
        return True, None


def walk(result: Any, out: Output) -> None:
    """Write `result` to `out`.

    Raises
    ------
    EncodeError
        Naming the path of what JSON does not have.
    """
    _Walk(out).run(result)
    out.flush()
