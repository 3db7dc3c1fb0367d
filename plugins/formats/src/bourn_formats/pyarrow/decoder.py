"""Tokens as the result again; never by running anything that they name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from bourn_formats.pyarrow import arrays, library_scalars, scalars
from bourn_formats.pyarrow.registry import DECODERS, name_of
from bourn_formats.pyarrow.tokens import CONTAINERS, DEEPEST_KEY, DEEPEST_SOLID, OBJECTS, missing_library, parts_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from bourn_formats.pyarrow.blobs import BlobSource

__all__ = ["restore"]


_LEAVES = {**scalars.DECODERS, **arrays.DECODERS, **library_scalars.DECODERS}

_NOTHING = object()


def _objects(parts: list[Any], shape: Any) -> np.ndarray[Any, Any]:
    array = np.empty(len(parts), object)
    # One by one: numpy would look into parts that are lists or arrays.
    for index, part in enumerate(parts):
        array[index] = part
    return array.reshape(tuple(shape))


_BUILT: dict[str, Callable[[list[Any]], Any]] = {
    "list": list,
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "dict": lambda parts: dict(zip(parts[::2], parts[1::2], strict=True)),
}


@attrs.define
class _Frame:
    """A container whose parts are being read."""

    tag: str
    count: int
    facts: list[Any]
    hashed: int
    solid: int
    parts: list[Any] = attrs.field(factory=list)

    def built(self) -> Any:
        if self.tag in CONTAINERS:
            made = _BUILT[self.tag](self.parts)
            if self.tag in {"set", "frozenset"} and len(made) != self.count:
                msg = "a set holds a value twice"
                raise ValueError(msg)
            return made
        if self.tag == OBJECTS:
            return _objects(self.parts, *self.facts)
        try:
            return DECODERS[self.tag](self.parts[0])
        except ModuleNotFoundError as cause:
            raise missing_library(cause, name_of(self.tag)) from cause


def _opened(token: list[Any], above: _Frame | None) -> _Frame | None:
    """The frame of a token that has parts."""
    tag = token[0]
    if tag not in CONTAINERS and tag not in DECODERS and tag != OBJECTS:
        return None
    count = parts_of(tag, token[1])
    if type(count) is not int or count < 0 or (tag in DECODERS and count != 1):
        msg = f"a {tag} can't have {count!r} parts"
        raise ValueError(msg)
    hashed = solid = 0
    if above is not None:
        is_key = above.tag in {"set", "frozenset"} or (above.tag == "dict" and len(above.parts) % 2 == 0)
        hashed = above.hashed + 1 if above.hashed or is_key else 0
        solid = above.solid
    solid += tag not in CONTAINERS
    if hashed > DEEPEST_KEY or solid > DEEPEST_SOLID:
        msg = "nested too deep"
        raise ValueError(msg)
    return _Frame(tag, count, token[2:], hashed, solid)


def _leaf(token: list[Any], source: BlobSource) -> Any:
    tag, *parts = token
    try:
        return _LEAVES[tag](parts, source)
    except ModuleNotFoundError as cause:
        raise missing_library(cause, f"a {tag}") from cause


def restore(tokens: Iterable[Any], source: BlobSource) -> Any:
    """The result that `tokens` describe, with its bytes from `source`.

    Raises
    ------
    Exception
        Of any kind, if these are no tokens that `describe` wrote: they may be anybody's.
    """
    stack: list[_Frame] = []
    result = _NOTHING
    for token in tokens:
        if result is not _NOTHING:
            msg = "tokens are left over"
            raise ValueError(msg)
        value: Any = token
        if type(token) is list:
            frame = _opened(token, stack[-1] if stack else None)
            if frame is None:
                value = _leaf(token, source)
            elif frame.count:
                stack.append(frame)
                continue
            else:
                value = frame.built()
        elif type(token) is dict:
            msg = "a mapping is not a token"
            raise ValueError(msg)
        while stack:
            frame = stack[-1]
            frame.parts.append(value)
            if len(frame.parts) < frame.count:
                break
            value = stack.pop().built()
        else:
            result = value
    if result is _NOTHING:
        msg = "tokens are missing"
        raise ValueError(msg)
    return result
