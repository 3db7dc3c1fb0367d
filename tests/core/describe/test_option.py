"""Options in words."""

import pytest
from bourn.describe.option import in_words, options_of


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "integer", "minimum": 1}, ("integer", "", "at least 1")),
        (
            {"type": "number", "exclusiveMinimum": 0, "maximum": 1, "default": 0.5},
            ("number", "0.5", "more than 0, at most 1"),
        ),
        ({"type": ["integer", "null"], "default": None}, ("integer or null", "null", "")),
        ({"type": "boolean", "default": True}, ("true or false", "true", "")),
        ({"type": "string", "default": ""}, ("text", '""', "")),
        ({"type": "string", "enum": ["a", "b"], "default": "a"}, ("text", "a", "a, b")),
        ({"type": "string", "maxLength": 900}, ("text", "", "at most 900 characters")),
        ({"type": "string", "pattern": "^https://"}, ("text", "", "matches ^https://")),
        ({"type": "number", "x-unit": "seconds", "minimum": 0, "maximum": 60}, ("number", "", "0 to 60 seconds")),
        ({"type": "array", "items": {"type": "integer", "minimum": 1}}, ("list of integer", "", "each: at least 1")),
        ({"type": "string", "format": "email", "maxLength": 9}, ("text", "", "at most 9 characters, e-mail address")),
        ({"type": ["string", "null"], "writeOnly": True}, ("secret text", "", "")),
        (
            {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
            ("text or list of text", "", ""),
        ),
    ],
)  # fmt: skip
def test_words(schema, words):
    found = in_words("x", schema)
    assert words == (found.type, found.default, found.limits)


def test_options_within_options():
    """Of a mapping, of each item of a list, of the mapping among several types."""
    inner = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    schema = {"properties": {
        "one": {**inner, "default": {"a": "x"}}, "many": {"type": "array", "items": inner, "default": []},
        "some": {"anyOf": [{"type": "integer"}, inner]},
    }}  # fmt: skip
    row = [(option.name, option.default) for option in options_of(schema)]
    assert row == [("one", ""), ("one.a", "required"), ("many", "[]"), ("many[].a", "required"), ("some", ""),
                    ("some.a", "required")]  # fmt: skip


def test_required():
    schema = {"properties": {"a": {"type": "string"}, "b": {"type": "string"}}, "required": ["a"]}
    assert [option.default for option in options_of(schema)] == ["required", ""]
