"""Values read strictly: what fits comes out typed and copied, what does not is refused; nothing is cast in silence.

This is the good path, compiled once a class. It stops at the first fault, which `complaints` then tells with all
the others.
"""

from __future__ import annotations

import copy
import functools
import math
from collections.abc import Callable, Mapping
from typing import Any

from bourn.options.bounds import tests_of
from bourn.options.messages import Unfit, counted, quoted, unfit
from bourn.options.scalars import SCALARS, Reader, encodable, scalar_of
from bourn.options.shape import Shape, fields_of

__all__ = ["as_mapping", "items_of", "maker_of", "mapping_of", "reader_of"]

DEEPEST = 100
"""Levels of a value of any shape; a cycle ends here."""

MOST_ENTRIES = 100_000
"""Of a mapping that is no dict, which might never end."""


def items_of(value: Any) -> list[Any] | None:
    """A copy of a list or tuple, whatever its class makes of iteration; None of anything else."""
    if issubclass(type(value), list):
        return list.copy(value)
    return list(tuple.__iter__(value)) if issubclass(type(value), tuple) else None


def mapping_of(value: Any) -> dict[Any, Any] | None:
    """A copy of a mapping; None of anything else.

    Raises
    ------
    Unfit
        It raises while it is read, or does not end.
    """
    if issubclass(type(value), dict):
        return dict.copy(value)
    if not issubclass(type(value), Mapping):
        return None
    copied: dict[Any, Any] = {}
    try:
        for key in value:
            if len(copied) >= MOST_ENTRIES:
                break
            copied[key] = value[key]
        else:
            return copied
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a stranger's mapping may raise anything
        msg = f"a mapping that can't be read: it raises {type(error).__name__}"
        raise Unfit(msg) from error
    msg = f"a mapping of more than {MOST_ENTRIES:,} entries"
    raise Unfit(msg)


def as_mapping(cls: type, options: Any) -> dict[str, Any]:
    """The options of an object by their keys, as they are."""
    return {field.key: getattr(options, field.name) for field in fields_of(cls)}


def reader_of(shape: Shape) -> Reader:
    """The function that reads one value of that shape; it raises `Unfit`."""
    read = _READERS[shape.kind](shape)
    tests = tests_of(shape)
    nullable = shape.nullable
    if not tests and not nullable:
        return read
    if len(tests) == 1 and not nullable:
        (only,) = tests

        def tested(value: Any) -> Any:
            value = read(value)
            only(value)
            return value

        return tested

    def limited(value: Any) -> Any:
        if nullable and value is None:
            return None
        value = read(value)
        for test in tests:
            test(value)
        return value

    return limited


@functools.cache
def maker_of(cls: type) -> Reader:
    """The function that makes an options object of a dict; the dict is read, never kept.

    Raises `Unfit`, or whatever `cls` raises when it is made.
    """
    readers = {field.key: reader_of(field.shape) for field in fields_of(cls)}

    def make(mapping: Mapping[Any, Any]) -> Any:
        given = {}
        for key, value in mapping.items():
            read = readers.get(key)
            if read is None:
                msg = "unknown option"
                raise Unfit(msg)
            given[key] = read(value)
        return cls(**given)

    return make


def _list(shape: Shape) -> Reader:
    read_item, cls = reader_of(shape.items[0]), shape.cls or list

    def read(value: Any) -> Any:
        items = items_of(value)
        if items is None and cls in (set, frozenset) and type(value) in (set, frozenset):
            items = list(value)
        if items is None:
            raise unfit(shape, value)
        made = cls([read_item(item) for item in items])
        if len(made) != len(items):
            msg = "expected each item once"
            raise Unfit(msg)
        return made

    return read


def _tuple(shape: Shape) -> Reader:
    readers = [reader_of(item) for item in shape.items]

    def read(value: Any) -> Any:
        items = items_of(value)
        if items is None:
            raise unfit(shape, value)
        if len(items) != len(readers):
            msg = f"expected {counted(len(readers), 'item')}, got {len(items)}"
            raise Unfit(msg)
        return tuple([read(item) for read, item in zip(readers, items, strict=True)])

    return read


def _map(shape: Shape) -> Reader:
    read_value = reader_of(shape.items[0])

    def read(value: Any) -> Any:
        entries = mapping_of(value)
        if entries is None:
            raise unfit(shape, value)
        return {_key(key): read_value(entry) for key, entry in entries.items()}

    return read


def _key(key: Any) -> str:
    if not issubclass(type(key), str):
        msg = f"expected keys that are strings, got {quoted(key)}"
        raise Unfit(msg)
    text = str.__str__(key)
    encodable(text)
    return text


def _class(shape: Shape) -> Reader:
    cls = shape.cls
    assert cls is not None  # a shape of this kind has its class
    readers = [(field.name, reader_of(field.shape)) for field in fields_of(cls)]

    def read(value: Any) -> Any:
        if issubclass(type(value), cls):
            for name, read_field in readers:
                read_field(getattr(value, name))
            return copy.copy(value)
        entries = mapping_of(value)
        if entries is None:
            raise unfit(shape, value)
        return maker_of(cls)(entries)

    return read


def _union(shape: Shape) -> Reader:
    readers = [reader_of(branch) for branch in shape.items]

    def read(value: Any) -> Any:
        for read_branch in readers:
            try:
                return read_branch(value)
            except Unfit:
                continue
        raise unfit(shape, value)

    return read


def _any(shape: Shape) -> Reader:
    def read(value: Any, depth: int = 0) -> Any:
        if depth > DEEPEST:
            msg = f"expected at most {DEEPEST} levels; does it hold itself?"
            raise Unfit(msg)
        value = scalar_of(value)
        if value is None or type(value) in (bool, int):
            return value
        if issubclass(type(value), str):
            text = str.__str__(value)
            encodable(text)
            return text
        if type(value) is float and math.isfinite(value):
            return value
        items = items_of(value)
        if items is not None:
            return [read(item, depth + 1) for item in items]
        entries = mapping_of(value)
        if entries is None:
            raise unfit(shape, value)
        return {_key(key): read(entry, depth + 1) for key, entry in entries.items()}

    return read


_READERS: dict[str, Callable[[Shape], Reader]] = {
    **SCALARS, "any": _any, "list": _list, "tuple": _tuple, "map": _map, "class": _class, "union": _union,
}  # fmt: skip
