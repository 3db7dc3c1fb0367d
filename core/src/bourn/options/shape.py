"""What a value of an option must be: one small tree, from which schema, validation and messages are all made."""

from __future__ import annotations

import collections.abc
import enum
import functools
import pathlib
import re
import types
import typing
from datetime import date, datetime, timedelta
from typing import Any

import attrs

from bourn.contract.option import OptionFacts, Secret, facts_of
from bourn.errors import PluginError
from bourn.options.limits import NO_LIMITS, limits_of, merged
from bourn.wording import shown

__all__ = ["Field", "Shape", "fields_of"]

_SCALARS: dict[Any, str] = {
    bool: "bool", int: "int", float: "float", str: "str", Secret: "secret", Any: "any", object: "any",
    datetime: "datetime", date: "date", timedelta: "timedelta", pathlib.Path: "path", pathlib.PurePath: "path",
}  # fmt: skip

_LISTS: dict[Any, type] = {
    list: list, tuple: tuple, set: set, frozenset: frozenset, collections.abc.Set: frozenset,
    collections.abc.Sequence: tuple, collections.abc.Iterable: tuple, collections.abc.Collection: tuple,
}  # fmt: skip

_MAPPINGS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)


@attrs.frozen(kw_only=True, eq=False)
class Shape:
    """What one value must be.

    Attributes
    ----------
    kind : str
        any, bool, int, float, str, secret, datetime, date, timedelta, path, choice, list, tuple, map, class, union.
    nullable : bool
        Whether None will do.
    limits : OptionFacts
        Those facts that limit this very value, not its items.
    items : tuple of Shape
        list and map: the one of every item; tuple: one an item; union: the branches.
    cls : type or None
        class: the attrs class; list: what the items are kept in.
    choices : tuple of (plain, value)
        choice: as JSON has it, and as Python has it.
    """

    kind: str
    nullable: bool = False
    limits: OptionFacts = NO_LIMITS
    items: tuple[Shape, ...] = ()
    cls: type | None = None
    choices: tuple[tuple[Any, Any], ...] = ()


@attrs.frozen(kw_only=True, eq=False)
class Field:
    """One option of a class: its attribute, its key in a request, and what its value must be."""

    name: str
    key: str
    shape: Shape
    facts: OptionFacts
    default: Any

    @property
    def required(self) -> bool:
        """Whether a request must give it."""
        return self.default is attrs.NOTHING

    def known_default(self) -> Any:
        """The value without a request's; `attrs.NOTHING` where there is none, or it depends on other options."""
        if not isinstance(self.default, attrs.Factory):  # type: ignore[arg-type]  # attrs types it as a function
            return self.default
        return attrs.NOTHING if self.default.takes_self else self.default.factory()


@functools.cache
def fields_of(cls: type) -> tuple[Field, ...]:
    """The options of an attrs class, in the order in which they are written.

    Raises
    ------
    PluginError
        It is no attrs class, or the type of a field has no JSON Schema; says which.
    """
    return _fields_of(cls, ())


def _fields_of(cls: type, within: tuple[type, ...]) -> tuple[Field, ...]:
    if not attrs.has(cls):
        msg = f"{_named(cls)} is not an attrs class"
        raise PluginError(msg)
    if any(isinstance(field.type, str) for field in attrs.fields(cls)):
        try:
            attrs.resolve_types(cls)
        except Exception as error:
            msg = f"the types of {_named(cls)} can't be found at run time: {error}"
            raise PluginError(msg) from error
    fields = []
    for field in attrs.fields(cls):
        if not field.init:
            continue
        facts, (said, of_items) = facts_of(field), limits_of(field.validator)
        facts = merged(facts, said)
        try:
            shape = _shape_of(field.type, facts, of_items, (*within, cls))
        except _NoSchemaError as error:
            msg = f"option {field.alias!r} of {_named(cls)} {error}"
            raise PluginError(msg) from error
        except Exception as error:  # a stranger's annotation may be any object
            msg = f"option {field.alias!r} of {_named(cls)} is of a type that can't be read: {error}"
            raise PluginError(msg) from error
        fields.append(Field(name=field.name, key=field.alias, shape=shape, facts=facts, default=field.default))
    return tuple(fields)


class _NoSchemaError(Exception):
    """The rest of a sentence that begins with the option."""


def _shape_of(hint: Any, facts: OptionFacts, of_items: OptionFacts, within: tuple[type, ...]) -> Shape:  # noqa: PLR0911  # one line a type
    hint = _bare(hint)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is None:
        msg = "has no type"
        raise _NoSchemaError(msg)
    if origin is typing.Union or origin is types.UnionType:
        return _union(arguments, facts, of_items, within)
    if origin is typing.Literal:
        chosen = tuple(a for a in arguments if a is not None)
        return _choice(chosen if facts.choices is None else facts.choices, facts, nullable=None in arguments)
    if hint in _SCALARS:
        kind = _SCALARS[hint]
        if facts.pattern is not None and not _compiles(facts.pattern):
            msg = f"has a pattern that is no regular expression: {shown(facts.pattern)}"
            raise _NoSchemaError(msg)
        if facts.choices is not None and kind != "any":
            return _choice(facts.choices, facts, floats=kind == "float")
        return Shape(kind=kind, limits=facts)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return _choice(tuple(hint) if facts.choices is None else tuple(map(hint, facts.choices)), facts)
    if isinstance(hint, type) and attrs.has(hint):
        if hint in within:
            msg = f"refers to {_named(hint)} within itself; a schema must end"
            raise _NoSchemaError(msg)
        _fields_of(hint, within)
        return Shape(kind="class", cls=hint, limits=attrs.evolve(NO_LIMITS, check=facts.check))
    return _container(hint if origin is None else origin, arguments, facts, of_items, within)


def _container(
    origin: Any, arguments: tuple[Any, ...], facts: OptionFacts, of_items: OptionFacts, within: tuple[type, ...]
) -> Shape:
    if origin not in _LISTS and origin not in _MAPPINGS:
        msg = f"is of a type without a JSON Schema: {_named(origin)}"
        raise _NoSchemaError(msg)
    own = attrs.evolve(NO_LIMITS, min_length=facts.min_length, max_length=facts.max_length)
    # What limits a value says something of each item, unless the items have limits of their own.
    inner = merged(of_items, attrs.evolve(facts, min_length=None, max_length=None))
    if origin in _MAPPINGS:
        if arguments and _bare(arguments[0]) not in (str, Any):
            msg = "is a mapping with keys that are no str"
            raise _NoSchemaError(msg)
        own = attrs.evolve(own, check=facts.check)
        inner = attrs.evolve(inner, check=of_items.check)
        values = _shape_of(arguments[1] if arguments else Any, inner, NO_LIMITS, within)
        shape = Shape(kind="map", limits=own, items=(values,))
    elif origin is tuple and arguments and arguments[-1] is not Ellipsis:
        each = tuple(_shape_of(argument, inner, NO_LIMITS, within) for argument in arguments if argument != ())
        shape = Shape(kind="tuple", limits=own, items=each)
    else:
        each = (_shape_of(arguments[0] if arguments else Any, inner, NO_LIMITS, within),)
        shape = Shape(kind="list", cls=_LISTS[origin], limits=own, items=each)
    if any(_holds_secrets(item) for item in shape.items):
        # A secret is kept apart from the plan under the names of its options; a place in a list is no name.
        msg = "holds a Secret in a list or mapping; give each Secret an option of its own"
        raise _NoSchemaError(msg)
    return shape


def _union(branches: tuple[Any, ...], facts: OptionFacts, of_items: OptionFacts, within: tuple[type, ...]) -> Shape:
    shapes = tuple(_shape_of(b, facts, of_items, within) for b in branches if b not in (None, type(None)))
    nullable = len(shapes) < len(branches) or any(s.nullable for s in shapes)
    if len(shapes) == 1:
        return attrs.evolve(shapes[0], nullable=nullable)
    if any(_holds_secrets(s) for s in shapes):
        msg = "is a Secret or something else; a Secret stands alone, or with None"
        raise _NoSchemaError(msg)
    return Shape(kind="union", nullable=nullable, items=shapes)


def _choice(values: tuple[Any, ...], facts: OptionFacts, *, nullable: bool = False, floats: bool = False) -> Shape:
    pairs = []
    for value in values:
        plain = value.value if isinstance(value, enum.Enum) else value
        if not isinstance(plain, str | int | float):
            msg = f"has a choice that JSON can't hold: {shown(plain)}"
            raise _NoSchemaError(msg)
        pairs.append((plain, float(value) if floats else value))
    if not pairs:
        msg = "has no choices"
        raise _NoSchemaError(msg)
    limits = attrs.evolve(NO_LIMITS, check=facts.check)
    return Shape(kind="choice", nullable=nullable, choices=tuple(pairs), limits=limits)


def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True


def _holds_secrets(shape: Shape) -> bool:
    if shape.kind == "class" and shape.cls is not None:
        return any(_holds_secrets(field.shape) for field in fields_of(shape.cls))
    return shape.kind == "secret" or any(map(_holds_secrets, shape.items))


def _bare(hint: Any) -> Any:
    """The type itself, of Annotated, NewType and (from Python 3.12) ``type X = ...``."""
    while True:
        if typing.get_origin(hint) is typing.Annotated:
            hint = typing.get_args(hint)[0]
        elif isinstance(hint, typing.NewType):
            hint = hint.__supertype__
        elif type(hint).__name__ == "TypeAliasType":
            hint = hint.__value__
        else:
            return hint


def _named(hint: Any) -> str:
    return f"{hint.__module__}.{hint.__qualname__}" if isinstance(hint, type) else str(hint)
