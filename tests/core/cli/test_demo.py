"""``bourn demo``."""

import re
import sys

import numpy as np
import pytest
from bourn.plugin import Destination, Example, Format, Receipt, hookimpl

pytestmark = pytest.mark.slow


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_everything_installed_is_shown(run_installed, home):
    """Every pair of the matrix, the links fetched from a real server, in a home that is gone afterwards."""
    done = run_installed("demo")
    assert done.exit_code == 0, done.output
    assert "nothing unexpected" in done.stdout
    registry = run_installed.session.registry
    for (destination, written), cell in registry.matrix().items():
        rows = re.findall(rf"^(.+?) +{destination} +{written} +(.*)$", done.stdout, re.MULTILINE)
        assert rows, (destination, written)
        if "image" in cell.kinds:
            assert any(what in {"scene", "An image of a product"} for what, _ in rows)
        if not cell.kinds:
            assert all(said.startswith(f"refused: {destination!r} takes") for _, said in rows), rows
    assert "same bytes by its link" in done.stdout
    assert done.stdout.count("refused") == 1 + sum(not cell.kinds for cell in registry.matrix().values())
    assert "fromat: unknown argument 'fromat'; did you mean 'format'?" in done.stdout
    assert not home.exists()
    the_mail_is_shown(done.stdout)


def the_mail_is_shown(stdout):
    """At the end: where the file lies and what it says, as a reader has it."""
    shown = stdout.partition("\nA mail, as a file (gone with the demo's folder, unless you --keep it)\n")[2]
    path, rest = shown.split("\n", 1)
    assert re.fullmatch(r"  /\S+/outbox/[0-9a-f]+-0\.eml", path)
    assert rest.startswith(
        "\n  From: bourn@localhost\n  To: you@localhost\n  Subject: Workflows: The composite of June\n"
        "\n  Dear you,\n\n  here is the composite of June.\n\n  Download the result:\n\n  http://127.0.0.1:"
    )
    assert "\n    bands   red, green, blue, nir (uint16)\n" in rest
    assert "\n  The same as HTML, with a small picture of it.\n" in rest


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
        text = "It says:\n  \x1b[2Jthree"
        yield {
            "title": "its own", "result": "three", "destination": "shelf", "format": "text", "tell": lambda job: text,
        }  # fmt: skip


def test_plugins_show_what_they_like(run_over):
    done = run_over(destinations={"shelf": Shelf}, formats={"text": Text}, hooks=[Hooks()])("demo")
    assert done.exit_code == 0, done.output
    assert "\nby its example  shelf        text" in done.stdout
    assert "\nits own         shelf        text" in done.stdout
    assert "\n\nits own (gone with the demo's folder, unless you --keep it)\n  It says:\n    " in done.stdout
    assert "\x1b" not in done.stdout
    assert "3 requests: 3 delivered; nothing unexpected." in done.stdout


class Broken:
    @staticmethod
    @hookimpl
    def bourn_demo(session):
        yield {"title": "its own", "destination": "shelf", "format": "text", "tell": lambda job: job.nothing}


def test_what_can_not_be_described_has_failed(run_over):
    done = run_over(destinations={"shelf": Shelf}, formats={"text": Text}, hooks=[Broken()])("demo")
    assert done.exit_code == 1
    assert "AttributeError" in done.stdout


def test_what_fails_is_reported_and_fails_the_demo(run_over):
    done = run_over(destinations={"fails": Fails, "shelf": Shelf}, formats={"text": Text})("demo")
    assert done.exit_code == 1
    assert "DeliveryError: delivering to 'fails' failed: RuntimeError: no" in " ".join(done.stdout.split())
    assert "2 requests: 1 delivered; 1 failed." in done.stdout


def test_what_must_be_given_is_skipped_and_nothing_is_sent_into_the_world():
    import attrs
    from bourn.cli.demo.requests import Subject, requests
    from bourn.plugin import option
    from bourn.plugins.registry import Registry

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
    from bourn.cli.demo.report import _misspelled

    assert _misspelled("compression") == "comprsesion"
    assert _misspelled("json") == "jsno"
    assert sys.intern(_misspelled("aaa")) == "aaa"
