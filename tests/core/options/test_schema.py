"""The JSON Schema of options: valid, complete, and of one mind with what reads them."""

from __future__ import annotations

import enum
from datetime import datetime, timedelta
from pathlib import Path  # noqa: TC003  # attrs reads it
from typing import Any, Literal

import attrs
import pytest
from bourn.errors import PluginError
from bourn.options.schema import schema_of
from bourn.options.serialization import read
from bourn.plugin import NoOptions, Secret, option
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator


class Speed(enum.Enum):
    SLOW = 1
    FAST = 2


@attrs.frozen
class Inner:
    """What is within."""

    n: int = option(ge=1, le=3, help="A number.")
    deep: list[int] | None = option(default=None, min_length=1, ge=0, help="Numbers.")


@attrs.frozen
class Options:
    """All sorts of options.

    And more.
    """

    name: str = option(min_length=1, max_length=3, pattern="^[ab]+$", help="A name.", examples=["ab"])
    flag: bool = option(default=False, help="A flag.")
    share: float | None = option(default=None, gt=0, lt=1, unit="parts", help="A share.")
    mode: Literal["x", "yy"] | None = option(default="x", help="A mode.")
    speed: Speed = option(default=Speed.SLOW, help="A speed.")
    one_of: int | str | list[str] = option(default=0, help="One of several.")
    table: dict[str, int] = option(factory=dict, max_length=2, ge=0, help="A table.")
    pair: tuple[int, bool] = option(default=(1, True), help="A pair.")
    inner: Inner | None = option(default=None, help="Within.")
    inners: tuple[Inner, ...] = option(default=(), help="Several.")


@attrs.frozen
class Kinds:
    when: datetime = option(help="When.")
    pause: timedelta = option(default=timedelta(minutes=1), ge=0, help="How long.")
    path: Path | None = option(default=None, help="Where.")
    key: Secret = option(default=Secret("hunter2"), help="A key.", examples=["abc"])
    uri: list[str] = option(factory=list, format="uri", help="Where to.")
    anything: Any = option(default=None, help="Anything.")


def test_the_schema_of_all_sorts_of_options():
    inner = {
        "type": "object",
        "description": "What is within.",
        "properties": {
            "n": {"type": "integer", "minimum": 1, "maximum": 3, "description": "A number."},
            "deep": {
                "type": ["array", "null"],
                "items": {"type": "integer", "minimum": 0},
                "minItems": 1,
                "description": "Numbers.",
                "default": None,
            },
        },
        "required": ["n"],
        "additionalProperties": False,
    }
    assert {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "description": "All sorts of options.",
        "properties": {
            "name": {
                "type": "string",
                "minLength": 1,
                "maxLength": 3,
                "pattern": "^[ab]+$",
                "description": "A name.",
                "examples": ["ab"],
            },
            "flag": {"type": "boolean", "description": "A flag.", "default": False},
            "share": {
                "type": ["number", "null"],
                "exclusiveMinimum": 0,
                "exclusiveMaximum": 1,
                "description": "A share.",
                "x-unit": "parts",
                "default": None,
            },
            "mode": {"type": ["string", "null"], "enum": ["x", "yy", None], "description": "A mode.", "default": "x"},
            "speed": {"type": "integer", "enum": [1, 2], "description": "A speed.", "default": 1},
            "one_of": {
                "anyOf": [{"type": "integer"}, {"type": "string"}, {"type": "array", "items": {"type": "string"}}],
                "description": "One of several.",
                "default": 0,
            },
            "table": {
                "type": "object",
                "additionalProperties": {"type": "integer", "minimum": 0},
                "maxProperties": 2,
                "description": "A table.",
                "default": {},
            },
            "pair": {
                "type": "array",
                "prefixItems": [{"type": "integer"}, {"type": "boolean"}],
                "items": False,
                "minItems": 2,
                "maxItems": 2,
                "description": "A pair.",
                "default": [1, True],
            },
            "inner": {**inner, "type": ["object", "null"], "description": "Within.", "default": None},
            "inners": {"type": "array", "items": inner, "description": "Several.", "default": []},
        },
        "required": ["name"],
        "additionalProperties": False,
    } == schema_of(Options)


def test_times_paths_and_secrets_have_sensible_schemas_and_a_secret_shows_nothing():
    assert schema_of(Kinds)["properties"] == {
        "when": {"type": "string", "format": "date-time", "description": "When."},
        "pause": {"type": "number", "x-unit": "seconds", "minimum": 0, "description": "How long.", "default": 60.0},
        "path": {"type": ["string", "null"], "description": "Where.", "default": None},
        "key": {"type": "string", "writeOnly": True, "description": "A key."},
        "uri": {
            "type": "array", "items": {"type": "string", "format": "uri"}, "description": "Where to.", "default": [],
        },
        "anything": {"description": "Anything.", "default": None},
    }  # fmt: skip


def test_the_schema_is_the_callers_own_to_change():
    schema_of(Options)["properties"].clear()
    assert schema_of(Options)["properties"]


@pytest.mark.parametrize("cls", [Options, Kinds, Inner, NoOptions])
def test_the_schema_is_valid(cls):
    Draft202012Validator.check_schema(schema_of(cls))


_texts = st.sampled_from(["a", "ab", "abab", "x", "yy", "z", ""])
_scalars = st.one_of(st.none(), st.booleans(), st.integers(-2, 4), st.sampled_from([0.5, -0.5, 1.5]), _texts)
_values = st.recursive(
    _scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["n", "deep", "x", "q"]), inner, max_size=2)
    ),
    max_leaves=4,
)
_keys = st.sampled_from([field.name for field in attrs.fields(Options)] + ["unknown"])


@pytest.mark.slow
@settings(max_examples=600, deadline=None)
@given(mapping=st.dictionaries(_keys, _values, max_size=3), name=st.sampled_from(["a", "ab", "c", None]))
def test_reading_and_the_schema_agree(mapping, name):
    if name is not None:
        mapping = {"name": name, **mapping}
    options, problems = read(Options, mapping)
    said = {_path(error) for error in Draft202012Validator(schema_of(Options)).iter_errors(mapping)}
    assert bool(said) == bool(problems)
    assert (options is None) == bool(problems)
    # Each problem that the validator finds is reported at its place, or beneath (what is missing),
    # or above (a tuple of another length).
    for path in said:
        assert any(p.path.startswith(path) or path.startswith(p.path) for p in problems)


def _path(error):
    return "destination" + "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in error.absolute_path)


@pytest.mark.parametrize(
    ("hint", "reason"),
    [
        (complex, "has a type without a JSON Schema: builtins.complex"),
        (list[bytes], "has a type without a JSON Schema: builtins.bytes"),
        (dict[int, str], "is a mapping with keys that are not str"),
        (list[Secret], "holds a Secret in a list or mapping; give each Secret an option of its own"),
        (Secret | str, "is a Secret or something else; a Secret stands alone, or with None"),
        (None, "has no type"),
    ],
)
def test_a_type_without_a_schema_is_the_plugins_fault(hint, reason):
    cls = attrs.make_class("Bad", {"x": attrs.field(type=hint)}, frozen=True)
    with pytest.raises(PluginError) as caught:
        schema_of(cls)
    assert f"option 'x' of {__name__}.Bad {reason}" == str(caught.value)


def test_a_type_that_refers_to_itself_is_the_plugins_fault():
    with pytest.raises(PluginError, match=r"refers to .*Tree within itself; a schema must end"):
        schema_of(Tree)


def test_a_type_that_is_not_found_at_run_time_is_the_plugins_fault():
    @attrs.frozen
    class Lost:
        x: Nowhere = option(help="x")  # noqa: F821

    with pytest.raises(PluginError, match="can't be resolved at run time: name 'Nowhere' is not defined"):
        schema_of(Lost)


def test_a_pattern_that_does_not_compile_is_the_plugins_fault():
    @attrs.frozen
    class Odd:
        x: str = option(help="x", pattern="(")

    with pytest.raises(PluginError, match=r"has a pattern that is not a regular expression"):
        schema_of(Odd)


@attrs.frozen
class Tree:
    children: list[Tree] = option(factory=list, help="More.")
