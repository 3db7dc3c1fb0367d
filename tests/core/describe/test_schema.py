"""The JSON Schema of a whole request."""

import attrs
import jsonschema
import pytest
from bourn.describe.schema import Defaults, request_schema
from bourn.plugin import Destination, Format, option
from bourn.plugins.registry import Registry


@attrs.frozen
class Options:
    url: str = option(help="Where.", pattern="^https://")


class Hook(Destination[Options]):
    """A hook."""

    def deliver(self, artifact, options, context):
        raise NotImplementedError


class Plain(Destination):
    """Plain."""

    def deliver(self, artifact, options, context):
        raise NotImplementedError


class Text(Format):
    """Text."""

    def encode(self, result, options, sink):
        raise NotImplementedError


@pytest.fixture
def valid():
    registry = Registry.of(destinations={"hook": Hook, "plain": Plain, "bad": 3}, formats={"text": Text})
    schema = request_schema(registry.describe(), defaults=Defaults(destination="plain", format="text"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema).is_valid


@pytest.mark.parametrize(
    ("request_", "right"),
    [
        ({"destination": "plain"}, True),
        ({"destination": {"type": "plain"}, "format": "text"}, True),
        ({"destination": "hook"}, False),
        ({"destination": {"type": "hook"}}, False),
        ({"destination": {"type": "hook", "url": "https://x"}}, True),
        ({"destination": {"type": "hook", "url": "ftp://x"}}, False),
        ({"destination": {"type": "hook", "url": "https://x", "more": 1}}, False),
        ({"destination": ["plain", {"type": "hook", "url": "https://x"}]}, True),
        ({"destination": []}, False),
        ({"destination": "bad"}, False),
        ({"format": "plain"}, False),
        ({"fromat": "text"}, False),
    ],
)
def test_requests(valid, request_, right):
    assert valid(request_) is right


def test_every_installed_example_is_valid(session):
    """What an author shows, the schema lets pass."""
    validator = jsonschema.Draft202012Validator(request_schema(session.registry.describe()))
    for spec in (*session.registry.destinations.values(), *session.registry.formats.values()):
        for example in spec.examples:
            halves = {"destination": example.destination, "format": example.format}
            validator.validate({key: half for key, half in halves.items() if half is not None})
