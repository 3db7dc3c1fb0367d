"""A result as tokens: a walk through the tree without recursion, which copies no bytes."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
from bourn.plugin import EncodeError

from bourn_formats.pyarrow import scalars
from bourn_formats.pyarrow.arrays import encode_array, encode_dtype, encode_scalar
from bourn_formats.pyarrow.blobs import Blobs
from bourn_formats.pyarrow.library_scalars import encode_library_scalar
from bourn_formats.pyarrow.registry import encode_object
from bourn_formats.pyarrow.tokens import DEEPEST_KEY, DEEPEST_SOLID, OBJECTS, Encoded, Hidden, Part, step_of
from bourn_formats.wording import key_path, type_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Description", "describe"]


@attrs.frozen
class Description:
    """A result as tokens.

    Attributes
    ----------
    tokens : list
        JSON; see `bourn_formats.pyarrow.tokens`.
    blobs : Blobs
        The bytes that tokens point to, in their order.
    report : Counter
        What was changed, by kind.
    """

    tokens: list[Any]
    blobs: Blobs
    report: Counter[str]


@attrs.define(eq=False)
class _Frame:
    """A container on the way from the root to where the walk is; holds it, so that its id is its own meanwhile."""

    held: Any
    values: Iterator[Any]
    step: Callable[[int], str]
    keys: bool | None = False
    """Whether its parts are keys: all (True), none (False), every other one (None)."""
    hashed: int = 0
    solid: int = 0
    done: int = 0
    inside: bool = False
    """Whether it is an object that is encoded, whose parts are named by `Part`."""
    placed: bool = False


def _no_step(_index: int) -> str:
    return ""


class _Walk:
    def __init__(self) -> None:
        self.tokens: list[Any] = []
        self.blobs = Blobs()
        self.report: Counter[str] = Counter()
        self.stack: list[_Frame] = []
        self.above: set[int] = set()

    def run(self, root: Any) -> None:
        self.stack.append(_Frame(None, iter((root,)), _no_step))
        append, written = self.tokens.append, scalars.ENCODERS
        while self.stack:
            frame = self.stack[-1]
            for value in frame.values:
                frame.done += 1
                write = written.get(type(value))
                if write is None:
                    inner = self._visit(value, frame)
                    if inner is not None:
                        self.stack.append(inner)
                        break
                else:
                    try:
                        append(write(value, self.blobs))
                    except ValueError as cause:
                        raise self._refusal(str(cause)) from cause
            else:
                self.stack.pop()
                self.above.discard(id(frame.held))

    def _visit(self, value: Any, frame: _Frame) -> _Frame | None:
        """Write the token of anything but a builtin scalar; its frame if it has parts."""
        try:
            inner = self._container(value) or self._leaf(value) or self._composite(value)
        except ValueError as cause:
            raise self._refusal(str(cause), step_of(cause)) from cause
        if not isinstance(inner, _Frame):
            return None
        is_key = frame.keys or (frame.keys is None and frame.done % 2 == 1)
        inner.hashed = frame.hashed + 1 if frame.hashed or is_key else 0
        own_solid = inner.solid
        inner.solid += frame.solid
        if id(inner.held) in self.above:
            raise EncodeError(f"{self._path()}: contains itself, which can't be written as pyarrow")
        if inner.hashed and (own_solid or inner.keys is not False) and not isinstance(value, frozenset):
            raise self._refusal(f"{type_path(value)} as a key")
        for levels, deepest in ((inner.hashed, DEEPEST_KEY), (inner.solid, DEEPEST_SOLID)):
            if levels > deepest:
                raise self._refusal(f"what is nested more than {deepest} levels deep")
        self.above.add(id(inner.held))
        return inner

    def _container(self, value: Any) -> _Frame | None:
        kind = type(value)
        if kind is list or kind is tuple:
            self.tokens.append([kind.__name__, len(value)])
            return _Frame(value, iter(value), lambda index: f"[{index}]")
        if kind is dict:
            self.tokens.append(["dict", len(value)])
            pairs = tuple(value.items())
            parts = (part for pair in pairs for part in pair)
            return _Frame(value, parts, lambda index: key_path(pairs[index // 2][0], index), None)
        if kind is set or kind is frozenset:
            self.tokens.append([kind.__name__, len(value)])
            return _Frame(value, iter(tuple(value)), lambda _: "{...}", True)
        return None

    def _leaf(self, value: Any) -> _Frame | bool | None:
        if value is np.ma.masked:
            self.tokens.append(["masked"])
        elif isinstance(value, np.generic):
            self.tokens.append(encode_scalar(value, self.blobs))
        elif type(value) is np.ndarray or type(value) is np.memmap:
            if value.dtype.kind == "O":
                return self._objects(value)
            self.tokens.append(encode_array(value, self.blobs, self.report))
        elif type(value) is Hidden:
            self.tokens.append(encode_array(value.array, self.blobs, self.report, value.mask))
        elif isinstance(value, np.dtype):
            self.tokens.append(["dtype", encode_dtype(value)])
        else:
            token = encode_library_scalar(value, self.blobs)
            if token is None:
                return None
            self.tokens.append(token)
        return True

    def _objects(self, array: np.ndarray[Any, Any]) -> _Frame:
        self.tokens.append([OBJECTS, array.size, list(array.shape)])
        shape = array.shape

        def step(index: int) -> str:
            return f"[{', '.join(map(str, np.unravel_index(index, shape)))}]" if shape else ""

        return _Frame(array, iter(array.reshape(-1).tolist()), step, solid=1)

    def _composite(self, value: Any) -> _Frame:
        if type(value) is Part:
            return _Frame(value, iter((value.value,)), lambda _: value.step, placed=True)
        encoded: tuple[str | None, Any]
        encoded = (value.tag, value.part) if type(value) is Encoded else encode_object(value, self.report)
        tag, part = encoded
        if tag is None:
            return _Frame(value, iter((part,)), _no_step)
        self.tokens.append([tag, 1])
        return _Frame(value, iter((part,)), _no_step, inside=True, solid=1)

    def _path(self) -> str:
        steps: list[str] = []
        begun = 0
        for frame in self.stack:
            if frame.placed:
                del steps[begun:]
            steps.append(frame.step(frame.done - 1))
            if frame.inside or frame.placed:
                begun = len(steps)
        return "result" + "".join(steps)

    def _refusal(self, what: str, step: str = "") -> EncodeError:
        return EncodeError(f"{self._path()}{step}: {what} can't be written as pyarrow")


def describe(result: Any) -> Description:
    """The tokens and bytes of `result`.

    Raises
    ------
    EncodeError
        Naming the path of what can't be written exactly.
    """
    walk = _Walk()
    walk.run(result)
    return Description(walk.tokens, walk.blobs, walk.report)
