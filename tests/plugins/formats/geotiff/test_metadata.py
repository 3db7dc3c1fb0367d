"""What the file says of the image: properties, palettes, alpha, masks beside nodata; by whichever way it is written."""

import datetime as dt
import io

import numpy as np
import pytest
import rasterio
from affine import Affine
from bourn.plugin import Image
from bourn_formats.geotiff import Options
from odc.geo.geobox import GeoBox
from plugins.formats.geotiff.writers import write_by_gdal, write_here
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.io import MemoryFile
from rio_cogeo.cogeo import cog_validate

pytestmark = [
    pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning"),
    pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning"),
]

RGB = [ColorInterp.red, ColorInterp.green, ColorInterp.blue]
BOX = GeoBox((70, 80), Affine(3, 0, 7, 0, -3, 9), None)


@pytest.fixture(params=[write_here, write_by_gdal], ids=["here", "by GDAL"])
def write(request, tmp_path):
    """Writes an image and opens the file; gives the dataset and the report."""
    opened = []

    def written(image, **options):
        path = tmp_path / f"{len(opened)}.tif"
        options = Options(**{"blocksize": 64, **options})
        with path.open("wb") as sink:
            report = request.param(image, options, sink)
        assert (True, [], []) == cog_validate(path, strict=True, quiet=True)
        opened.append(rasterio.open(path))
        return opened[-1], report

    yield written
    for dataset in opened:
        dataset.close()


def ones(*shape):
    return np.ones(shape, "u1")


PROPERTIES = {
    "date": dt.datetime(2020, 1, 2, 3, 4, 5, 600000, dt.UTC),
    "title": 'a < b & "c"\nd',
    "cloud": 12.5,
    "rows": np.int64(7),
    "day": True,
    "bands": ["a", {"b": np.float32(0.5)}],
    "eo:epsg": "32613",
    "TIFFTAG_SOFTWARE": "mine",
    "ns": "a parameter of update_tags",
    "nothing": None,
    "raw": b"\0",
    "bell": "ding\x07",
    "": "no name",
}
ITEMS = {
    "date": "2020-01-02T03:04:05.600000+00:00",
    "TIFFTAG_DATETIME": "2020:01:02 03:04:05",
    "title": 'a < b & "c"\nd',
    "cloud": "12.5",
    "rows": "7",
    "day": "true",
    "bands": '["a", {"b": 0.5}]',
    "eo_epsg": "32613",
    "TIFFTAG_SOFTWARE": "mine",
    "ns_": "a parameter of update_tags",
    "bell": "ding ",
    "bourn": '{"json": ["bands", "cloud", "day", "rows"], "names": {"eo_epsg": "eo:epsg", "ns_": "ns"}}',
}


def test_properties_are_metadata_items(write):
    """As rasterio and rioxarray give them."""
    file, _ = write(Image(ones(1, 70, 80), geobox=BOX, properties=PROPERTIES))
    assert ITEMS == file.tags()


def test_no_properties_no_items(write):
    file, _ = write(Image(ones(1, 70, 80), geobox=BOX))
    assert file.tags() == {}


def test_bands_keep_what_is_said_of_them(write):
    info = {"unit": "metre", "description": "above the sea", "scale": 0.5, "offset": 3}
    file, _ = write(Image(ones(2, 70, 80), ["dem", "n"], bandinfo={"dem": info}))
    assert file.units == ("metre", None)
    assert (file.scales, file.offsets) == ((0.5, 1), (3, 0))
    assert (file.descriptions, file.tags(1)["DESCRIPTION"]) == (("dem", "n"), "above the sea")


@pytest.mark.parametrize(("crs", "expected"), [(None, None), ("EPSG:32613", "Point")])
def test_points_need_a_crs(write, crs, expected):
    """It is a GeoKey; with no others beside it GDAL reads a LOCAL_CS, which nobody gave."""
    box = GeoBox(BOX.shape, BOX.affine, crs)
    image = Image(ones(1, 70, 80), geobox=box, properties={"AREA_OR_POINT": "Point"})
    file, report = write(image)
    assert (None if crs is None else 32613) == (file.crs.to_epsg() if file.crs else None)
    assert file.transform == BOX.affine
    assert expected == file.tags().get("AREA_OR_POINT")
    notes = ["AREA_OR_POINT=Point is left out: a GeoTIFF without a CRS can't store it"]
    assert (notes if crs is None else []) == report["notes"]


@pytest.mark.parametrize("mode", ["nearest", "mode"])
def test_a_mask_band_is_not_filled_with_the_nodata_of_others(write, mode):
    """Neither where the image is masked, nor in overviews; and it counts in statistics."""
    rng = np.random.default_rng(0)
    array = rng.integers(3, 9, (2, 200, 150)).astype("u1")
    array[1] = rng.random((200, 150)) < 0.5
    mask = rng.random((200, 150)) < 0.3
    image = Image(array, ["a", "cloud"], mask, bandinfo={"a": {"nodata": 0}, "cloud": {"kind": "mask"}})
    file, report = write(image, overview_resampler=mode)
    np.testing.assert_array_equal(np.where(mask, 0, array[0]), file.read(1))
    np.testing.assert_array_equal(array[1], file.read(2))
    assert file.nodata == 0
    assert report["nodata_clash"] == {"cloud": np.count_nonzero(~mask & (array[1] == 0))}
    assert file.tags(2)["STATISTICS_VALID_PERCENT"] == "100"
    assert float(file.tags(2)["STATISTICS_MEAN"]) == pytest.approx(array[1].mean())


def test_masked_classes_still_have_votes_in_masks(tmp_path):
    """0 is a value of a mask, whatever it means in other bands: three to one."""
    array = np.array([[0, 0], [0, 1]], "u1")
    image = Image(
        np.stack([np.full((128, 128), 5, "u1"), np.tile(array, (64, 64))]), ["a", "m"],
        bandinfo={"a": {"nodata": 0}, "m": {"kind": "mask"}},
    )  # fmt: skip
    sink = io.BytesIO()
    write_here(image, Options(blocksize=64, overview_resampler="mode"), sink)
    with MemoryFile(sink.getvalue()) as memory, memory.open(overview_level=0) as smaller:
        assert np.unique(smaller.read(2)).tolist() == [0]


@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_a_palette_keeps_its_colours(write, tmp_path, dtype):
    """From a file into another one."""
    colours = [[0, 0, 0], [200, 10, 30], [0, 255, 1]]
    array = np.random.default_rng(0).integers(0, 3, (1, 200, 150)).astype(dtype)
    image = Image(array, ["cover"], bandinfo={"cover": {"kind": "class"}}, properties={"colormap": colours})
    file, _ = write(image)
    assert file.colorinterp == (ColorInterp.palette,)
    np.testing.assert_array_equal(array, file.read())
    assert {value: file.colormap(1)[value][:3] for value in range(3)} == dict(enumerate(map(tuple, colours)))
    with rasterio.open(file.name, overview_level=0) as smaller:
        assert smaller.colorinterp == (ColorInterp.palette,)


@pytest.mark.parametrize("colormap", [[], [[1, 2]], [[1, 2, 300]], "red", [[0, 0, 0]] * 257])
def test_what_is_no_palette_is_none(write, colormap):
    image = Image(ones(1, 70, 80), ["c"], bandinfo={"c": {"kind": "class"}}, properties={"colormap": colormap})
    file, _ = write(image)
    assert file.colorinterp == (ColorInterp.gray,)


def test_rgba_with_properties_is_still_rgba(write):
    file, _ = write(Image(ones(4, 70, 80), ["red", "green", "blue", "alpha"], properties={"a": 1}))
    assert file.colorinterp[3] == ColorInterp.alpha
    assert MaskFlags.alpha in file.mask_flag_enums[0]


ALPHAS = [
    (["a", "al", "b"], "u1", 255, [ColorInterp.gray, ColorInterp.alpha, ColorInterp.undefined]),
    (["a", "b", "al"], "u2", 65535, [ColorInterp.gray, ColorInterp.undefined, ColorInterp.alpha]),
    (["a", "b", "al"], "u1", 1, [ColorInterp.gray, *[ColorInterp.undefined] * 2]),
    (["a", "b", "al"], "i2", 32767, [ColorInterp.gray, *[ColorInterp.undefined] * 2]),
    (["al", "a", "b"], "u1", 255, [ColorInterp.gray, *[ColorInterp.undefined] * 2]),
    (["red", "green", "blue", "alpha"], "u2", 9999, [*RGB, ColorInterp.undefined]),
]


@pytest.mark.parametrize(("bands", "dtype", "opaque", "expected"), ALPHAS)
def test_an_alpha_is_tagged_only_where_readers_understand_it(write, bands, dtype, opaque, expected):
    """Of one whose most is 1, or that is no byte, they make nothing good; and a first band is the grey."""
    alpha = next(band for band in bands if band.startswith("al"))
    array = np.full((len(bands), 70, 80), opaque, dtype)
    file, _ = write(Image(array, bands, bandinfo={alpha: {"kind": "mask", "opaque": opaque}}))
    assert expected == list(file.colorinterp)
    np.testing.assert_array_equal(array, file.read())


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("nodata", [None, 0])
def test_averages_leave_out_what_an_alpha_hides(place, nodata):
    """Whatever its place; and of an alpha of 0 and 1 no other value is made."""
    rng = np.random.default_rng(0)
    shown = rng.random((128, 128)) < 0.5
    array = np.stack([np.where(shown, 10, 0 if nodata is None else 200)] * 2).astype("u1")
    array = np.insert(array, place, shown, axis=0)
    bands = [*["a", "b"][:place], "alpha", *["a", "b"][place:]]
    info = {"alpha": {"kind": "mask", "opaque": 1}} | (
        {} if nodata is None else {"a": {"nodata": 0}, "b": {"nodata": 0}}
    )
    mask = None if nodata is None else np.stack([~shown if band != "alpha" else np.zeros_like(shown) for band in bands])
    sink = io.BytesIO()
    image = Image(array, bands, mask, bandinfo=info)
    write_here(image, Options(blocksize=64, overview_resampler="average"), sink)
    with MemoryFile(sink.getvalue()) as memory, memory.open(overview_level=0) as smaller:
        small = smaller.read()
    any_shown = shown.reshape(64, 2, 64, 2).any(axis=(1, 3))
    np.testing.assert_array_equal(any_shown, small[place])
    for index in {0, 1, 2} - {place}:
        np.testing.assert_array_equal(np.where(any_shown, 10, 0), small[index])
