"""A walk through a result, without recursion, that hands its values to a writer."""

from __future__ import annotations

import sys
from itertools import islice
from typing import TYPE_CHECKING, Any

import attrs

from bourn_formats.visitor.objects import taken_apart
from bourn_formats.visitor.output import Refusal
from bourn_formats.visitor.tables import Records
from bourn_formats.wording import key_path, type_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bourn_formats.visitor.output import Writer

__all__ = ["walk"]


def _nothing() -> None:
    """The end of what has none."""


@attrs.define(eq=False)
class _Frame:
    """A container on the way from the root to where the walk is; holds it, so that its id is its own meanwhile."""

    held: Any
    items: Iterator[Any]
    end: Callable[[], None]
    step: Callable[[int], str]
    keyed: bool = False
    done: int = 0


class _Walk:
    def __init__(self, out: Writer) -> None:
        self.out = out
        self.stack: list[_Frame] = []
        self.above: set[int] = set()

    def run(self, root: Any) -> None:
        self.stack.append(_Frame(None, iter((root,)), _nothing, lambda _: ""))
        try:
            while self.stack:
                self._go_on(self.stack[-1])
        except Refusal as refusal:
            frames = self.stack[:-1] if refusal.of_all else self.stack
            path = "result" + "".join(frame.step(frame.done - 1) for frame in frames)
            raise refusal.at(path, self.out.name) from refusal

    def _go_on(self, frame: _Frame) -> None:
        """Write the parts of a container until one has parts itself."""
        for item in frame.items:
            if frame.done:
                self.out.between()
            frame.done += 1
            value = item
            if frame.keyed:
                key, value = item
                self.out.key(key)
            inner = self._value(value)
            if inner is not None:
                if id(inner.held) in self.above:
                    msg = "what contains itself"
                    raise Refusal(msg)
                self.above.add(id(inner.held))
                self.stack.append(inner)
                return
        frame.end()
        self.stack.pop()
        self.above.discard(id(frame.held))

    def _value(self, value: Any) -> _Frame | None:
        """Write a value that has no parts; the frame of one that has."""
        plain = value
        while not self._written(plain):
            frame = self._frame(plain, value)
            if frame is not None:
                return frame
            apart = self.out.apart(plain) or taken_apart(plain, self.out)
            if apart is None:
                hint = " (it has no order: make a sorted list of it)" if isinstance(plain, set | frozenset) else ""
                msg = f"an object of type {type_path(plain)}{hint}"
                raise Refusal(msg)
            (plain,) = apart
        return None

    def _written(self, plain: Any) -> bool:
        """Write `plain` if it is a scalar or an array."""
        numpy = sys.modules.get("numpy")
        if numpy is None or not isinstance(plain, numpy.generic | numpy.ndarray):
            return self.out.scalar(plain)
        if plain is numpy.ma.masked:
            self.out.none("masked")
            return True
        if isinstance(plain, numpy.generic):
            return self.out.numpy_scalar(plain)
        return self.out.array(plain)

    def _frame(self, plain: Any, value: Any) -> _Frame | None:
        """The frame of a container that stands for `value`."""
        if isinstance(plain, dict):
            pairs = list(plain.items())
            self.out.begin_map(len(pairs))
            step = lambda index: key_path(pairs[index][0], index)  # noqa: E731  # needs `pairs`
            return _Frame(value, iter(pairs), self.out.end_map, step, keyed=True)
        if isinstance(plain, list | tuple):
            self.out.count("tuple", isinstance(plain, tuple))
            self.out.begin_list(len(plain))
            done = self.out.plain(plain)
            return _Frame(value, islice(plain, done, None), self.out.end_list, _place, done=done)
        if isinstance(plain, Records):
            self.out.begin_list(plain.count)
            return _Frame(value, plain.values, self.out.end_list, _place)
        numpy = sys.modules.get("numpy")
        if numpy is not None and isinstance(plain, numpy.ndarray) and plain.dtype.kind == "O":
            if plain.ndim == 0:
                return _Frame(value, iter((plain.item(),)), _nothing, lambda _: "")
            self.out.begin_list(len(plain))
            return _Frame(value, iter(plain), self.out.end_list, _place)
        return None


def _place(index: int) -> str:
    return f"[{index}]"


def walk(result: Any, out: Writer) -> None:
    """Write `result` to `out`.

    Raises
    ------
    EncodeError
        Naming the path of what the format does not have.
    """
    _Walk(out).run(result)
