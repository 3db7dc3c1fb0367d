"""``bourn catalog``: what people see of products and images, and what programs read."""

import json

import bourn
import bourn_catalog as catalog
import numpy as np
import pytest
from bourn.cli.commands import bourn as bourn_command
from click.testing import CliRunner
from grids import grid

PRODUCT = {
    "id": "org:p",
    "name": "Heights",
    "bands": [{"type": "generic", "name": "a", "data_type": "uint8", "nodata": 0}],
}


@pytest.fixture
def run(session_as):
    session = session_as("me")

    def run(*arguments, given=None):
        done = CliRunner().invoke(bourn_command, ["catalog", *arguments], obj=session, input=given)
        return done.exit_code, done.output

    run.session = session
    return run


@pytest.fixture
def saved(run, tmp_path):
    file = tmp_path / "product.json"
    file.write_text(json.dumps(PRODUCT))
    assert run("add-product", str(file)) == (
        0, "Saved:\nProduct: org:p\n  name: Heights\n  bands: a (Byte, nodata 0)\n  owners: me\n"
    )  # fmt: skip
    return file


def test_nothing_is_there_at_first(run):
    assert run("products") == (0, "There are no products.\n")
    assert run("products", "--json") == (0, "[]\n")


def test_a_product_is_saved_and_saved_again(run, saved, tmp_path):
    assert run("add-product", str(saved))[1].splitlines()[0] == "Saved again (revision 2):"
    other = tmp_path / "other.toml"
    other.write_text('id = "q"\n[[bands]]\ntype = "mask"\nname = "cloud"\ndata_type = "Byte"\n')
    assert run("add-product", str(other))[0] == 0
    assert run("add-product", "-", given=json.dumps({**PRODUCT, "id": "r"}))[0] == 0
    table = [
        "product  bands         name",
        "org:p    a (Byte)      Heights",
        "q        cloud (Byte)",
        "r        a (Byte)      Heights",
    ]
    assert run("products") == (0, "\n".join([*table, ""]))
    assert run("products", "hei")[1].count("\n") == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "file: {file} can't be read: Expecting property name"),
        ("[1]", "file: expected a product as a mapping, got a list"),
        ('{"id": "a b", "band": []}', "bands"),
    ],
)
def test_a_document_that_is_none_is_refused(run, tmp_path, content, message):
    file = tmp_path / "product.json"
    file.write_text(content)
    status, output = run("add-product", str(file))
    assert status == 2
    assert message.format(file=file) in " ".join(output.split())


def test_what_is_misspelt_in_a_document_is_named(run):
    """All of it at once, each with the nearest right spelling."""
    given = {"id": "p", "bands": [{"typ": "generic", "name": "a", "data_typ": "Byte"}], "descripton": "x"}
    status, output = run("add-product", "-", given=json.dumps(given))
    assert status == 2
    for path, meant in (("descripton", "description"), ("bands[0].typ", "type"), ("bands[0].data_typ", "data_type")):
        assert f"{path} unknown option; did you mean {meant!r}?" in " ".join(output.split())


def test_what_is_shown_can_be_added(run, saved):
    """As it is: by hand one takes it, changes it, and puts it back."""
    shown = run("show", "org:p", "--json")[1]
    status, output = run("add-product", "-", given=shown)
    assert (status, output.splitlines()[0]) == (0, "Saved again (revision 2):")
    again = json.loads(run("show", "org:p", "--json")[1])
    before = json.loads(shown)
    assert (again.pop("updated") > before.pop("updated"), again) == (True, before)
    assert run("add-product", "-", given=shown.replace("org:p", "org:q"))[0] == 0


def test_a_product_is_shown(run, saved):
    assert run("show", "org:p")[1].splitlines()[0] == "Product: org:p"
    assert json.loads(run("show", "org:p", "--json")[1])["bands"][0]["data_type"] == "Byte"


def test_what_is_not_there_is_said(run, saved):
    for asked in ("org:q", "nothing"):
        status, output = run("show", asked)
        assert status == 1
        assert f"'{asked}', or none that 'me' may see" in output


def test_images_are_listed_and_shown(run, saved, composite):
    pixels = (composite.array[:1] * 200 + 1).astype("uint8")
    image = type(composite)(pixels, bands=["a"], geobox=composite.geobox, properties={"date": "2020-05-01"})
    assert run("images", "org:p") == (0, "org:p has no images there.\n")
    made = run.session.compute(
        image,
        destination={"type": "catalog", "image": {"product_id": "org:p", "name": "t1", "properties": {"by": "x"}}},
    )
    head, row = run("images", "org:p")[1].splitlines()
    assert head.split("  ")[0] == "image"
    assert row.startswith("t1     2020-05-01 00:00  ")
    assert run("images", "org:p", "--start", "2020-05-02") == (0, "org:p has no images there.\n")
    (listed,) = json.loads(run("images", "org:p", "--end", "2020-05-01", "--json")[1])
    assert (listed["sha256"], listed["properties"]) == (made.sha256, {"by": "x"})
    assert f"  sha256: {made.sha256}" in run("show", "org:p:t1")[1]
    assert json.loads(run("show", "org:p:t1", "--json")[1])["id"] == "org:p:t1"


def test_a_file_is_sent_to_the_catalog(run, saved, tmp_path):
    """One hears which image it is now, and what was lost; a link that expires is not what one asked for."""
    pixels = np.ones((1, 40, 50), "uint8")
    pixels[0, 0, :3] = 0
    image = bourn.Image(pixels, bands=["a"], geobox=grid(40, 50), properties={"date": "2020-05-01"})
    run.session.compute(image, format="geotiff", file=tmp_path / "scene.tif")
    sent = ["send", str(tmp_path / "scene.tif"), "-d", "catalog", "-o", "image.product_id=org:p", "-o", "image.name=t1"]
    done = CliRunner().invoke(bourn_command, sent, obj=run.session)
    made = catalog.Image.get("org:p:t1", session=run.session)
    assert (done.exit_code, done.stdout) == (0, f"{made!r}\n")
    assert made.id in done.stdout
    assert "link" not in done.stderr
    assert done.stderr.endswith("Warning: org:p:t1: nodata_clash: 3 in a (valid, and read as nodata)\n")


def test_a_wrong_date_is_a_bad_request(run, saved):
    status, output = run("images", "org:p", "--start", "yesterday")
    assert status == 2
    assert "start: expected a datetime, a date or ISO 8601 text, got 'yesterday'" in " ".join(output.split())
