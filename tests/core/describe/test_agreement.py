"""The schema of a request, by two validators that know nothing of bourn, against what bourn itself plans."""

import copy
import enum
import json
import re
from datetime import timedelta

import attrs
import jsonschema
import jsonschema_rs
import numpy as np
import pytest
from bourn import Image
from bourn.contract.option import Secret
from bourn.describe.schema import Defaults, request_schema
from bourn.errors import BournError, InvalidOptions, Refused
from bourn.plugin import Destination, Example, Format, option

ROLES = ("destination", "format")

WRONG = [None, True, 0, -1, 1.5, "", "x", "no such value", [], [1], {}, {"a": 1}]
"""Of every type; for each option most of them are wrong, and which are is what the two must agree on."""


class Colour(enum.Enum):
    RED = "red"
    BLUE = "Blue"


@attrs.frozen
class Login:
    user: str = option(help="Who.", min_length=1, max_length=8)
    password: Secret = option(default=Secret(""), help="The password.", max_length=20)


@attrs.frozen
class HookOptions:
    url: str = option(help="Where.", pattern="^https://")
    retries: int = option(default=3, ge=0, le=10, help="How often.")
    wait: timedelta = option(default=timedelta(seconds=1), gt=0, le=60, help="How long.")
    to: list[str] | str = option(factory=list, max_length=3, help="Whom to.")
    tags: frozenset[str] = option(factory=frozenset, help="Tags.")
    login: Login | None = option(default=None, help="As whom.")
    headers: dict[str, str] = option(factory=dict, max_length=2, help="Headers.")
    colour: Colour = option(default=Colour.RED, help="Which.")
    corner: tuple[int, float] = option(default=(0, 0.0), help="Where on the page.")
    even: int = option(default=0, check=lambda number: "is odd" if number % 2 else None, help="An even number.")


class Hook(Destination[HookOptions]):
    """Send it to a hook."""

    formats = ("text", "picture")

    def deliver(self, artifact, options, context):
        raise NotImplementedError


class Shelf(Destination):
    """Put it on a shelf."""

    def deliver(self, artifact, options, context):
        raise NotImplementedError


class Frame(Shelf):
    """Put it into a frame."""

    formats = ("picture",)


class Never(Shelf):
    """Takes nothing that is installed."""

    formats = ("vellum",)


@attrs.frozen
class PictureOptions:
    depth: int = option(help="Bits.", ge=1, le=16)
    ends: str = option(default="lf", choices=["lf", "crlf", "LF!"], help="How lines end.")


class Text(Format):
    """As text."""

    media_type, suffix = "text/plain", ".txt"
    examples = (Example("Text", format="text"),)

    def encode(self, result, options, sink):
        raise NotImplementedError


class Picture(Format[PictureOptions]):
    """As a picture."""

    media_type, suffix, kinds = "image/x-picture", ".pic", ("image",)

    def encode(self, result, options, sink):
        raise NotImplementedError


class NoPlugin:
    pass


PLUGINS = {
    "destinations": {"hook": Hook, "shelf": Shelf, "frame": Frame, "never": Never, "broken": NoPlugin},
    "formats": {"text": Text, "picture": Picture},
}


@pytest.fixture(params=["installed", "made"])
def over(request, session, session_of):
    """A session over what is installed, and one over plugins with an option of every type."""
    if request.param == "installed":
        return session
    return session_of(settings={"default_destination": "shelf", "default_format": "text"}, **PLUGINS)


def halves(described, role):
    """What may stand for one half of a request, rightly and wrongly."""
    for name, plugin in described[f"{role}s"].items():
        whole = copy.deepcopy(plugin.get("request", name))
        whole = whole if isinstance(whole, dict) else {"type": name}
        yield from (name, name.upper(), name + "\n", name[:-1], {"type": name}, whole, {**whole, "type": name.title()})
        yield {**whole, "no_such_option": 1}
        for key, schema in plugin.get("options", {}).get("properties", {}).items():
            yield {name: value for name, value in whole.items() if name != key}
            yield {**whole, f"{key}x": schema.get("default")}
            yield from ({**whole, key: value} for value in (*WRONG, *about(schema)))
    yield from (None, True, 3, "", [], {}, {"type": None}, {"type": 3}, [None], [[]])


def about(schema):
    """Values at and beyond the limits of an option."""
    for branch in schema.get("anyOf", [schema]):
        yield from about_scalar(branch)
        yield from about_container(branch)
    if "default" in schema:
        yield schema["default"]


def about_scalar(branch):
    for value in branch.get("enum", ()):
        yield from (value, str(value).upper(), str(value).lower(), f"{value}\n")
    for keyword in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
        if keyword in branch:
            yield from (branch[keyword] - 1, branch[keyword], branch[keyword] + 1)
    for size in (branch.get("minLength"), branch.get("maxLength")):
        if size is not None:
            yield from ("x" * max(size - 1, 0), "x" * size, "x" * (size + 1))
    if "pattern" in branch:
        yield from ("https://example.org", "http://example.org", " https://example.org")


def about_container(branch):
    if branch.get("type") == "array":
        items = branch.get("maxItems", 3)
        yield from (["a"] * 2, [f"a{n}" for n in range(items)], [f"a{n}" for n in range(items + 1)], [1, 2.5])
    if "object" in branch.get("type", ()):
        for key, inner in branch.get("properties", {}).items():
            yield from ({key: value} for value in (*WRONG, "abc", *about(inner)))
        yield from ({"user": "abc", "password": "x" * 21}, {"a": "b", "c": "d"}, {"a": "b", "c": "d", "e": "f"})


def requests(described):
    for role in ROLES:
        for half in halves(described, role):
            yield {role: half}
    for cell in described["matrix"]:
        to, written = (described[f"{role}s"][cell[role]].get("request", cell[role]) for role in ROLES)
        yield from ({"destination": to, "format": written}, {"destination": [to], "format": written})
        yield {"destination": [to, *described["destinations"]], "format": written}
    named = list(described["destinations"])
    yield from ({}, {"destination": named}, {"destination": []}, {"destination": None, "format": None})
    yield from ({"destination": [to, to]} for to in named)
    yield from ({"fromat": "json"}, {"destination": named[0], "format": None}, {"destination": [named[0], None]})


def distinct(cases):
    """Each case once, 1 and true and 1.0 distinguished."""
    return [json.loads(text) for text in dict.fromkeys(json.dumps(case) for case in cases)]


def planned(session, obj, request):
    """Whether bourn plans it; if not, the error."""
    try:
        session.plan(obj, **request)
    except BournError as error:
        return error
    return None


def left_to_the_plugin(described, error):
    """Whether only the plugin can tell: in its preflight, or by a function of its own on that option."""
    if isinstance(error, Refused):
        return True
    checked = {
        f".{key}"
        for role in ROLES
        for plugin in described[f"{role}s"].values()
        for key, option in plugin.get("options", {}).get("properties", {}).items()
        if option.get("x-checked")
    }
    return isinstance(error, InvalidOptions) and all(
        re.sub(r"\[\d+\]$", "", problem.path).endswith(tuple(checked)) for problem in error.problems
    )


@pytest.mark.slow
def test_the_schema_agrees_with_the_plan(over, record_property):
    described = over.registry.describe()
    defaults = Defaults(destination=over.settings.default_destination, format=over.settings.default_format)
    exact = request_schema(described, kind="image", any_case=True, defaults=defaults)
    jsonschema.Draft202012Validator.check_schema(exact)
    valid = jsonschema.Draft202012Validator(exact).is_valid
    valid_too = jsonschema_rs.validator_for(exact).is_valid
    image = Image(np.zeros((1, 64, 64), "uint8"), bands=["grey"])
    counts = {"good": 0, "bad": 0, "left to the plugin": 0}
    wrong = []
    for request in distinct(requests(described)):
        error, passes = planned(over, image, request), valid(request)
        assert valid_too(request) is passes, request
        if passes and error is not None and left_to_the_plugin(described, error):
            counts["left to the plugin"] += 1
        elif passes is (error is None):
            counts["good" if passes else "bad"] += 1
        else:
            wrong.append((request, error))
    assert wrong == []
    for name, number in counts.items():
        record_property(f"examples: requests that schema and plan agree on, {name}", number)
    assert counts["good"] >= 40
    assert counts["good"] + counts["bad"] >= 200


@pytest.mark.slow
def test_what_passes_the_one_spelling_passes_any(over):
    """The schema for editors and forms lets nothing pass that the other refuses; what it refuses besides is a case."""
    described = over.registry.describe()
    defaults = Defaults(destination=over.settings.default_destination, format=over.settings.default_format)
    plain, exact = (
        jsonschema.Draft202012Validator(request_schema(described, any_case=any_case, defaults=defaults))
        for any_case in (False, True)
    )
    for request in distinct(requests(described)):
        if plain.is_valid(request) != exact.is_valid(request):
            assert not plain.is_valid(request), request
            assert exact.is_valid(json.loads(json.dumps(request).lower())) or "Blue" in json.dumps(described), request


def test_a_kind_narrows_the_formats(session):
    schema = request_schema(session.registry.describe(), kind="value")
    valid = jsonschema.Draft202012Validator(schema).is_valid
    assert (valid({"format": "json"}), valid({"format": "geotiff"})) == (True, False)
