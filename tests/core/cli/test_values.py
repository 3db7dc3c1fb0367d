"""``KEY=VALUE`` becomes what the schema says."""

import click
import pytest
from bourn.cli.values import KeyValue, options_from

SCHEMA = {
    "properties": {
        "n": {"type": "integer"},
        "maybe": {"type": ["integer", "null"]},
        "x": {"type": "number"},
        "yes": {"type": "boolean"},
        "text": {"type": "string"},
        "perhaps": {"type": ["string", "null"]},
        "choice": {"type": "string", "enum": ["1", "lf"]},
        "mixed": {"type": ["integer", "string"], "enum": [1, "two"]},
        "list": {"type": "array", "items": {"type": "integer"}},
        "either": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
        "map": {"type": "object", "additionalProperties": {"type": "integer"}},
        "in": {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "string"}}},
    }
}


@pytest.mark.parametrize(
    ("given", "options"),
    [
        (["n=3"], {"n": 3}),
        (["n=3.5"], {"n": "3.5"}),
        (["n=many"], {"n": "many"}),
        (["n=true"], {"n": "true"}),
        (["maybe=null"], {"maybe": None}),
        (["x=3"], {"x": 3}),
        (["x=1e-3"], {"x": 0.001}),
        (["yes=true"], {"yes": True}),
        (["yes=1"], {"yes": "1"}),
        (["text=3"], {"text": "3"}),
        (["text="], {"text": ""}),
        (["text=a=b"], {"text": "a=b"}),
        (['text="quoted"'], {"text": '"quoted"'}),
        (["perhaps=null"], {"perhaps": "null"}),
        (["choice=1"], {"choice": "1"}),
        (["mixed=1"], {"mixed": 1}),
        (["mixed=two"], {"mixed": "two"}),
        (["list=[1, 2]"], {"list": [1, 2]}),
        (["list=1"], {"list": [1]}),
        (["list=1", "list=2"], {"list": [1, 2]}),
        (["either=a"], {"either": "a"}),
        (['either=["a", "b"]'], {"either": ["a", "b"]}),
        (["either=a", "either=b"], {"either": ["a", "b"]}),
        (['map={"k": 1}'], {"map": {"k": 1}}),
        (["map.k=1"], {"map": {"k": 1}}),
        (["in.a=1", "in.b=2"], {"in": {"a": 1, "b": "2"}}),
        (["n.o=1"], {"n.o": "1"}),
        (["unknown=1"], {"unknown": "1"}),
    ],
)
def test_values(given, options):
    pairs = [KeyValue().convert(each, None, None) for each in given]
    found = options_from(pairs, SCHEMA)
    assert options == found
    assert {key: type(value) for key, value in options.items()} == {key: type(value) for key, value in found.items()}


@pytest.mark.parametrize("given", [["n=1", "n=2"], ["in={}", "in.a=1", "in.a=2"]])
def test_what_is_given_twice_and_is_one(given):
    with pytest.raises(click.UsageError, match="times, and takes one value"):
        options_from([KeyValue().convert(each, None, None) for each in given], SCHEMA)


@pytest.mark.parametrize("given", ["a", "=1", " =1", ""])
def test_what_is_no_pair(given):
    with pytest.raises(click.BadParameter, match="expected KEY=VALUE"):
        KeyValue().convert(given, None, None)
