"""Every problem of a mapping of options, each with its path: jsonschema finds them, this module words them.

The schema is that of the options class, with the Python type of each value beside its JSON type: what JSON Schema can't
say (a date that is none, a plugin's own check) is found by the converter, value by value.
"""

from __future__ import annotations

import enum
import functools
import pathlib
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any, Literal, get_args, get_origin

import attrs
from jsonschema import Draft202012Validator, TypeChecker, ValidationError
from jsonschema.validators import extend

from bourn.contract.option import Secret
from bourn.errors import Problem, RequestError
from bourn.options.converter import structure_value
from bourn.options.fields import constraints_of, fields_of
from bourn.options.scalars import MAX_LEVELS, InvalidValueError, copied_list, copied_mapping, numpy_to_python
from bourn.options.schema import PYTHON_TYPE, type_schema
from bourn.wording import clean, listed, nearest, shown

__all__ = ["problems_of", "problems_of_value"]

MAX_PROBLEMS = 100
MAX_CHOICES = 30
"""Choices that a message names."""
MAX_PATTERN = 80
"""Characters of a pattern in a message."""

_KEY = re.compile(r"[^\W\d][\w-]{0,79}", re.ASCII)

_TYPES: dict[Any, str] = {
    Any: "a JSON value", Secret: "str", pathlib.Path: "str (a path)", datetime: "datetime (ISO 8601)",
    date: "date (ISO 8601)", timedelta: "float (seconds)", bool: "bool", int: "int", float: "float", str: "str",
    list: "list", tuple: "list", set: "list", frozenset: "list", dict: "dict",
}  # fmt: skip

_LIMITS = {
    "minimum": "at least", "exclusiveMinimum": "more than", "maximum": "at most", "exclusiveMaximum": "less than",
    "minLength": "at least", "minItems": "at least", "minProperties": "at least",
    "maxLength": "at most", "maxItems": "at most", "maxProperties": "at most",
}  # fmt: skip
_NOUNS = {"Length": "character", "Items": "item", "Properties": "entry"}


def problems_of(cls: Any, given: Any, at: str, owner: str, cause: BaseException) -> list[Problem]:
    """Every problem of what should become a `cls`, at most 100; `cause` is what the converter raised."""
    value = _prepared(given, _classes(cls))
    if type(value) is not dict:
        is_mapping = issubclass(type(given), Mapping)
        return [Problem(at, clean(str(cause) if is_mapping else f"expected a mapping of options, got {quoted(given)}"))]
    return _Collector(at, owner).problems(cls, value, cause)


def problems_of_value(hint: Any, value: Any, at: str, cause: BaseException) -> list[Problem]:
    """Every problem of the value of one option, by its type as `Field.type` has it."""
    return _Collector(at, "").problems(hint, _prepared(value, _classes(hint)), cause)


@functools.cache
def _classes(hint: Any) -> frozenset[Any]:
    """The options classes in a type."""
    bare, _ = constraints_of(hint)
    if attrs.has(bare):
        return frozenset((bare,)).union(*(_classes(field.type) for field in fields_of(bare)))
    return frozenset().union(*map(_classes, () if get_origin(bare) is Literal else get_args(bare)))


@attrs.frozen(eq=False, repr=False)
class _Object:
    """A value that is not JSON: jsonschema asks every value for its repr, and many for their class."""

    value: Any

    def __repr__(self) -> str:
        return quoted(self.value)


def _restored(value: Any) -> Any:
    """A prepared value with its objects, for the converter."""
    if type(value) is dict:
        return {_restored(key): _restored(entry) for key, entry in value.items()}
    if type(value) is list:
        return [_restored(item) for item in value]
    return value.value if type(value) is _Object else value


def _prepared(value: Any, classes: frozenset[Any], depth: int = 0) -> Any:  # noqa: PLR0911  # one line a kind
    """A copy that jsonschema can work on: dicts, lists and scalars of exactly those types, other objects hidden."""
    kind = type(value)
    if kind in _SCALARS:
        return value
    if issubclass(kind, enum.Enum) or depth > MAX_LEVELS + 1:
        return _Object(value)
    if issubclass(kind, str):
        return str.__str__(value)
    if kind in classes:
        cls: Any = kind  # mypy holds `type` to be unhashable
        value = {field.key: getattr(value, field.name) for field in fields_of(cls)}
    try:
        items, entries = copied_list(value), copied_mapping(value)
    except InvalidValueError:
        return _Object(value)  # the converter says why it can't be read
    if items is not None:
        return [_prepared(item, classes, depth + 1) for item in items]
    if entries is not None:
        pairs = ((str.__str__(k) if issubclass(type(k), str) else _Object(k), entry) for k, entry in entries.items())
        return {key: _prepared(entry, classes, depth + 1) for key, entry in pairs}
    plain = numpy_to_python(value)
    return plain if type(plain) in _SCALARS else _Object(value)


_SCALARS = (bool, int, float, str, type(None))
_JSON = (*_SCALARS, list, dict)

_CHECKS: Any = {
    "array": lambda _, value: type(value) is list,
    "boolean": lambda _, value: type(value) is bool,
    "integer": lambda _, value: type(value) is int,
    "null": lambda _, value: value is None,
    "number": lambda _, value: type(value) in (int, float),
    "object": lambda _, value: type(value) is dict,
    "string": lambda _, value: type(value) is str,
}
"""Strict: 1.0 is not an integer, and no object is asked for its class."""


def _validate_type(validator: Any, types: Any, value: Any, schema: Any) -> Iterator[Any]:
    # Whether a Python object (a datetime, a Secret, a set) or a choice will do is left to the converter.
    if PYTHON_TYPE not in schema or (type(value) in _JSON and "enum" not in schema):
        yield from Draft202012Validator.VALIDATORS["type"](validator, types, value, schema)


def _validate_by_converter(_: Any, hint: Any, value: Any, schema: Any) -> Iterator[Any]:
    if value is None and "null" in schema.get("type", ()):
        return
    try:
        structure_value(hint, _restored(value))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  # a foreign class may raise anything
        yield ValidationError("", cause=error)  # type: ignore[arg-type]  # any BaseException


def _leave_to_converter(*_: Any) -> tuple[()]:
    """It knows choices in any case of letters, and the members of an Enum."""
    return ()


_KEYWORDS: Any = {"type": _validate_type, "enum": _leave_to_converter, PYTHON_TYPE: _validate_by_converter}
_extend: Any = extend
_Validator = _extend(Draft202012Validator, _KEYWORDS, type_checker=TypeChecker(_CHECKS))


@functools.cache
def _validator(hint: Any) -> Any:
    return _Validator(type_schema(hint, with_types=True))


class _Collector:
    """Collects the problems of one value from the errors of jsonschema."""

    def __init__(self, at: str, owner: str) -> None:
        self._at = at
        self._owner = owner
        self._found: dict[Problem, Any] = {}  # to the option that they are in

    def problems(self, hint: Any, value: Any, cause: BaseException) -> list[Problem]:
        try:
            self._add_all(_validator(hint).iter_errors(value))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001  # a foreign value may raise anything
            cause = error
        places = {key: place for place, key in enumerate(value)} if type(value) is dict else {}
        # In the order of the mapping, then what is missing.
        ranked = sorted(self._found.items(), key=lambda item: places.get(item[1], len(places)))
        found = [Problem(clean(problem.path), clean(problem.message)) for problem, _ in ranked]
        return found[:MAX_PROBLEMS] or [Problem(self._at, f"can't be read: {type(cause).__name__}")]

    def _add_all(self, errors: Iterable[Any]) -> None:
        for error in errors:
            steps = list(error.absolute_path)
            if error.validator == "anyOf":
                self._add_all(self._branch(error) or ())
                if not self._is_known(self._path(steps)):
                    self._add(steps, mismatch(error.validator_value, error.instance))
            elif error.validator == "required":
                for name in (name for name in error.validator_value if name not in error.instance):
                    text = error.schema["properties"][name].get("description")
                    self._add([*steps, name], f"is required: {text}" if text else "is required")
            elif error.validator == "additionalProperties":
                self._add_unknown(error, steps)
            elif error.validator != PYTHON_TYPE:
                self._add(steps, _text(error))
            elif not self._is_known(
                self._path(steps)
            ):  # else a part of it is wrong, or a limit is passed: that has been said
                for below, text in _converter_texts(error):
                    self._add(steps, text, below)

    def _add(self, steps: list[Any], message: str, below: str = "") -> None:
        path = self._path(steps)
        path = f"{path}.{below}" if path and below else path or below
        self._found.setdefault(Problem(path, message), steps[0] if steps else None)

    def _is_known(self, path: str) -> bool:
        return any(not path or known == path or known.startswith((f"{path}.", f"{path}[")) for known, _ in self._found)

    def _path(self, steps: Iterable[Any]) -> str:
        path = self._at
        for step in steps:
            path = f"{path}[{step}]" if type(step) is int else _joined(path, step)
        return path

    def _branch(self, error: Any) -> list[Any] | None:
        """The errors of the one branch of a union that the value can be meant for."""
        branches: dict[int, list[Any]] = {}
        for each in error.context or ():
            branches.setdefault(int(each.schema_path[0]), []).append(each)
        meant = [errors for errors in branches.values() if not any(_is_of_another_type(each) for each in errors)]
        return meant[0] if len(meant) == 1 else None

    def _add_unknown(self, error: Any, steps: list[Any]) -> None:
        fields = {field.key: field for field in fields_of(constraints_of(error.schema[PYTHON_TYPE])[0])}
        for key in error.instance:
            if type(key) is not str:
                self._add(steps, f"expected names of options, which are str, got {key!r}")
            elif key not in fields:
                owner = "" if steps else self._owner
                text = f"{owner!r} has no option {shown(key)}" if owner else "unknown option"
                meant = nearest(key, [n for n, field in fields.items() if key.casefold() not in field.facts.unlike])
                hint = "" if meant is None else f"; did you mean {meant!r}?"
                known = f"{hint or '.'} Options: {listed(fields)}" if fields else "; it has none"
                self._add([*steps, key], text + known)


def _is_of_another_type(error: Any) -> bool:
    if error.relative_path:
        return False
    choices = get_args(constraints_of(error.validator_value)[0]) if error.validator == PYTHON_TYPE else ()
    return error.validator == "type" or ("enum" in error.schema and type(error.instance) not in set(map(type, choices)))


def _converter_texts(error: Any) -> Iterator[tuple[str, str]]:
    """What the converter says of a value: path within it, and text."""
    hint, cause = error.validator_value, error.cause
    bare, _ = constraints_of(hint)
    if isinstance(cause, RequestError):
        yield from cause.problems
    elif isinstance(cause, InvalidValueError) and not cause.args:
        yield "", mismatch(error.schema, error.instance)
    elif bare is Secret or (attrs.has(bare) and any(field.is_secret for field in fields_of(bare))):
        # The text of another's error may quote a value, and among the values may be a secret.
        yield "", str(cause) if isinstance(cause, InvalidValueError) else "is not allowed"
    else:
        # What attrs' validators say has its text first, the other arguments are for programs.
        text = cause.args[0] if cause is not None and cause.args else ""
        yield "", text if isinstance(text, str) and text else f"is not allowed: {type(cause).__name__}"


def _text(error: Any) -> str:
    """What is wrong, for a keyword of JSON Schema."""
    keyword, bound, value = str(error.validator), error.validator_value, error.instance
    bare, facts = constraints_of(error.schema[PYTHON_TYPE])
    if keyword in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
        unit = "seconds" if bare is timedelta else facts.unit
        return f"expected {_LIMITS[keyword]} {bound}{f' {unit}' if unit else ''}, got {shown(value)}"
    if keyword == "items" or (error.schema.get("prefixItems") is not None and keyword in ("minItems", "maxItems")):
        return f"expected {_counted(len(get_args(bare)), 'item')}, got {len(value):,}"
    if keyword in _LIMITS:
        return f"expected {_LIMITS[keyword]} {_counted(bound, _NOUNS[keyword[3:]])}, got {len(value):,}"
    if keyword == "uniqueItems":
        return "expected each item once"
    if keyword == "pattern":
        pattern = clean(bound)  # not its repr, which doubles each backslash
        pattern = pattern if len(pattern) <= MAX_PATTERN else pattern[: MAX_PATTERN - 1] + "…"
        return f"expected text that matches '{pattern}'{'' if bare is Secret else f', got {shown(value)}'}"
    return mismatch(error.schema, value)


def mismatch(schema: Any, value: Any) -> str:
    """That a value is of another type than a schema, or the branches of a union, allow, or none of the choices."""
    branches = schema if isinstance(schema, list) else [schema]
    hints = [constraints_of(branch[PYTHON_TYPE])[0] for branch in branches if PYTHON_TYPE in branch]
    words, choices = [], []
    for bare in hints:
        if get_origin(bare) is Literal:
            choices += [each.value if isinstance(each, enum.Enum) else each for each in get_args(bare)]
        else:
            words.append("dict" if attrs.has(bare) else _TYPES[get_origin(bare) or bare])
    if choices:
        several = ", ".join(map(shown, choices[:MAX_CHOICES])) + (", ..." if len(choices) > MAX_CHOICES else "")
        words.append(several if len(choices) == 1 else f"one of {several}")
    # A value that should be a secret is not quoted, whatever it is.
    value = _restored(value)
    got = f"a value of type {type(value).__name__}" if Secret in hints else quoted(value)
    names = {each.lower(): each for each in choices if isinstance(each, str)}
    meant = nearest(value, names) if type(value) is str else None
    hint = "" if meant is None else f"; did you mean {names[meant]!r}?"
    return f"expected {' or '.join(dict.fromkeys(words))}, got {got}{hint}"


def quoted(value: object) -> str:
    """A value as it may stand in a message, whatever its class does."""
    try:
        return shown(value)
    except Exception:  # noqa: BLE001  # its __class__ may be a property that raises
        return f"an object of type {type(value).__module__}.{type(value).__qualname__}"


def _counted(number: int, noun: str) -> str:
    plural = noun if number == 1 else f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number:,} {plural}"


def _joined(path: str, key: Any) -> str:
    if type(key) is str and _KEY.fullmatch(key):
        return f"{path}.{key}" if path else key
    return f"{path}[{shown(key) if type(key) is str else repr(key)}]"
