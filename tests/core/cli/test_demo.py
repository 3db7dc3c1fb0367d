"""``bourn demo``."""

import sys

import numpy as np
import pytest
from bourn.plugin import Destination, Example, Format, Receipt, hookimpl


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_everything_installed_is_shown(run_installed, home):
    """Every pair of the matrix, the links fetched from a real server, in a home that is gone afterwards."""
    done = run_installed("demo")
    assert done.exit_code == 0, done.output
    assert "nothing unexpected" in done.stdout
    registry = run_installed.session.registry
    for (destination, written), cell in registry.matrix().items():
        rows = [line.split() for line in done.stdout.splitlines()]
        rows = [row for row in rows if row[1:3] == [destination, written]]
        assert rows, (destination, written)
        if "image" in cell.kinds:
            assert any(row[0] == "scene" for row in rows)
    assert "same bytes by its link" in done.stdout
    assert "fromat: unknown argument 'fromat'; did you mean 'format'?" in done.stdout
    assert not home.exists()


class Shelf(Destination):
    """A shelf."""

    def deliver(self, artifact, options, context):
        return Receipt(url=context.link())


class Fails(Destination):
    """Fails."""

    def deliver(self, artifact, options, context):
        raise RuntimeError("no")


class Text(Format):
    """Text."""

    kinds = ("value",)

    def encode(self, result, options, sink):
        sink.write(str(result).encode())
        return {}


class Hooks:
    @staticmethod
    @hookimpl
    def bourn_demo(session):
        yield Example("by its example", "shelf", "text")
        yield {"title": "its own", "result": "three", "destination": "shelf", "format": "text"}


def test_plugins_show_what_they_like(run_over):
    done = run_over(destinations={"shelf": Shelf}, formats={"text": Text}, hooks=[Hooks()])("demo")
    assert done.exit_code == 0, done.output
    assert "\nby its example  shelf        text" in done.stdout
    assert "\nits own         shelf        text" in done.stdout
    assert "3 requests: 3 delivered; nothing unexpected." in done.stdout


def test_what_fails_is_told_and_fails_the_demo(run_over):
    done = run_over(destinations={"fails": Fails, "shelf": Shelf}, formats={"text": Text})("demo")
    assert done.exit_code == 1
    assert "DeliveryError: delivering to 'fails' failed: RuntimeError: no" in " ".join(done.stdout.split())
    assert "2 requests: 1 delivered; 1 failed." in done.stdout


def test_what_must_be_given_is_skipped_and_nothing_is_sent_into_the_world():
    import attrs
    from bourn.cli.demo.requests import Subject, requests
    from bourn.discovery.registry import Registry
    from bourn.plugin import option

    @attrs.frozen
    class Options:
        url: str = option(help="Where.")

    def hook(*urls):
        class Hook(Destination[Options]):
            examples = tuple(Example("", {"type": "hook", "url": url}) for url in urls)

            def deliver(self, artifact, options, context):
                raise NotImplementedError

        return Hook

    def asked(*urls):
        registry = Registry.of(destinations={"hook": hook(*urls)}, formats={"text": Text})
        (request,) = requests(registry, [Subject(name="number", obj=2, kinds=("value",))])
        return request

    assert asked().skipped == "hook must be given url; `bourn show hook` tells more"
    assert asked("https://example.org/x", "someone@example.org").skipped
    assert asked("http://localhost.example.org/").skipped
    assert asked("http://127.0.0.1:9/x").to == {"type": "hook", "url": "http://127.0.0.1:9/x"}


def test_the_scene_is_a_scene():
    """Four bands on a grid, part of it masked, every valid pixel apart from nodata; the same each time."""
    from bourn.cli.demo.scene import BANDS, scene

    image = scene(128)
    assert (image.shape, image.bands, image.dtype) == ((4, 128, 128), BANDS, np.dtype("uint16"))
    assert str(image.geobox.crs).endswith("32613")
    assert 0 < image.mask.mean() < 0.5
    assert (np.asarray(image.array)[:, ~image.mask] > 0).all()
    assert image.identical(scene(128))
    assert image.date.isoformat() == "2026-07-01T17:45:00+00:00"


def test_slips_are_slips():
    from bourn.cli.demo.shown import _slip

    assert _slip("compression") == "comprsesion"
    assert _slip("json") == "jsno"
    assert sys.intern(_slip("aaa")) == "aaa"
