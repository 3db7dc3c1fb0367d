"""Options: strict, every problem at once, and safe against whatever is given."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import attrs
import numpy as np
import pytest
from attrs import validators as valid
from bourn.errors import PluginError, Problem
from bourn.options.serialization import examine, read, secrets_of, with_secrets, write
from bourn.plugin import NoOptions, Secret, option

NAMES = (
    "colour, compression, day, extra, file, headers, html, level, login, pair, pause, share, subject, tags, to, tries"
)

DEFLAT = "compression: expected one of 'DEFLATE', 'LZW', 'None', got 'deflat'; did you mean 'DEFLATE'?"


def _address(text):
    return None if "@" in text else f"expected an e-mail address, got {text!r}"


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@attrs.frozen
class Login:
    user: str = option(help="Who.")
    password: Secret | None = option(default=None, help="The password.", min_length=3)


@attrs.frozen
class Options:
    to: str | tuple[str, ...] = option(help="Where to.", check=_address)
    subject: str = option(default="done", max_length=10, pattern="^[^!]*$", help="The subject.")
    tries: int = option(default=3, ge=0, le=10, unit="times", help="How often.")
    share: float = option(default=0.5, gt=0, lt=1, help="How much.")
    html: bool = option(default=False, help="Whether as HTML.")
    compression: Literal["DEFLATE", "LZW", "None"] = option(default="LZW", help="How.")
    colour: Colour | None = option(default=None, help="Which.")
    level: int = option(default=1, choices=[1, 2, 9], help="How hard.")
    headers: dict[str, str] = option(factory=dict, help="More.")
    when: datetime | None = option(default=None, help="When.")
    day: date | None = option(default=None, help="The day.")
    pause: timedelta = option(default=timedelta(seconds=1), ge=0, help="How long between.")
    file: Path | None = option(default=None, help="A file.")
    pair: tuple[int, str] | None = option(default=None, help="Two.")
    login: Login | None = option(default=None, help="Who asks.")
    extra: Any = option(default=None, help="Anything.")
    tags: frozenset[str] = option(factory=frozenset, help="Tags.")


def problems(mapping, cls=Options, **keywords):
    options, found = read(cls, mapping, **keywords)
    assert (options is None) == bool(found)
    return [tuple(problem) for problem in found]


def message(**given):
    ((path, text),) = problems({"to": "a@b", **given})
    return f"{path}: {text}"


def test_a_mapping_becomes_typed_options_with_defaults():
    options, found = read(Options, {"to": ["a@b", "c@d"], "when": "2026-01-02T03:04:05Z", "pause": 2, "pair": [1, "x"]})
    assert found == []
    assert options.to == ("a@b", "c@d")
    assert datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC) == options.when
    assert timedelta(seconds=2) == options.pause
    assert options.pair == (1, "x")
    assert options.tries == 3


def test_every_problem_is_raised_at_once_each_with_its_path():
    given = {"to": ["a@b", "nobody"], "subjekt": "x", "tries": "512", "login": {"usr": "x"}, "headers": {"a b": 1}}
    assert problems(given) == [
        ("destination.to[1]", "expected an e-mail address, got 'nobody'"),
        ("destination.subjekt", f"unknown option; did you mean 'subject'? Options: {NAMES}, when"),
        ("destination.tries", "expected int, got '512'"),
        ("destination.login.user", "is required: Who."),
        ("destination.login.usr", "unknown option; did you mean 'user'? Options: password, user"),
        ("destination.headers['a b']", "expected str, got 1"),
    ]


def test_what_is_required_is_said_with_its_help():
    assert problems({}, at="format") == [("format.to", "is required: Where to.")]


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"tries": 11}, "tries: expected at most 10 times, got 11"),
        ({"tries": -1}, "tries: expected at least 0 times, got -1"),
        ({"tries": True}, "tries: expected int, got True"),
        ({"tries": 1.0}, "tries: expected int, got 1.0"),
        ({"tries": np.float64(1)}, "tries: expected int, got 1.0"),
        ({"tries": np.timedelta64(1, "s")}, "tries: expected int, got an object of type numpy.timedelta64"),
        ({"share": 1}, "share: expected less than 1, got 1"),
        ({"share": 0}, "share: expected more than 0, got 0"),
        ({"share": float("nan")}, "share: expected a finite number, got nan"),
        ({"share": 10**400}, "share: expected less than 1, got an int of 1329 bits"),
        ({"html": 1}, "html: expected bool, got 1"),
        ({"html": "false"}, "html: expected bool, got 'false'"),
        ({"subject": 1234}, "subject: expected str, got 1234"),
        ({"subject": b"x"}, "subject: expected str, got b'x'"),
        ({"subject": "12345678901"}, "subject: expected at most 10 characters, got 11"),
        ({"subject": "oh!"}, "subject: expected text that matches '^[^!]*$', got 'oh!'"),
        ({"subject": None}, "subject: expected str, got None"),
        ({"subject": "\ud800"}, "subject: expected text that UTF-8 can hold, got a lone surrogate"),
        ({"compression": "deflat"}, DEFLAT),
        ({"compression": None}, "compression: expected one of 'DEFLATE', 'LZW', 'None', got None"),
        ({"colour": "green"}, "colour: expected one of 'red', 'blue', got 'green'"),
        ({"level": 3}, "level: expected one of 1, 2, 9, got 3"),
        ({"level": True}, "level: expected one of 1, 2, 9, got True"),
        ({"level": 1.0}, "level: expected one of 1, 2, 9, got 1.0"),
        ({"to": 5}, "to: expected str or list, got 5"),
        ({"headers": {1: "x"}}, "headers: expected keys that are str, got one of type int"),
        ({"headers": []}, "headers: expected dict, got a list of 0"),
        ({"when": "yesterday"}, "when: expected datetime (ISO 8601), got 'yesterday'"),
        ({"day": datetime(2026, 1, 1, tzinfo=UTC)},
         "day: expected date (ISO 8601), got an object of type datetime.datetime"),
        ({"pause": -1}, "pause: expected at least 0 seconds, got -1"),
        ({"pause": "10s"}, "pause: expected float (seconds), got '10s'"),
        ({"pause": 1e300}, "pause: expected float (seconds), got 1e+300"),
        ({"file": 3}, "file: expected str (a path), got 3"),
        ({"pair": [1]}, "pair: expected 2 items, got 1"),
        ({"pair": ["1", "x"]}, "pair[0]: expected int, got '1'"),
        ({"login": 3}, "login: expected dict, got 3"),
        ({"login": {"user": "x", "password": "ab"}}, "login.password: expected at least 3 characters, got 2"),
        ({"login": {"user": "x", "password": 12345}}, "login.password: expected str, got a value of type int"),
        ({"extra": {1, 2}}, "extra: expected a JSON value, got a set of 2"),
        ({"tags": "ab"}, "tags: expected list, got 'ab'"),
        ({"x\u202ey": 1}, None),
    ],
)  # fmt: skip
def test_nothing_is_cast_in_silence(given, text):
    said = message(**given)
    assert said.isprintable()
    if text is not None:
        assert f"destination.{text}" == said


@pytest.mark.parametrize(
    ("given", "name", "value"),
    [
        ({"html": np.bool_(1)}, "html", True),
        ({"tries": np.uint8(7)}, "tries", 7),
        ({"level": np.int64(9)}, "level", 9),
        ({"subject": np.str_("x")}, "subject", "x"),
        ({"share": np.float32(0.5)}, "share", 0.5),
        ({"compression": "deflate"}, "compression", "DEFLATE"),
        ({"compression": "NONE"}, "compression", "None"),
        ({"colour": "RED"}, "colour", Colour.RED),
        ({"colour": Colour.BLUE}, "colour", Colour.BLUE),
        ({"file": Path("/a")}, "file", Path("/a")),
        ({"file": "a/b"}, "file", Path("a/b")),
        ({"day": "2026-02-03"}, "day", date(2026, 2, 3)),
        ({"login": Login(user="x")}, "login", Login(user="x")),
        ({"tags": {"x"}}, "tags", frozenset({"x"})),
        ({"extra": {"a": (1, [None, np.int8(2)])}}, "extra", {"a": [1, [None, 2]]}),
    ],
)
def test_what_means_the_same_is_taken_and_comes_out_as_declared(given, name, value):
    options, found = read(Options, {"to": "a@b", **given})
    assert found == []
    assert value == getattr(options, name)
    assert type(value) is type(getattr(options, name))


def test_an_integer_will_do_for_a_float_and_comes_out_as_one():
    @attrs.frozen
    class Wide:
        share: float = option(help="How much.")

    options, _ = read(Wide, {"share": 2})
    assert (2.0, float) == (options.share, type(options.share))


def test_a_look_alike_letter_is_another_word():
    assert message(compression="\uff2cZW").startswith("destination.compression: expected one of")


def test_case_is_folded_for_ascii_letters_only():
    @attrs.frozen
    class Asked:
        how: Literal["ask"] = option(help="How.")

    assert read(Asked, {"how": "ASK"})[0].how == "ask"
    assert problems({"how": "as\u212a"}, Asked)  # the Kelvin sign, which lower() makes a k


def test_the_keys_of_options_are_exact():
    assert "did you mean 'subject'?" in message(Subject="x")


def test_an_option_is_not_what_is_meant_by_a_name_that_it_is_unlike():
    """Where the nearest spelling would do harm; the next one may be meant all the same."""

    @attrs.frozen
    class Copied:
        cc: str = option(default="", unlike=["BCC"], help="An open copy.")
        bc: str = option(default="", help="Before Christ.")

    assert problems({"cC": ""}, Copied) == [("destination.cC", "unknown option; did you mean 'cc'? Options: bc, cc")]
    assert problems({"bcc": ""}, Copied) == [("destination.bcc", "unknown option; did you mean 'bc'? Options: bc, cc")]


def test_the_mapping_is_neither_changed_nor_kept():
    given = {"to": ["a@b"], "headers": {"a": "b"}, "extra": {"x": [1]}, "login": {"user": "x"}}
    options, _ = read(Options, given)
    given["to"].append("c@d")
    given["headers"]["c"] = "d"
    given["extra"]["x"].append(2)
    given["login"]["user"] = "y"
    assert (options.to, options.headers, options.extra, options.login.user) == (("a@b",), {"a": "b"}, {"x": [1]}, "x")


def test_options_are_written_as_json_without_secrets_and_read_back():
    import json

    login = {"user": "me", "password": "hunter2"}
    given = {"to": ["a@b"], "login": login, "when": "2026-01-02", "colour": "red", "file": "x", "tags": ["b", "a"]}
    options, _ = read(Options, given)
    written = json.loads(json.dumps(write(options)))
    secrets = secrets_of(options)
    assert secrets == {"login.password": "hunter2"}
    assert "hunter2" not in repr((written, options))
    assert (options, []) == read(Options, with_secrets(written, secrets))
    assert "password" not in written["login"]


def test_options_that_a_caller_made_are_examined_by_the_same_rules():
    made = Options(to=["nobody"], tries=11, login=Login(user=3))
    assert [
        Problem("destination.to[0]", "expected an e-mail address, got 'nobody'"),
        Problem("destination.tries", "expected at most 10 times, got 11"),
        Problem("destination.login.user", "expected str, got 3"),
    ] == examine(made)
    assert examine(Options(to="a@b")) == []


def test_options_that_a_caller_made_are_read_into_the_declared_spelling():
    made = Options(to="a@b", compression="deflate")
    options, found = read(Options, made)
    assert (found, options.compression, made.compression) == ([], "DEFLATE", "deflate")


def test_a_plugin_without_options_says_so():
    assert problems({"x": 1}, NoOptions, owner="download") == [
        ("destination.x", "'download' has no option 'x'; it has none")
    ]


def test_validators_of_attrs_are_left_to_attrs():
    """They hold; only what `option` states is in the schema, and among the problems that are listed at once."""

    @attrs.frozen
    class Plain:
        n: int = attrs.field(validator=[valid.ge(1), valid.le(5)])

    assert problems({"n": 9}, Plain) == [("destination", "'n' must be <= 5: 9")]
    assert problems({"n": 5}, Plain) == []


def test_what_a_class_itself_says_is_a_problem_of_the_whole():
    @attrs.frozen
    class Pair:
        low: int = option(help="a")
        high: int = option(help="b")

        def __attrs_post_init__(self):
            if self.low > self.high:
                msg = "low is above high"
                raise ValueError(msg)

    assert problems({"low": 2, "high": 1}, Pair) == [("destination", "low is above high")]


def test_a_check_that_fails_is_a_problem_and_quotes_no_secret():
    def explode(value):
        raise RuntimeError(value.reveal())

    @attrs.frozen
    class Odd:
        key: Secret = option(help="a", check=explode)

    assert problems({"key": "hunter2"}, Odd) == [("destination.key", "can't be checked: RuntimeError")]


class _Raising(Mapping):
    def __init__(self, error):
        self.error = error

    def __getitem__(self, key):
        raise self.error

    def __iter__(self):
        return iter(["to"])

    def __len__(self):
        return 1


class _Endless(_Raising):
    def __iter__(self):
        number = 0
        while True:
            yield f"k{number}"
            number += 1

    def __getitem__(self, key):
        return 1


class _Hostile:
    def __repr__(self):
        raise RuntimeError

    __str__ = __repr__

    @property
    def __class__(self):
        raise RuntimeError

    def __getattr__(self, name):
        raise RuntimeError


class _EvilKey(str):
    __slots__ = ()

    def __hash__(self):
        return hash("to")

    def __eq__(self, other):
        raise RuntimeError


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(3), GeneratorExit(), RecursionError(), KeyError("x")])
def test_a_mapping_that_raises_while_it_is_read_is_a_problem(error):
    assert [("destination", f"a mapping that can't be read: it raises {type(error).__name__}")] == problems(
        _Raising(error)
    )


def test_a_mapping_that_never_ends_is_a_problem():
    assert problems(_Endless(None)) == [("destination", "a mapping of more than 100,000 entries")]


def test_hostile_values_are_named_by_their_type():
    assert "destination.subject: expected str, got an object of type" in message(subject=_Hostile())
    assert "destination.to: expected str or list, got an object of type" in message(to=_Hostile())
    assert "destination.extra: expected a JSON value, got an object of type" in message(extra=_Hostile())
    assert "destination.login: expected dict, got an object of type" in message(login=_Hostile())


def test_hostile_keys_are_reported():
    assert problems({_EvilKey("x"): 1})
    got = f"an object of type {_Hostile.__module__}._Hostile"
    expected = [("destination", f"expected names of options, which are str, got {got}")]
    assert expected == problems({"to": "a@b", _Hostile(): 1})


def test_a_value_that_holds_itself_is_a_problem():
    loop = []
    loop.append(loop)
    assert message(extra=loop) == "destination.extra: expected at most 100 levels; does it hold itself?"
    assert message(subject=loop) == "destination.subject: expected str, got a list of 1"


def test_messages_stay_short():
    for given in ({"subject": "x" * 10**6}, {"x" * 10**5: 1}, {"tries": 10**10_000}, {"tries": "y" * 10**6}):
        assert len(message(**given)) < 600


@pytest.mark.slow
def test_no_more_than_a_hundred_problems_are_listed():
    assert len(problems({f"x{number}": 1 for number in range(5_000)})) == 100


def test_a_class_that_is_no_attrs_class_is_the_plugins_fault():
    with pytest.raises(PluginError, match=r"builtins.dict is not an attrs class"):
        read(dict, {})


def test_whatever_is_given_instead_of_a_mapping_is_refused():
    for given in (None, 5, "x", ["to"], {"to"}, _Hostile()):
        ((path, text),) = problems(given)
        assert path == "destination"
        assert text.startswith("expected a mapping of options, got ")


def test_a_pattern_is_shown_as_it_is_written():
    @attrs.frozen
    class Options:
        code: str = option(help="It.", pattern=r"^\d{4}\\$")

    (problem,) = read(Options, {"code": "x"})[1]
    assert problem.message == r"expected text that matches '^\d{4}\\$', got 'x'"


def test_a_check_is_asked_of_what_is_given_and_never_of_none():
    asked = []

    @attrs.frozen
    class Options:
        code: str | None = option(default=None, help="It.", check=asked.append)
        codes: tuple[str, ...] | None = option(default=("d",), help="They.", check=asked.append)

    assert read(Options, {"code": None, "codes": None})[1] == []
    assert read(Options, {})[1] == []
    assert asked == []
    assert read(Options, {"code": "a", "codes": ["b", "c"]})[1] == []
    assert asked == ["a", "b", "c"]
