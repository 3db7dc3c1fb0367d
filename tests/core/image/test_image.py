"""An image is checked at its birth, and keeps nothing of the caller's but the pixels."""

import datetime as dt
import pickle

import dask.array as da
import numpy as np
import pytest
from affine import Affine
from bourn.errors import RequestError
from bourn.image.image import Image
from odc.geo.geobox import GeoBox


def refused(*args, **kwargs):
    with pytest.raises(RequestError) as caught:
        Image(*args, **kwargs)
    return [tuple(problem) for problem in caught.value.problems]


def test_every_problem_is_raised_at_once():
    pixels = np.zeros((2, 3, 4), "uint16")
    problems = refused(
        pixels,
        bands=["a", "a", 3],
        mask=pixels,
        geobox="here",
        properties={"date": "yesterday", "more": [1, object()]},
        bandinfo={"band_1": {"nodata": 0.5, "knd": "class"}, "bnd_2": {}, "band_2": {"kind": "clas", "scale": 0}},
    )
    assert problems == [
        ("image.mask", "expected bool, True where masked, got dtype uint16 (255 may mean valid elsewhere)"),
        ("image.bands[1]", "'a' is the name of bands[0] already"),
        ("image.bands[2]", "expected a name, got 3"),
        ("image.bands", "3 names for 2 bands"),
        ("image.geobox", "expected an odc.geo GeoBox, got 'here'"),
        (
            'image.properties["date"]',
            "expected a datetime, a numpy datetime64 or an ISO 8601 string, got 'yesterday'",
        ),
        ('image.properties["more"][1]', "expected a plain value, got an object of type builtins.object"),
        (
            'image.bandinfo["band_1"]["nodata"]',
            "0.5 is no value of uint16, which holds whole numbers from 0 to 65535",
        ),
        ('image.bandinfo["band_1"]["knd"]', "unknown key; did you mean 'kind'?"),
        ('image.bandinfo["bnd_2"]', "no band has this name; did you mean 'band_2'?"),
        ('image.bandinfo["band_2"]["kind"]', "expected one of class, data, mask, got 'clas'"),
        ('image.bandinfo["band_2"]["scale"]', "a scale of 0 makes all pixels equal"),
    ]


@pytest.mark.parametrize(
    ("array", "path", "message"),
    [
        ([[1, 2]], "image.array[0]", "expected a numpy or dask array, got a list of 2"),
        (np.zeros(3), "image.array", "expected the dimensions (band, y, x) or (y, x), got 1"),
        (np.zeros((1, 0, 3)), "image.array", "an image has one pixel at least, got the shape (1, 0, 3)"),
        (np.array([["a"]]), "image.array", "expected numbers or bool, got dtype <U1"),
        (np.array([[None]]), "image.array", "expected numbers or bool, got dtype object"),
        ([], "image.array", "an image has one band at least"),
        (
            [np.zeros((2, 3)), np.zeros((3, 2))],
            "image.array",
            "expected (y, x) arrays of one shape, got (2, 3), (3, 2)",
        ),
    ],
)
def test_what_can_be_no_pixels_is_refused(array, path, message):
    assert refused(array) == [(path, message)]


def test_a_dask_array_of_unknown_shape_is_refused():
    array = da.ones((4, 4), chunks=2)
    array = array[array[:, 0] > 0]
    assert refused(array) == [
        ("image.array", "its shape is not known before it is computed: call compute_chunk_sizes()")
    ]


@pytest.mark.parametrize(
    ("transform", "message"),
    [
        (
            Affine(0, 0, 1, 0, 0, 1),
            "its transform is singular, all pixels lie on one line: (0.0, 0.0, 1.0, 0.0, 0.0, 1.0)",
        ),
        (
            Affine(1, 2, 0, 2, 4, 0),
            "its transform is singular, all pixels lie on one line: (1.0, 2.0, 0.0, 2.0, 4.0, 0.0)",
        ),
        (Affine(1, 0, float("nan"), 0, 1, 0), "its transform is not finite: (1.0, 0.0, nan, 0.0, 1.0, 0.0)"),
    ],
)
def test_a_grid_must_be_one(transform, message):
    assert refused(np.zeros((2, 2)), geobox=GeoBox((2, 2), transform, None)) == [("image.geobox", message)]


def test_the_grid_has_the_shape_of_the_array(utm):
    assert refused(np.zeros((5, 3)), geobox=utm) == [("image.geobox", "expected the array's shape (5, 3), got (3, 5)")]


@pytest.mark.parametrize(
    ("dtype", "value", "kept"),
    [
        ("uint8", 255.0, 255), ("uint8", np.int64(7), 7), ("int64", -(2**63), -(2**63)),
        ("uint64", 2**64 - 1, 2**64 - 1),
        ("float32", -9999, -9999.0), ("float64", 0.1, 0.1), ("bool", True, 1), ("complex64", 0, 0),
    ],
)  # fmt: skip
def test_nodata_is_kept_exactly(dtype, value, kept):
    image = Image(np.zeros((2, 2), dtype), bandinfo={"band_1": {"nodata": value}})
    assert image.nodata == (kept,)


def test_nan_is_nodata_of_floats_only():
    assert np.isnan(Image(np.zeros((2, 2), "f4"), bandinfo={"band_1": {"nodata": np.nan}}).nodata[0])
    (problem,) = refused(np.zeros((2, 2), "i2"), bandinfo={"band_1": {"nodata": np.nan}})
    assert problem[1] == "nan is no value of int16, which holds whole numbers from -32768 to 32767"


@pytest.mark.parametrize(
    ("dtype", "value", "message"),
    [
        ("uint8", 256, "256 is no value of uint8, which holds whole numbers from 0 to 255"),
        ("uint8", -1, "-1 is no value of uint8, which holds whole numbers from 0 to 255"),
        ("uint8", True, "expected a number, got True"),
        ("uint8", "0", "expected a number, got '0'"),
        ("int64", 2**63, ("9223372036854775808 is no value of int64, which holds whole numbers from "
                         "-9223372036854775808 to 9223372036854775807")),
        ("float32", 0.1, "0.1 is not exact in float32; the nearest value is 0.10000000149011612"),
        ("float32", 1e300, "1e+300 is not exact in float32; the nearest value is inf"),
        ("float64", 2**53 + 1, "9007199254740993 is not exact in float64; the nearest value is 9007199254740992.0"),
    ],
)  # fmt: skip
def test_nodata_that_no_pixel_can_have_is_refused(dtype, value, message):
    (problem,) = refused(np.zeros((2, 2), dtype), bandinfo={"band_1": {"nodata": value}})
    assert problem == ('image.bandinfo["band_1"]["nodata"]', message)


def test_a_masked_array_is_split():
    array = np.ma.masked_array(np.arange(6).reshape(2, 3), mask=[[0, 1, 0], [0, 0, 0]])
    image = Image(array)
    assert type(image.array) is np.ndarray
    assert image.mask.tolist() == [[[False, True, False], [False, False, False]]]
    lazy = Image(da.ma.masked_where(da.arange(6) > 3, da.arange(6)).reshape(2, 3))
    assert lazy.compute().mask.tolist() == [[[False, False, False], [False, True, True]]]


def test_a_masked_array_and_a_mask_are_joined():
    array = np.ma.masked_array(np.zeros((1, 2)), mask=[[True, False]])
    assert Image(array, mask=np.array([[False, True]])).mask.tolist() == [[[True, True]]]


def test_nothing_of_the_callers_is_kept_or_changed():
    properties, info, bands = {"a": [1]}, {"x": {"unit": "m"}}, ["x"]
    image = Image(np.zeros((2, 2)), bands, properties=properties, bandinfo=info)
    properties["a"].append(2)
    info["x"]["unit"] = "km"
    bands[0] = "y"
    assert image.properties == {"a": [1]}
    assert image.bandinfo["x"] == {"kind": "data", "unit": "m"}
    assert image.bands == ("x",)
    with pytest.raises(TypeError):
        image.properties["b"] = 1


def test_strips_of_the_callers_array_can_not_be_written_to():
    array = np.zeros((2, 2))
    for strip in Image(array).strips():
        with pytest.raises(ValueError, match="read-only"):
            strip.pixels[:] = 1
    array[:] = 1


def test_a_property_that_contains_itself_is_refused():
    loop = []
    loop.append(loop)
    (problem,) = refused(np.zeros((2, 2)), properties={"a": loop})
    assert problem[1] == "is more than 50 levels deep, or contains itself"


@pytest.mark.parametrize(
    ("given", "date"),
    [
        ("2024-07-01T12:00:00+02:00", dt.datetime(2024, 7, 1, 10, tzinfo=dt.UTC)),
        ("2024-07-01", dt.datetime(2024, 7, 1, tzinfo=dt.UTC)),
        ("2024-07-01T10:00:00Z", dt.datetime(2024, 7, 1, 10, tzinfo=dt.UTC)),
        (dt.datetime(2024, 7, 1, 10), dt.datetime(2024, 7, 1, 10, tzinfo=dt.UTC)),  # noqa: DTZ001  # naive is UTC
        (
            np.datetime64("2024-07-01T10:00:00.123456789", "ns"),
            dt.datetime(2024, 7, 1, 10, 0, 0, 123456, tzinfo=dt.UTC),
        ),
        (np.datetime64("2024"), dt.datetime(2024, 1, 1, tzinfo=dt.UTC)),
    ],
)
def test_a_date_is_given_in_utc(given, date):
    assert Image(np.zeros((2, 2)), properties={"date": given}).date == date


@pytest.mark.parametrize("given", [np.datetime64("NaT"), np.datetime64("50000-01-01"), "0001-01-01T00:00+10:00", 7])
def test_what_is_no_date_is_refused(given):
    assert refused(np.zeros((2, 2)), properties={"date": given})[0][0] == 'image.properties["date"]'


def test_bands_of_unlike_dtypes_keep_theirs():
    image = Image([np.zeros((2, 2), "u1"), np.ones((2, 2), "f4"), np.ones((2, 2), bool)])
    assert image.dtypes == (np.dtype("u1"), np.dtype("f4"), np.dtype(bool))
    assert image.dtype == np.dtype("f4")
    assert image.band("band_1").dtype == np.dtype("u1")
    assert image.bandinfo["band_3"] == {"kind": "mask"}
    (strip,) = image.strips()
    assert [layer.dtype.name for layer in strip.pixels] == ["uint8", "float32", "bool"]
    assert image.nbytes == 4 * (1 + 4 + 1)


def test_bands_of_one_dtype_come_as_one_array_however_they_were_given():
    (strip,) = Image([np.zeros((2, 2)), np.ones((2, 2))]).strips()
    assert strip.pixels.shape == (2, 2, 2)


def test_select_takes_bands_in_the_order_asked_for():
    array = np.arange(12, dtype="u1").reshape(3, 2, 2)
    image = Image(array, ["a", "b", "c"], mask=array > 5, bandinfo={"c": {"nodata": 9}})
    chosen = image.select(["c", "a"])
    assert chosen.bands == ("c", "a")
    assert chosen.nodata == (9, None)
    assert np.array_equal(chosen.array, array[[2, 0]])
    assert np.array_equal(chosen.mask, array[[2, 0]] > 5)
    with pytest.raises(RequestError, match=r"no band is called 'd'; the bands are a, b, c"):
        image.select(["d"])


def test_identical_looks_at_pixels_masks_and_facts(utm):
    array = np.array([[1.0, np.nan, 3.0]] * 3)
    one = Image(array, properties={"date": "2024-01-01"})
    assert one.identical(Image(array.copy(), properties={"date": np.datetime64("2024-01-01")}))
    assert one.identical(Image(da.from_array(array, chunks=2), properties={"date": "2024-01-01"}))
    assert one.identical(Image(array, mask=np.zeros((3, 3), bool), properties={"date": "2024-01-01"}))
    assert not one.identical(Image(array))
    assert not one.identical(Image(array, ["x"], properties={"date": "2024-01-01"}))
    assert not one.identical(Image(array, mask=array == 1, properties={"date": "2024-01-01"}))
    assert not one.identical(array)
    assert Image(np.zeros((2, 2), ">i2")).identical(Image(np.zeros((2, 2), "<i2")))


def test_repr_is_a_few_lines(utm):
    image = Image(da.zeros((2, 3, 5), dtype="u1"), ["red", "nir"], geobox=utm, properties={"date": "2024-01-01"})
    assert repr(image) == (
        "<bourn.Image 2 x 3 x 5, uint8, lazy>\n"
        "bands: red, nir\n"
        "grid:  CRS EPSG:32613, transform 10, 0, 500000, 0, -10, 4e+06\n"
        "date:  2024-01-01T00:00:00+00:00"
    )


def test_images_pickle(tmp_path):
    facts = {"a": {"unit": "m", "nodata": 0}}
    grid = GeoBox((3, 4), Affine(10, 0, 500_000, 0, -10, 4_000_000), "EPSG:32613")
    pixels = np.arange(12.0).reshape(1, 3, 4)
    image = Image(pixels, ["a"], pixels == 5, grid, {"date": "2020-01-01"}, facts)
    lazy = Image(da.from_array(pixels, chunks=2), ["a"], None, grid, {}, facts)
    for one in (image, lazy):
        again = pickle.loads(pickle.dumps(one))
        assert again.identical(one)
        assert again.lazy == one.lazy
