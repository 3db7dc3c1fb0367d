"""The command line over plugins made for the purpose, or over those installed, in a home of its own."""

from __future__ import annotations

import json

import attrs
import pytest
from bourn.cli.commands import bourn
from bourn.plugin import DeliveryError, Destination, Example, Format, NoOptions, Note, Receipt, option
from click.testing import CliRunner


@attrs.frozen
class Address:
    street: str = option(default="", help="The street.")
    number: int = option(default=1, help="The house.")


@attrs.frozen
class LetterOptions:
    to: list[str] = option(factory=list, help="Whom to.")
    retries: int = option(default=3, ge=0, le=10, help="How often to try again.")
    urgent: bool = option(default=False, help="Whether it is.")
    subject: str = option(default="Done", max_length=900, help="The subject.")
    address: Address = option(factory=Address, help="Where.")


class Letter(Destination[LetterOptions]):
    """A letter with the result."""

    gives_data = False
    examples = (Example("With a subject", {"type": "letter", "subject": "Two"}, "text"),)

    def preflight(self, options, info, context):
        yield Note("letters are slow")

    def deliver(self, artifact, options, context):
        if options.subject == "never":
            raise DeliveryError("the postman is ill")
        return Receipt(url="https://post.example/1", detail={"to": list(options.to), "urgent": options.urgent})


class Shelf(Destination[NoOptions]):
    """A place on the shelf."""

    def deliver(self, artifact, options, context):
        return Receipt(url=context.link())


class Frame(Destination[NoOptions]):
    """A frame for a picture."""

    kinds = ("image",)
    formats = ("picture",)

    def deliver(self, artifact, options, context):
        return Receipt()


@attrs.frozen
class TextOptions:
    width: int | None = option(default=None, ge=1, unit="characters", help="Where lines end.")
    ends: str = option(default="lf", choices=["lf", "crlf"], help="How lines end.")


class Text(Format[TextOptions]):
    """Whatever it is, as text."""

    media_type, suffix = "text/plain", ".txt"

    def encode(self, result, options, sink):
        sink.write(str(result).encode())
        return {"written": "text"}


class Picture(Format[NoOptions]):
    """A picture, band by band."""

    media_type, suffix, kinds, lazy = "image/x-picture", ".pic", ("image",), True

    def encode(self, result, options, sink):
        for strip in result.strips():
            for band in strip.pixels:
                sink.write(band.tobytes())
        return {}


PLUGINS = {
    "destinations": {"letter": Letter, "shelf": Shelf, "frame": Frame},
    "formats": {"text": Text, "picture": Picture},
}


class Run:
    """Runs the command line in this process; remembers nothing between runs but the session."""

    def __init__(self, session):
        self.session = session

    def __call__(self, *arguments, columns=100, input=None):
        return CliRunner(env={"COLUMNS": str(columns)}).invoke(bourn, arguments, obj=self.session, input=input)

    def json(self, *arguments, **options):
        done = self(*arguments, "--json", **options)
        return json.loads(done.stdout)


@pytest.fixture
def run(session_of):
    """Over the plugins above; `shelf` and `text` are the defaults."""
    return Run(session_of(settings={"default_destination": "shelf", "default_format": "text"}, **PLUGINS))


@pytest.fixture
def run_over(session_of):
    """Makes a runner over given plugins."""

    def make(**plugins):
        return Run(session_of(**plugins))

    return make


@pytest.fixture
def run_installed(session):
    """Over what is installed."""
    return Run(session)
