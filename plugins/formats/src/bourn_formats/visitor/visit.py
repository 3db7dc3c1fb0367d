"""Visits the parts of a result in order, without recursion, and hands them to the writer of a format."""

from __future__ import annotations

import sys
from itertools import islice
from typing import TYPE_CHECKING, Any

import attrs

from bourn_formats.visitor.objects import simplify
from bourn_formats.visitor.output import BATCH, Records, Refusal
from bourn_formats.visitor.plain import SMALL, is_small
from bourn_formats.wording import key_path, type_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bourn_formats.visitor.output import Writer

__all__ = ["visit"]

FEW = 8
"""Items; a shorter list within one that has to be visited is not worth a try as a whole."""

FIRST = 64
"""Items of the first chunk of a list; the next ones are larger or smaller by the bytes that they give."""

LARGEST = 8192
"""Items of a chunk."""

CHUNK_BYTES = 256 << 10
"""Bytes that a chunk should give."""


def _nothing() -> None:
    """The end of what has none."""


@attrs.define(eq=False)
class _Frame:
    """A container on the way from the root to the current value.

    Attributes
    ----------
    held : object
        The container; held, so that no other object gets its id meanwhile.
    items : iterator
        What is still to be visited.
    end : callable
        Writes the end of the container.
    step : callable
        The part of the path for an item's index.
    keyed : bool
        Whether items are pairs of key and value.
    done : int
        Number of items written.
    tried : bool
        Whether the container was part of a chunk that could not be written as a whole.
    table : bool
        Whether it is the rows of a table.
    """

    held: Any
    items: Iterator[Any]
    end: Callable[[], None]
    step: Callable[[int], str]
    keyed: bool = False
    done: int = 0
    tried: bool = False
    table: bool = False


class _Visit:
    def __init__(self, out: Writer, base: str) -> None:
        self.out = out
        self.base = base
        self.stack: list[_Frame] = []
        self.above: set[int] = set()

    def run(self, root: Any) -> None:
        self.stack.append(_Frame(None, iter((root,)), _nothing, lambda _: ""))
        self.out.locate(self._path)
        try:
            while self.stack:
                self._continue(self.stack[-1])
        except Refusal as refusal:
            # A table that is written by columns has no frame of its own.
            frames = self.stack[:-1] if refusal.of_all and self.stack[-1].table else self.stack
            raise refusal.at(self._path(frames), self.out.name) from refusal

    def _path(self, frames: list[_Frame] | None = None) -> str:
        frames = self.stack if frames is None else frames
        return self.base + "".join(frame.step(frame.done - 1) for frame in frames if frame.done)

    def _continue(self, frame: _Frame) -> None:
        """Write the items of a container until one has items itself."""
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
        """Write a value that has no items; return the frame of one that has."""
        plain = value
        while not self._written(plain):
            frame = self._frame(plain, value)
            if frame is not None:
                return frame
            simpler = self.out.simplify(plain) or simplify(plain, self.out)
            if simpler is None:
                hint = " (it has no order: make a sorted list of it)" if isinstance(plain, set | frozenset) else ""
                msg = f"an object of type {type_path(plain)}{hint}"
                raise Refusal(msg)
            (plain,) = simpler
        return None

    def _written(self, plain: Any) -> bool:
        """Write `plain` if it is a scalar, an array, or a table that is written by columns."""
        if type(plain) is Records:
            return self.out.records(plain)
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
        tried = self.stack[-1].tried
        kind = type(plain)
        self.out.count("class", issubclass(kind, dict | list) and kind is not dict and kind is not list)
        if isinstance(plain, dict):
            return self._mapping(plain, value, tried=tried)
        if isinstance(plain, list | tuple):
            self.out.count("tuple", isinstance(plain, tuple))
            self.out.begin_list(len(plain))
            frame = _Frame(value, iter(plain), self.out.end_list, _index_step, tried=tried)
            if len(plain) > FEW or not tried:
                frame.items = self._list_items(frame, plain)
            return frame
        if isinstance(plain, Records):
            self.out.begin_list(plain.rows)
            frame = _Frame(value, iter(()), self.out.end_list, _index_step, tried=tried, table=True)
            frame.items = self._record_items(frame, plain.values(self.out))
            return frame
        return None

    def _mapping(self, plain: dict[Any, Any], value: Any, *, tried: bool) -> _Frame:
        pairs = list(plain.items())
        self.out.begin_map(len(pairs))
        step = lambda index: key_path(pairs[index][0], index)  # noqa: E731  # needs `pairs`
        frame = _Frame(value, iter(pairs), self.out.end_map, step, keyed=True, tried=tried)
        if len(pairs) > FIRST:
            frame.items = self._pair_items(frame, pairs)
        elif not tried and is_small(plain):
            frame.items = self._whole_items(frame, plain, pairs)
        return frame

    def _list_items(self, frame: _Frame, values: list[Any] | tuple[Any, ...]) -> Iterator[Any]:
        """Write chunks of a list as a whole where that can be; yield the items of the others."""
        start, size, missed = 0, FIRST, 0
        while start < len(values):
            chunk = values[start : start + size]
            if type(chunk) is not list:
                chunk = list(chunk)
            if not is_small(chunk[0]):
                frame.tried = False
                yield chunk[0]
                start += 1
                continue
            start += len(chunk)
            written = self._chunk(frame, chunk)
            if written:
                size, missed = _next_size(size, written), 0
                continue
            yield from self._missed(frame, chunk)
            missed += 1
            size = FIRST
            if missed > 1:
                # What could not be written as a whole twice is not tried each time again.
                skipped = min(FIRST << missed, LARGEST)
                yield from self._missed(frame, values[start : start + skipped])
                start += skipped

    def _missed(self, frame: _Frame, items: Any) -> Iterator[Any]:
        frame.tried = True
        yield from items
        frame.tried = False

    def _record_items(self, frame: _Frame, values: Iterator[Any]) -> Iterator[Any]:
        while chunk := self._read(frame, values):
            if not self._chunk(frame, chunk):
                yield from self._missed(frame, chunk)

    def _read(self, frame: _Frame, values: Iterator[Any]) -> list[Any]:
        """The next rows of a table; what is changed in them meanwhile is at a path from the table."""
        table = self._path([each for each in self.stack if each is not frame])
        self.out.locate(lambda: table)
        rows = list(islice(values, BATCH))
        self.out.locate(self._path)
        return rows

    def _pair_items(self, frame: _Frame, pairs: list[tuple[Any, Any]]) -> Iterator[Any]:
        start, size = 0, FIRST
        while start < len(pairs):
            chunk = pairs[start : start + size]
            start += len(chunk)
            written = 0
            if is_small([value for _, value in chunk], 16 * SMALL):
                written = self._chunk(frame, dict(chunk))
                frame.tried = not written
            if written:
                size = _next_size(size, written)
            else:
                yield from chunk
                frame.tried = False

    def _whole_items(self, frame: _Frame, plain: dict[Any, Any], pairs: list[tuple[Any, Any]]) -> Iterator[Any]:
        if not pairs or (is_small(list(plain.values()), 16 * SMALL) and self._chunk(frame, dict(plain))):
            return
        yield from self._missed(frame, pairs)

    def _chunk(self, frame: _Frame, chunk: list[Any] | dict[Any, Any]) -> int:
        """Write all items of a chunk at once; return the bytes written, 0 where each item has to be visited."""
        written = self.out.chunk(chunk, first=not frame.done)
        if written:
            frame.done += len(chunk)
        return written


def _next_size(size: int, written: int) -> int:
    return max(1, min(LARGEST, 4 * size, size * CHUNK_BYTES // written))


def _index_step(index: int) -> str:
    return f"[{index}]"


def visit(result: Any, out: Writer, path: str = "result") -> None:
    """Write `result`, which is at `path`, to `out`.

    Raises
    ------
    EncodeError
        Naming the path of what the format does not have.
    """
    _Visit(out, path).run(result)
