"""The strict cattrs converter of options: what fits comes out typed and copied, nothing is cast silently.

It stops at the first value that does not fit; `bourn.options.validation` then finds every problem.
"""

from __future__ import annotations

import copy
import functools
import pathlib
import re
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

import attrs
import cattrs
from cattrs.gen import make_dict_structure_fn, override

from bourn.contract.option import Secret
from bourn.options.fields import branches_of, constraints_of, fields_of
from bourn.options.scalars import (
    SCALARS,
    Hook,
    InvalidValueError,
    copied_list,
    copied_mapping,
    numpy_to_python,
    structure_json,
    structure_key,
)  # fmt: skip
from bourn.wording import clean, reason_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from bourn.contract.option import OptionFacts

__all__ = ["structure", "structure_value"]


def structure(cls: Any, given: Any) -> Any:
    """The options object of a mapping, or a copy of an options object with each value as declared.

    Raises
    ------
    InvalidValueError
        A value does not fit, or there is no mapping at all.
    Exception
        What cattrs raises for unknown and missing keys, and whatever `cls` raises when it is made.
    """
    return _hook(cls)(given, cls)


def structure_value(hint: Any, value: Any) -> Any:
    """The value of one option, by its type as `Field.type` has it."""
    return _hook(hint)(value, hint)


@functools.cache
def _hook(hint: Any) -> Hook:
    return _converter().get_structure_hook(hint)


@functools.cache
def _converter() -> cattrs.Converter:
    converter: Any = cattrs.Converter(detailed_validation=False, forbid_extra_keys=True, use_alias=True)
    for cls, hook in SCALARS.items():
        converter.register_structure_hook(cls, hook)
    converter.register_structure_hook_func(lambda hint: hint is Any, structure_json)
    converter.register_structure_hook_factory(attrs.has, _class_hook)
    for origin, factory in _FACTORIES.items():
        converter.register_structure_hook_factory(functools.partial(_is_made_of, origin), factory)
    return converter  # type: ignore[no-any-return]  # it is one


def _is_made_of(origin: Any, hint: Any) -> bool:
    return get_origin(hint) is origin


def _class_hook(cls: Any, converter: cattrs.Converter) -> Hook:
    hooks = {field.name: converter.get_structure_hook(field.type) for field in fields_of(cls)}
    types = {field.name: field.type for field in fields_of(cls)}
    overrides: Any = {name: override(struct_hook=hook) for name, hook in hooks.items()}
    # What is not an argument of the constructor is not an option.
    from_dict = make_dict_structure_fn(
        cls, converter, _cattrs_forbid_extra_keys=True, _cattrs_use_alias=True, _cattrs_detailed_validation=False,
        **overrides,
    )  # fmt: skip

    def hook(value: Any, _: Any) -> Any:
        if type(value) is dict:
            return from_dict(value, cls)
        if issubclass(type(value), cls):
            typed = {name: hook(getattr(value, name), types[name]) for name, hook in hooks.items()}
            made = copy.copy(value)
            for name, each in typed.items():
                object.__setattr__(made, name, each)
            return made
        mapping = copied_mapping(value)
        if mapping is None:
            raise InvalidValueError
        return from_dict(mapping, cls)

    return hook


def _list_hook(hint: Any, converter: cattrs.Converter) -> Hook:
    cls, (item_type,) = get_origin(hint), get_args(hint)
    item_hook = converter.get_structure_hook(item_type)

    def hook(value: Any, _: Any) -> Any:
        items = copied_list(value)
        if items is None and cls is not list and type(value) in (set, frozenset):
            items = list(value)
        if items is None:
            raise InvalidValueError
        made = cls([item_hook(item, item_type) for item in items])
        if len(made) != len(items):
            raise InvalidValueError
        return made

    return hook


def _tuple_hook(hint: Any, converter: cattrs.Converter) -> Hook:
    types = get_args(hint)
    if types[-1] is Ellipsis:
        list_hook = _list_hook(list[types[0]], converter)  # type: ignore[valid-type]  # made at run time
        return lambda value, _: tuple(list_hook(value, None))
    hooks = [converter.get_structure_hook(each) for each in types]

    def hook(value: Any, _: Any) -> Any:
        items = copied_list(value)
        if items is None:
            raise InvalidValueError
        if len(items) != len(hooks):
            raise InvalidValueError
        return tuple([hook(item, each) for hook, item, each in zip(hooks, items, types, strict=True)])

    return hook


def _dict_hook(hint: Any, converter: cattrs.Converter) -> Hook:
    _, value_type = get_args(hint)
    value_hook = converter.get_structure_hook(value_type)

    def hook(value: Any, _: Any) -> Any:
        entries = copied_mapping(value)
        if entries is None:
            raise InvalidValueError
        return {structure_key(key): value_hook(entry, value_type) for key, entry in entries.items()}

    return hook


def _choice_hook(hint: Any, _: cattrs.Converter) -> Hook:
    choices = [(choice.value if isinstance(choice, Enum) else choice, choice) for choice in get_args(hint)]
    exact = {(type(plain), plain): choice for plain, choice in choices}
    members = {id(choice) for _, choice in choices if isinstance(choice, Enum)}
    folded: dict[str, Any] = {}
    for plain, choice in choices:
        if isinstance(plain, str):
            # Two choices that differ in case only are distinguished by case.
            folded[_fold(plain)] = choice if _fold(plain) not in folded else None

    def hook(value: Any, _: Any) -> Any:
        if id(value) in members:
            return value
        plain = numpy_to_python(value)
        found = None
        if issubclass(type(plain), str):
            text = str.__str__(plain)
            found = exact.get((str, text))
            found = folded.get(_fold(text)) if found is None else found
        elif type(plain) in (bool, int, float):
            found = exact.get((type(plain), plain))
            if found is None and type(plain) is int:
                found = exact.get((float, plain))
        if found is None:
            raise InvalidValueError
        return found

    return hook


def _fold(text: str) -> str:
    """Lower case of ASCII letters only: a look-alike of another script is another word."""
    return text.lower() if text.isascii() else text


def _union_hook(hint: Any, converter: cattrs.Converter) -> Hook:
    branches = [(branch, converter.get_structure_hook(branch)) for branch in branches_of(hint)]
    is_optional = type(None) in get_args(hint)

    def hook(value: Any, _: Any) -> Any:
        if value is None and is_optional:
            return None
        if len(branches) == 1:
            return branches[0][1](value, branches[0][0])
        for branch, branch_hook in branches:
            try:
                return branch_hook(value, branch)
            except (InvalidValueError, cattrs.BaseValidationError, cattrs.ForbiddenExtraKeysError, KeyError):
                continue
        raise InvalidValueError

    return hook


def _constrained_hook(hint: Any, converter: cattrs.Converter) -> Hook:
    bare, facts = constraints_of(hint)
    base = converter.get_structure_hook(bare)
    validate, check = _validator(bare, facts), facts.check
    if validate is None and check is None:
        return base
    attribute: Any = attrs.fields(_Value).value
    comparable = _COMPARABLE.get(bare)

    def hook(value: Any, _: Any) -> Any:
        value = base(value, bare)
        if validate is not None:
            validate(value, attribute, value if comparable is None else comparable(value))
        if check is not None:
            _run_check(check, value)
        return value

    return hook


@attrs.frozen
class _Value:
    """What the validators of attrs call a value in their messages."""

    value: Any


_COMPARABLE: dict[Any, Callable[[Any], Any]] = {
    timedelta: timedelta.total_seconds, Secret: Secret.reveal, pathlib.Path: str,
}  # fmt: skip
"""What is compared with the constraints."""


def _validator(bare: Any, facts: OptionFacts) -> Callable[[Any, Any, Any], Any] | None:
    """One attrs validator for the constraints; the pattern is last, so that it never sees a text that is too long."""
    kind, of = bare if bare in (int, float, timedelta) else get_origin(bare), attrs.validators
    made: list[Callable[[Any, Any, Any], Any]] = []
    if bare in (int, float, timedelta):
        limits = {of.ge: facts.ge, of.gt: facts.gt, of.le: facts.le, of.lt: facts.lt}
        made = [limit(bound) for limit, bound in limits.items() if bound is not None]
    elif kind in (list, tuple, set, frozenset, dict) or bare in (str, Secret, pathlib.Path):
        sizes = {of.min_len: facts.min_length, of.max_len: facts.max_length}
        made = [size(bound) for size, bound in sizes.items() if bound is not None]
        if kind is None and facts.pattern is not None:
            made.append(of.matches_re(facts.pattern, func=re.search))
    return of.and_(*made) if len(made) > 1 else next(iter(made), None)


def _run_check(check: Callable[[Any], object], value: Any) -> None:
    try:
        problem = check(value)
    except Exception as error:
        # The plugin's function may say anything: of a secret not even its text is quoted.
        msg = f"can't be checked: {type(error).__name__ if type(value) is Secret else reason_of(error)}"
        raise InvalidValueError(msg) from error
    if problem is not None:
        raise InvalidValueError(clean(problem) if isinstance(problem, str) else "is not allowed")


_FACTORIES: dict[Any, Callable[[Any, Any], Hook]] = {
    list: _list_hook, set: _list_hook, frozenset: _list_hook, tuple: _tuple_hook, dict: _dict_hook,
    Literal: _choice_hook, Union: _union_hook, Annotated: _constrained_hook,
}  # fmt: skip
