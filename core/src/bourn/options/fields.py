"""The fields of an options class: their types, with the constraints of each value as `Annotated` metadata.

JSON Schema, conversion and validation all read these types, so that each constraint is stated once.
"""

from __future__ import annotations

import collections.abc
import enum
import functools
import pathlib
import re
import types
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal, NewType, Union, get_args, get_origin

import attrs

from bourn.contract.option import OptionFacts, Secret, facts_of
from bourn.errors import PluginError
from bourn.wording import shown

__all__ = ["Field", "branches_of", "constraints_of", "fields_of"]

NO_FACTS = OptionFacts()

_SCALARS: dict[Any, Any] = {
    **{hint: hint for hint in (bool, int, float, str, Secret, Any, datetime, date, timedelta, pathlib.Path)},
    object: Any, pathlib.PurePath: pathlib.Path,
}  # fmt: skip

_CONTAINERS: dict[Any, Any] = {
    list: list, tuple: tuple, set: set, frozenset: frozenset, collections.abc.Set: frozenset,
    collections.abc.Sequence: tuple, collections.abc.Iterable: tuple, collections.abc.Collection: tuple,
    dict: dict, collections.abc.Mapping: dict, collections.abc.MutableMapping: dict,
}  # fmt: skip


@attrs.frozen(kw_only=True, eq=False)
class Field:
    """One option of a class.

    Attributes
    ----------
    name : str
        The attribute.
    key : str
        The key in a request.
    type : type
        Scalars, choices (a Literal) and containers that have constraints are ``Annotated[..., OptionFacts]``.
    facts : OptionFacts
        What the author says of the option.
    default : object
        As attrs has it.
    nested : type or None
        The attrs class of the value, where it has one.
    is_secret : bool
        Whether the value is a Secret.
    """

    name: str
    key: str
    type: Any
    facts: OptionFacts
    default: Any
    nested: Any = None
    is_secret: bool = False

    @property
    def required(self) -> bool:
        """Whether a request must give the option."""
        return self.default is attrs.NOTHING

    def known_default(self) -> Any:
        """The default value; `attrs.NOTHING` where there is none, or it depends on other options."""
        if not isinstance(self.default, attrs.Factory):  # type: ignore[arg-type]  # attrs types it as a function
            return self.default
        return attrs.NOTHING if self.default.takes_self else self.default.factory()


@functools.cache
def fields_of(cls: type) -> tuple[Field, ...]:
    """The options of an attrs class, in the order in which they are declared.

    Raises
    ------
    PluginError
        It is not an attrs class, or the type of a field has no JSON Schema.
    """
    return _fields_of(cls, ())


def constraints_of(hint: Any) -> tuple[Any, OptionFacts]:
    """A type without its `Annotated`, and the constraints that were in it."""
    return get_args(hint) if get_origin(hint) is Annotated else (hint, NO_FACTS)


def branches_of(hint: Any) -> list[Any]:
    """The types of a union but None; of another type itself."""
    return [branch for branch in get_args(hint) if branch is not type(None)] if get_origin(hint) is Union else [hint]


def _fields_of(cls: type, within: tuple[type, ...]) -> tuple[Field, ...]:
    if not attrs.has(cls):
        msg = f"{_name_of(cls)} is not an attrs class"
        raise PluginError(msg)
    if any(isinstance(field.type, str) for field in attrs.fields(cls)):
        try:
            attrs.resolve_types(cls)
        except Exception as error:
            msg = f"the types of {_name_of(cls)} can't be resolved at run time: {error}"
            raise PluginError(msg) from error
    fields = []
    for field in attrs.fields(cls):
        if not field.init:
            continue
        facts = facts_of(field)
        try:
            hint = _normalized(field.type, facts, (*within, cls))
        except Exception as error:  # an annotation may be any object
            why = str(error) if isinstance(error, _NoSchemaError) else f"has a type that can't be read: {error}"
            msg = f"option {field.alias!r} of {_name_of(cls)} {why}"
            raise PluginError(msg) from error
        (bare, _), *others = map(constraints_of, branches_of(hint))
        made = Field(
            name=field.name, key=field.alias, type=hint, facts=facts, default=field.default,
            nested=bare if attrs.has(bare) and not others else None, is_secret=bare is Secret,
        )  # fmt: skip
        fields.append(made)
    return tuple(fields)


class _NoSchemaError(Exception):
    """A type has no JSON Schema; the text continues a sentence that begins with the option."""


def _normalized(hint: Any, facts: OptionFacts, within: tuple[type, ...]) -> Any:  # one line a type
    hint = _bare(hint)
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is None:
        msg = "has no type"
        raise _NoSchemaError(msg)
    if origin in (Union, types.UnionType):
        return _union(arguments, facts, within)
    if origin is Literal:
        chosen = tuple(a for a in arguments if a is not None) if facts.choices is None else facts.choices
        choice = _choice(chosen, facts)
        return choice | None if None in arguments else choice
    if hint in _SCALARS:
        return _scalar(_SCALARS[hint], facts)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return _choice(tuple(hint) if facts.choices is None else tuple(map(hint, facts.choices)), facts)
    if isinstance(hint, type) and attrs.has(hint):
        if hint in within:
            msg = f"refers to {_name_of(hint)} within itself; a schema must end"
            raise _NoSchemaError(msg)
        _fields_of(hint, within)
        return Annotated[hint, OptionFacts(check=facts.check)]
    return _container(hint if origin is None else origin, arguments, facts, within)


def _scalar(scalar: Any, facts: OptionFacts) -> Any:
    if facts.pattern is not None:
        try:
            re.compile(facts.pattern)
        except re.error:
            msg = f"has a pattern that is not a regular expression: {shown(facts.pattern)}"
            raise _NoSchemaError(msg) from None
    if facts.choices is not None and scalar is not Any:
        return _choice(tuple(map(float, facts.choices)) if scalar is float else facts.choices, facts)
    return Annotated[scalar, facts]


def _choice(values: tuple[Any, ...], facts: OptionFacts) -> Any:
    for value in values:
        plain = value.value if isinstance(value, enum.Enum) else value
        if not isinstance(plain, str | int | float):
            msg = f"has a choice that JSON can't hold: {shown(plain)}"
            raise _NoSchemaError(msg)
    if not values:
        msg = "has no choices"
        raise _NoSchemaError(msg)
    return Annotated[Literal[values], OptionFacts(check=facts.check)]


def _container(origin: Any, arguments: tuple[Any, ...], facts: OptionFacts, within: tuple[type, ...]) -> Any:
    if origin not in _CONTAINERS:
        msg = f"has a type without a JSON Schema: {_name_of(origin)}"
        raise _NoSchemaError(msg)
    is_fixed = origin is tuple and bool(arguments) and arguments[-1] is not Ellipsis
    origin = _CONTAINERS[origin]
    own = OptionFacts(min_length=facts.min_length, max_length=facts.max_length)
    # The other constraints of a field are those of each item.
    inner = attrs.evolve(facts, min_length=None, max_length=None)
    hint: Any
    if origin is dict:
        if arguments and _bare(arguments[0]) not in (str, Any):
            msg = "is a mapping with keys that are not str"
            raise _NoSchemaError(msg)
        own = attrs.evolve(own, check=facts.check)
        inner = attrs.evolve(inner, check=None)
        items: tuple[Any, ...] = (_normalized(arguments[1] if arguments else Any, inner, within),)
        hint = dict.__class_getitem__((str, items[0]))
    elif is_fixed:
        items = tuple(_normalized(argument, inner, within) for argument in arguments)
        hint = tuple.__class_getitem__(items)
    else:
        items = (_normalized(arguments[0] if arguments else Any, inner, within),)
        hint = origin.__class_getitem__((items[0], ...) if origin is tuple else items[0])
    if any(map(_holds_secrets, items)):
        # A Secret is kept apart from the plan under the name of its option; a place in a list is not a name.
        msg = "holds a Secret in a list or mapping; give each Secret an option of its own"
        raise _NoSchemaError(msg)
    return Annotated[hint, own]


def _union(branches: tuple[Any, ...], facts: OptionFacts, within: tuple[type, ...]) -> Any:
    hints = [b if b in (None, type(None)) else _normalized(b, facts, within) for b in branches]
    union: Any = Union.__getitem__(tuple(hints))
    if len(branches_of(union)) > 1 and any(map(_holds_secrets, branches_of(union))):
        msg = "is a Secret or something else; a Secret stands alone, or with None"
        raise _NoSchemaError(msg)
    return union


def _holds_secrets(hint: Any) -> bool:
    bare, _ = constraints_of(hint)
    if attrs.has(bare):
        return any(_holds_secrets(field.type) for field in fields_of(bare))
    return bare is Secret or (get_origin(bare) is not Literal and any(map(_holds_secrets, get_args(bare))))


def _bare(hint: Any) -> Any:
    """The type itself, of Annotated, NewType and (from Python 3.12) ``type X = ...``."""
    while True:
        if get_origin(hint) is Annotated:
            hint = get_args(hint)[0]
        elif isinstance(hint, NewType):
            hint = hint.__supertype__
        elif type(hint).__name__ == "TypeAliasType":
            hint = hint.__value__
        else:
            return hint


def _name_of(hint: Any) -> str:
    return f"{hint.__module__}.{hint.__qualname__}" if isinstance(hint, type) else str(hint)
