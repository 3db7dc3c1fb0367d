"""What a GeoTIFF of ours says of an image comes back when it is opened: date, properties, facts of bands."""

import datetime as dt
import io

import numpy as np
import pytest
import rasterio
from affine import Affine
from bourn.plugin import Image
from bourn_formats.geotiff import GeoTIFF, Options
from hypothesis import example, given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from plugins.formats.geotiff.writers import write_by_gdal, write_here
from rasterio.io import MemoryFile

BOX = GeoBox((70, 80), Affine(10, 0, 5e5, 0, -10, 4e6), "EPSG:32613")
WAYS = {"here": write_here, "by GDAL": write_by_gdal}

PLAIN = {
    "title": 'a < b & "c"\nd',
    "cloud": 12.5,
    "rows": 7,
    "large": 2**70,
    "looks like a number": "7",
    "looks like JSON": "[1]",
    "day": True,
    "night": False,
    "worst": float("-inf"),
    "bands": ["a", {"b": 0.5, "c": None}],
    "eo:epsg": 32613,
    "a=b": "c",
    "ns": "a parameter of rasterio's",
    "NODATA_VALUES": "1 1",
    "case": 1,
    "CASE": 2,
    "Date": "today",
    "TIFFTAG_SOFTWARE": "mine",
    "ü": "ß€😀",
}
"""What JSON holds."""


def passed(image, way=write_here):
    """The image, written and opened again; its pixels read."""
    sink = io.BytesIO()
    way(image, Options(blocksize=64), sink)
    with MemoryFile(sink.getvalue(), ext=".tif") as memory:
        return Image.open(memory.name).compute()


@pytest.fixture(params=WAYS)
def way(request):
    return WAYS[request.param]


@pytest.mark.parametrize(
    "date", [None, "2020-01-02", dt.datetime(1, 1, 2, 3, 4, 5, 6, dt.UTC), np.datetime64("2020-06-01T12", "h")]
)
def test_date_and_properties_come_back(way, date):
    """Equal, each of the type that it was; the date as an aware datetime."""
    image = Image(
        np.ones((2, 70, 80), "u1"), ["dem", "n"], geobox=BOX, properties={**PLAIN, "date": date},
        bandinfo={"dem": {"unit": "m", "description": "above the sea", "scale": 0.5, "offset": 3, "nodata": 9},
                  "n": {"nodata": 9}},
    )  # fmt: skip
    found = passed(image, way)
    properties = dict(found.properties)
    assert properties.pop("AREA_OR_POINT") == "Area"
    assert image.date == properties.pop("date", None)
    assert properties == PLAIN
    assert {key: type(value) for key, value in PLAIN.items()} == {key: type(properties[key]) for key in PLAIN}
    assert {name: dict(facts) for name, facts in image.bandinfo.items()} == {
        name: dict(facts) for name, facts in found.bandinfo.items()
    }


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=20)
VALUES = st.recursive(
    st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)


def holds(name, value):
    """Whether GDAL does: a name that is something, a text that neither is blank nor begins so, and none of its own."""
    return name.strip() and not (isinstance(value, str) and (not value or value[0].isspace()))


@pytest.mark.slow
@given(st.dictionaries(TEXTS, VALUES, max_size=5))
@settings(max_examples=100, deadline=None)
@example({"a": 1, "A": "x", "a_": "y", "a:": 2, "a_:": 3})
@example({"eo:epsg": 1, "eo_epsg": "x", "eo=epsg": [2]})
@example({"json": "[]", "names": "{}", "BOURN": {}})
def test_any_properties_come_back(properties):
    """Names that are the same for GDAL too."""
    properties = {
        name: value
        for name, value in properties.items()
        if holds(name, value) and name not in {"AREA_OR_POINT", "bourn", "colormap", "date"}
        and not name.upper().startswith("TIFFTAG_")
    }  # fmt: skip
    assert properties == dict(passed(Image(np.ones((1, 70, 80), "u1"), properties=properties)).properties)


def test_what_is_no_json_comes_back_as_text():
    """By the rules that the format's page tells."""
    given_ = {
        "when": dt.date(2020, 1, 2), "long": dt.timedelta(days=1), "c": 1 + 2j, "pair": (1, "a"), "row": np.int64(7),
        "array": np.array([1.5, 2]), "inside": [dt.date(2020, 1, 2), np.float32(0.5)], "none": None, "raw": b"a",
    }  # fmt: skip
    assert dict(passed(Image(np.ones((1, 70, 80), "u1"), properties=given_)).properties) == {
        "when": "2020-01-02", "long": "1 day, 0:00:00", "c": "(1+2j)", "pair": [1, "a"], "row": 7,
        "array": [1.5, 2.0], "inside": ["2020-01-02", 0.5],
    }  # fmt: skip


def test_no_number_is_one_too():
    assert np.isnan(passed(Image(np.ones((1, 70, 80), "u1"), properties={"x": float("nan")})).properties["x"])


def test_a_file_passes_twice_unchanged():
    """What stands in the first file stands in the second one, byte for byte."""
    image = Image(np.ones((1, 70, 80), "u1"), geobox=BOX, properties={**PLAIN, "date": "2020-01-02T03:04:05.6"})
    first, second = io.BytesIO(), io.BytesIO()
    GeoTIFF().encode(image, Options(), first)
    with MemoryFile(first.getvalue(), ext=".tif") as memory:
        GeoTIFF().encode(Image.open(memory.name), Options(), second)
    assert first.getvalue() == second.getvalue()


def foreign(path, reading=None, **items):
    with rasterio.open(
        path, "w", driver="GTiff", width=80, height=70, count=1, dtype="uint8", transform=BOX.affine, crs="EPSG:32613"
    ) as file:
        file.update_tags(**items)
        if reading is not None:
            file.update_tags(bourn=reading)
    return path


def test_items_of_others_are_texts(tmp_path):
    """Nothing is made of them but the date; and that only if it is one. DateTime is when the file was made."""
    items = {"cloud": "12.5", "list": "[1]", "TIFFTAG_DATETIME": "2021:01:01 00:00:00", "date": "2020-01-02"}
    image = Image.open(foreign(tmp_path / "a.tif", **items))
    assert image.date == dt.datetime(2020, 1, 2, tzinfo=dt.UTC)
    assert dict(image.properties) == {**items, "date": image.date, "AREA_OR_POINT": "Area"}
    image = Image.open(foreign(tmp_path / "b.tif", date="yesterday", TIFFTAG_DATETIME="2021:01:01 00:00:00"))
    assert image.date is None
    assert image.properties["DATE"] == "yesterday"


def test_an_item_that_was_changed_counts(tmp_path):
    path = foreign(tmp_path / "a.tif", '{"json": ["cloud", "rows", "gone"]}', cloud="about 3", rows="8")
    properties = Image.open(path).properties
    assert (properties["cloud"], properties["rows"]) == ("about 3", 8)


ANYTHING = ["{", "7", "null", '"cloud"', "{}", "[]", "[[]]", "[" * 100_000, '{"cloud": 7}', '{"cloud": "date"}',
            '{"cloud": "colormap"}', '{"cloud": "other"}']  # fmt: skip


@pytest.mark.parametrize("text", ANYTHING)
@pytest.mark.parametrize("reading", ["%s", '{"json": %s}', '{"names": %s}'])
def test_a_file_may_say_anything(tmp_path, text, reading):
    """It is opened all the same."""
    path = foreign(tmp_path / "a.tif", reading % text, cloud="x", other="y")
    assert {"cloud": "x", "other": "y"}.items() <= Image.open(path).properties.items()


@pytest.mark.parametrize("value", ["[" * 60 + "]" * 60, "9" * 5000, '"\\ud800"'])
def test_a_value_that_no_property_can_be_is_a_text(tmp_path, value):
    image = Image.open(foreign(tmp_path / "a.tif", '{"json": ["x"]}', x=value))
    assert image.properties["x"] == value


def test_pixels_masked_by_all_bands_together(tmp_path):
    """GDAL's item NODATA_VALUES: a pixel of these values in its bands has no data. Written as a mask."""
    path = tmp_path / "a.tif"
    array = np.zeros((2, 70, 80), "u1")
    array[0, :, 0], array[1, :, 1:3] = 5, 6
    array[0, :, 1] = 5
    with rasterio.open(
        path, "w", driver="GTiff", width=80, height=70, count=2, dtype="uint8", transform=BOX.affine, crs="EPSG:32613",
        NODATA_VALUES="5 6",
    ) as file:  # fmt: skip
        file.write(array)
        file.update_tags(NODATA_VALUES="5 6")
    image = Image.open(path)
    assert (np.flatnonzero(image.mask.compute()[0]).tolist(), "NODATA_VALUES" in image.properties) == ([1], False)
    again = passed(image)
    np.testing.assert_array_equal(image.mask.compute(), again.mask)
