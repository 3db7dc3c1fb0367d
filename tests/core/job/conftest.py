"""Destinations and formats that do what a test tells them to, and sessions that know them."""

import threading
from types import SimpleNamespace

import attrs
import pytest
from bourn.plugin import Destination, Receipt, Secret, option
from bourn_download import Download
from bourn_formats.json import JSON
from bourn_formats.pyarrow import PyArrow


@attrs.frozen
class Options:
    name: str = option(default="x", help="Which one.")
    token: Secret = option(default=Secret(""), help="Nobody's business.")


class Scripted(Destination[Options]):
    """Does what the test says."""

    def __init__(self, deliver=None):
        self.tries = []
        self.retracted = []
        self.act = deliver or (lambda *given: Receipt())

    def deliver(self, artifact, options, context):
        self.tries.append((options.name, context.attempt))
        return self.act(artifact, options, context)

    def retract(self, options, context):
        self.retracted.append(context.delivery_id)


@pytest.fixture
def scripted():
    return Scripted()


@pytest.fixture
def make(session_of, scripted):
    """Makes sessions that know the scripted destination besides what is built in."""

    def make(*, clock=None, settings=None, **more):
        plugins = {
            "destinations": {"download": Download, "scripted": scripted, **more.pop("destinations", {})},
            "formats": {"pyarrow": PyArrow, "json": JSON, **more.pop("formats", {})},
        }
        return session_of(clock=clock, settings=settings, **plugins, **more)

    return make


@pytest.fixture
def gate():
    """A callable that runs until it is let go."""
    started, go = threading.Event(), threading.Event()

    def wait(value=1):
        started.set()
        assert go.wait(20)
        return value

    yield SimpleNamespace(wait=wait, started=started, go=go)
    go.set()


@pytest.fixture
def soon():
    """Waits until something is so."""
    import time

    def soon(so, seconds=10):
        end = time.monotonic() + seconds
        while not so():
            assert time.monotonic() < end, "it did not come about"
            time.sleep(0.01)

    return soon
