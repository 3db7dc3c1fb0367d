"""The file that geotiff writes, read by rasterio: pixels, grid, names, nodata, mask, overviews, colours."""

import io
import math
import subprocess
import sys
import tempfile
import textwrap
import threading

import attrs
import bourn
import dask.array as da
import numpy as np
import pytest
import rasterio
import tifffile
from affine import Affine
from bourn.plugin import Image, Note, Problem, ResultInfo, ResultRefused
from bourn_formats.geotiff import GeoTIFF, Options
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from rasterio.enums import ColorInterp, MaskFlags
from rio_cogeo.cogeo import cog_validate

pytestmark = [
    # rasterio says so of every file without a grid that a test reads.
    pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning"),
    pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning"),
]

DTYPES = (
    "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64", "complex64",
    "complex128",
)  # fmt: skip


@pytest.fixture
def write(tmp_path):
    """Writes an image and opens the file; gives the dataset and the report."""
    opened = []

    def written(image, **options):
        path = tmp_path / f"{len(opened)}.tif"
        with path.open("wb") as sink:
            report = GeoTIFF().encode(image, Options(**options), sink)
        opened.append(rasterio.open(path))
        return opened[-1], report

    yield written
    for dataset in opened:
        dataset.close()


def grid(height, width, affine=None, crs="EPSG:32613"):
    return GeoBox((height, width), affine or Affine(10, 0, 5e5, 0, -10, 4e6), crs)


def pixels(shape, dtype, seed=0):
    rng = np.random.default_rng(seed)
    dtype = np.dtype(dtype)
    if dtype.kind == "c":
        return (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(dtype)
    if dtype.kind == "f":
        return rng.normal(size=shape).astype(dtype)
    if dtype.kind == "b":
        return rng.random(shape) < 0.5
    limits = np.iinfo(dtype)
    return rng.integers(limits.min, limits.max, shape, dtype.newbyteorder("="), endpoint=True).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("compression", ["DEFLATE", "LZW", "ZSTD", "none"])
def test_pixels_of_every_dtype(write, dtype, compression):
    array = pixels((2, 70, 90), dtype)
    file, report = write(Image(array, bands=["a", "b"]), compression=compression, blocksize=64)
    np.testing.assert_array_equal(array, file.read())
    assert report == {"cog": True, "nodata": "none", "notes": []}
    assert file.descriptions == ("a", "b")
    assert {"none": None}.get(compression, compression.lower()) == file.profile.get("compress")


@pytest.mark.slow
@given(st.data())
@settings(max_examples=60, deadline=None)
def test_every_file_is_a_cloud_optimized_one(data):
    """Whatever shape, dtype, blocks, mask and nodata: rio-cogeo has no error and no warning, and pixels are kept.

    But for a single column of pixels, whose overviews readers could not tell apart: it has none. And rasterio takes
    an image as wide as its tiles for a striped one.
    """
    shape = data.draw(st.tuples(st.integers(1, 4), st.integers(1, 600), st.integers(2, 600)))
    dtype = data.draw(st.sampled_from(DTYPES))
    array = pixels(shape, dtype, seed=data.draw(st.integers(0, 9)))
    mask = data.draw(st.sampled_from([None, "image", "bands"]))
    mask = None if mask is None else pixels(shape[1:] if mask == "image" else shape, "bool", seed=1)
    bands = [f"b{index}" for index in range(shape[0])]
    nodata = data.draw(st.sampled_from([None, 0, 7, 100]))
    info = {} if nodata is None else {band: {"nodata": nodata} for band in bands}
    box = data.draw(st.sampled_from([None, grid(*shape[1:]), grid(*shape[1:], Affine(3, 1, 7, 1, -3, 9), None)]))
    image = Image(array, bands, mask, box, bandinfo=info)
    options = Options(
        compression=data.draw(st.sampled_from(["DEFLATE", "LZW", "ZSTD", "none"])),
        blocksize=data.draw(st.sampled_from([64, 128, 512])),
        overview_resampler=data.draw(st.sampled_from(["nearest", "average"])),
    )
    assume(shape[2] != options.blocksize)
    with tempfile.NamedTemporaryFile(suffix=".tif") as sink:
        GeoTIFF().encode(image, options, sink)
        sink.flush()
        valid, errors, warnings = cog_validate(sink.name, strict=True, quiet=True)
        assert (valid, errors, warnings) == (True, [], [])
        with rasterio.open(sink.name) as file:
            result, transform, crs = file.read(), file.transform, file.crs
    if mask is None or nodata is None:
        np.testing.assert_array_equal(array, result)
    else:
        full = np.broadcast_to(mask, shape)
        np.testing.assert_array_equal(np.where(full, np.array(nodata, dtype), array), result)
    assert (Affine.identity() if box is None else box.affine) == transform
    assert (None if box is None or box.crs is None else 32613) == (crs.to_epsg() if crs else None)


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (1, 700), (700, 1), (511, 513)])
def test_odd_sizes(write, shape):
    array = pixels((3, *shape), "int16")
    file, _ = write(Image(array, geobox=grid(*shape)))
    np.testing.assert_array_equal(array, file.read())
    assert (max(shape) > 512 and shape[1] > 1) == bool(file.overviews(1))


def test_an_image_as_wide_as_its_tiles_is_tiled(write, tmp_path):
    write(Image(np.ones((1, 600, 128), "u1")), blocksize=128)
    with tifffile.TiffFile(tmp_path / "0.tif") as file:
        assert all(page.is_tiled for page in file.pages)


@pytest.mark.parametrize("point", [False, True])
@pytest.mark.parametrize(
    "affine", [Affine(10, 0, 5e5, 0, -10, 4e6), Affine(3, 1, 7, 1.5, -3, 9), Affine(1, 0, 0, 0, 1, 0)]
)
def test_transforms_mean_corners(write, point, affine):
    """Rotated ones too, and whether pixels stand for areas or for points."""
    properties = {"AREA_OR_POINT": "Point"} if point else {}
    file, _ = write(Image(np.ones((1, 4, 5), "u1"), geobox=grid(4, 5, affine), properties=properties))
    assert affine == file.transform
    assert ("Point" if point else "Area") == file.tags()["AREA_OR_POINT"]


def test_a_crs_without_a_code(write):
    box = grid(4, 5, crs="+proj=laea +lat_0=10 +lon_0=20 +ellps=GRS80 +units=m")
    file, _ = write(Image(np.ones((1, 4, 5), "u1"), geobox=box))
    assert file.crs == rasterio.CRS.from_wkt(box.crs.to_wkt())


def test_facts_of_bands(write):
    info = {
        "a": {"scale": 0.5, "offset": -3, "unit": "m", "description": "height", "nodata": 9},
        "b": {"nodata": 9},
    }
    file, _ = write(Image(np.ones((2, 4, 5), "u1"), bands=["a", "b"], bandinfo=info))
    assert file.scales == (0.5, 1.0)
    assert file.offsets == (-3.0, 0.0)
    assert file.units == ("m", None)
    assert file.descriptions == ("a", "b")
    assert file.tags(1)["DESCRIPTION"] == "height"
    assert file.nodata == 9


@pytest.mark.parametrize(
    ("dtype", "nodata"),
    [
        ("int64", -(2**63)), ("int64", 2**53 + 1), ("uint64", 2**64 - 1), ("uint64", 2**63 + 1), ("int64", 0),
        ("uint8", 255), ("int8", -128), ("float32", math.nan), ("float32", np.float32(-3.4e38).item()),
        ("float64", 1e300), ("float64", math.inf), ("complex64", 5),
    ],
)  # fmt: skip
@pytest.mark.parametrize("tiled", [True, False])
def test_nodata_is_exact(write, tmp_path, dtype, nodata, tiled):
    """Also for the 64-bit integers that float64 does not hold."""
    array = np.ones((1, 600, 5), dtype)
    mask = np.zeros(array.shape, bool)
    mask[:, :300] = True
    image = Image(array, mask=mask, bandinfo={"band_1": {"nodata": nodata}})
    file, report = write(image, tiled=tiled)
    expected = np.where(mask, np.array(nodata).astype(dtype), array)
    np.testing.assert_array_equal(expected, file.read())
    written = str(nodata) if "int" in dtype else f"{nodata:.17g}"
    assert written.encode() + b"\0" in (tmp_path / "0.tif").read_bytes()
    assert written == report["nodata"]
    if dtype != "complex64":
        np.testing.assert_array_equal(~mask, file.read_masks() > 0)
        assert {"50"} == {file.tags(1)["STATISTICS_VALID_PERCENT"]}


def test_a_valid_pixel_equal_to_nodata_is_counted(write):
    array = np.array([[[0, 1, 0], [0, 2, 3]], [[5, 5, 5], [5, 5, 0]]], "u1")
    mask = np.zeros(array.shape, bool)
    mask[0, 0, 0] = True
    info = {"a": {"nodata": 0}, "b": {"nodata": 0}}
    _, report = write(Image(array, ["a", "b"], mask, bandinfo=info))
    assert report["nodata_clash"] == {"a": 2, "b": 1}
    _, report = write(Image(array, ["a", "b"], bandinfo=info))
    assert "nodata_clash" not in report


def test_a_mask_without_nodata_is_written_into_the_file(write):
    array = pixels((2, 700, 600), "uint8")
    mask = pixels((700, 600), "bool")
    file, report = write(Image(array, mask=mask))
    assert ([MaskFlags.per_dataset],) * 2 == file.mask_flag_enums
    np.testing.assert_array_equal(np.where(mask, 0, 255), file.dataset_mask())
    np.testing.assert_array_equal(array, file.read())
    assert report["nodata"] == "mask"
    assert "hidden" not in report


def test_what_is_masked_in_any_band_is_masked_and_counted(write):
    mask = np.zeros((2, 2, 3), bool)
    mask[0, 0] = True
    mask[1, 0, 0] = True
    file, report = write(Image(np.ones((2, 2, 3), "f4"), ["a", "b"], mask))
    np.testing.assert_array_equal([[0, 0, 0], [255, 255, 255]], file.dataset_mask())
    assert report["hidden"] == {"b": 2}


def test_unlike_nodata_values_become_a_mask(write):
    array = np.array([[[0, 1, 2]], [[1, 9, 2]]], "u1")
    file, report = write(Image(array, ["a", "b"], bandinfo={"a": {"nodata": 0}, "b": {"nodata": 9}}))
    assert file.nodata is None
    assert file.dataset_mask().tolist() == [[0, 0, 255]]
    assert report["hidden"] == {"a": 1, "b": 1}
    assert report["notes"] == ["the bands have different nodata values, but TIFF holds one: written as a mask instead"]


def test_a_mask_band_needs_no_nodata_of_its_own(write):
    image = Image(np.ones((2, 2, 3), "u1"), ["a", "m"], bandinfo={"a": {"nodata": 0}, "m": {"kind": "mask"}})
    file, _ = write(image)
    assert file.nodata == 0


def test_all_masked(write):
    file, _ = write(Image(np.ones((1, 600, 600), "f4"), mask=np.ones((600, 600), bool)))
    assert not file.dataset_mask().any()
    assert file.tags(1) == {"STATISTICS_VALID_PERCENT": "0"}


@pytest.mark.parametrize(
    ("given_dtype", "written", "note"),
    [("bool", "uint8", "bool is written as uint8"), ("float16", "float32", "float16 is written as float32"),
     (">i2", "int16", None)],
)  # fmt: skip
def test_dtypes_that_tiff_does_not_have(write, given_dtype, written, note):
    array = pixels((1, 4, 5), given_dtype)
    file, report = write(Image(array))
    assert (written,) == file.dtypes
    np.testing.assert_array_equal(array.astype(written), file.read())
    assert ([note] if note else []) == report["notes"]


@pytest.mark.parametrize(
    ("bands", "dtype", "expected"),
    [
        (["red", "green", "blue"], "uint8", [ColorInterp.red, ColorInterp.green, ColorInterp.blue]),
        (["Red", "Green", "Blue"], "uint16", [ColorInterp.red, ColorInterp.green, ColorInterp.blue]),
        (
            ["red", "green", "blue", "alpha"],
            "uint8",
            [ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha],
        ),
        (["blue", "green", "red"], "uint8", [ColorInterp.gray, *[ColorInterp.undefined] * 2]),
        (["red", "green", "blue", "nir"], "uint8", [ColorInterp.gray, *[ColorInterp.undefined] * 3]),
        (["a", "b", "c", "alpha"], "uint8", [ColorInterp.gray, *[ColorInterp.undefined] * 3]),
        (["red", "green", "blue"], "float32", [ColorInterp.gray, *[ColorInterp.undefined] * 2]),
    ],
)
@pytest.mark.parametrize("tiled", [True, False])
def test_only_bands_named_so_are_colours(write, bands, dtype, expected, tiled):
    """Four bands of bytes would become RGBA, the fourth a mask, if GDAL had its way."""
    file, _ = write(Image(pixels((len(bands), 70, 80), dtype), bands), tiled=tiled)
    assert tuple(expected) == file.colorinterp


@pytest.mark.parametrize(
    ("dtype", "predictor"),
    [("uint16", 2), ("int32", 2), ("int64", None), ("uint64", None), ("float32", 3), ("complex64", None)],
)
@pytest.mark.parametrize("tiled", [True, False])
def test_the_predictor_follows_the_dtype(write, dtype, predictor, tiled):
    file, _ = write(Image(pixels((1, 70, 80), dtype)), tiled=tiled)
    found = file.tags(ns="IMAGE_STRUCTURE").get("PREDICTOR")
    assert predictor == (int(found) if found else None)


def gradient():
    return np.add.outer(np.arange(1100.0), np.arange(1100.0))[None].astype("f4")


def test_overviews(write, tmp_path):
    array = gradient()
    file, _ = write(Image(array), overview_resampler="average")
    assert file.overviews(1) == [2, 4]
    with rasterio.open(tmp_path / "0.tif", overview_level=0) as smaller:
        expected = array.reshape(1, 550, 2, 550, 2).mean(axis=(2, 4))
        np.testing.assert_allclose(expected, smaller.read())
    write(Image(array))
    with rasterio.open(tmp_path / "1.tif", overview_level=0) as smaller:
        np.testing.assert_array_equal(array[:, ::2, ::2], smaller.read())
    none, _ = write(Image(array), overviews=False)
    assert none.overviews(1) == []
    blocks, _ = write(Image(array), blocksize=256)
    assert (blocks.overviews(1), blocks.block_shapes[0]) == ([2, 4, 8], (256, 256))


@pytest.mark.parametrize("resampler", ["average", "bilinear", "cubic"])
def test_averages_respect_nodata_and_never_make_it(write, tmp_path, resampler):
    """-1 and 1 have the mean 0, which is nodata here."""
    array = np.tile(np.array([[-1, 1], [1, -1]], "i2"), (600, 600))[None]
    write(Image(array, bandinfo={"band_1": {"nodata": 0}}), overview_resampler=resampler)
    with rasterio.open(tmp_path / "0.tif", overview_level=0) as smaller:
        assert not (smaller.read() == 0).any()


def test_averages_respect_masks(write, tmp_path):
    array = np.where(np.arange(1200) % 2, 4, 1000)[None, :, None] * np.ones((1, 1200, 1200), "f4")
    mask = np.broadcast_to(np.arange(1200)[:, None] % 2 == 0, (1200, 1200))
    write(Image(array.astype("f4"), mask=mask), overview_resampler="average")
    with rasterio.open(tmp_path / "0.tif", overview_level=0) as smaller:
        assert np.unique(smaller.read()).tolist() == [4.0]


def test_striped(write):
    array = gradient()
    file, report = write(Image(array, geobox=grid(1100, 1100)), tiled=False, overview_resampler="average")
    assert not file.profile["tiled"]
    assert file.overviews(1) == [2, 4]
    np.testing.assert_array_equal(array, file.read())
    assert report["cog"] is False
    assert report["notes"] == ["tiled=false: a striped GeoTIFF, not a cloud optimized one"]


def test_statistics_are_of_valid_pixels(write):
    array = pixels((2, 700, 600), "float64") + 1e6 + np.arange(700)[:, None]
    array[0, 5, 5] = math.nan
    mask = pixels((2, 700, 600), "bool")
    mask[1] = mask[0]
    file, _ = write(Image(array, mask=mask))
    for index in (1, 2):
        values = array[index - 1][~mask[index - 1]]
        values = values[~np.isnan(values)]
        found = {key.removeprefix("STATISTICS_").lower(): float(value) for key, value in file.tags(index).items()}
        assert values.min() == found["minimum"]
        assert values.max() == found["maximum"]
        assert math.isclose(values.mean(), found["mean"], rel_tol=1e-12)
        assert math.isclose(values.std(), found["stddev"], rel_tol=1e-6)
        assert math.isclose(100 * values.size / mask[0].size, found["valid_percent"], abs_tol=0.01)


@pytest.mark.parametrize("compression", ["JPEG", "WEBP"])
def test_lossy_compressions(write, compression):
    array = np.broadcast_to(np.linspace(0, 255, 300).astype("u1"), (3, 200, 300))
    file, _ = write(Image(array, ["red", "green", "blue"]), compression=compression)
    assert compression.lower() == file.profile["compress"]
    assert np.abs(file.read().astype(int) - array).max() < 16


def test_lerc_is_lossless(write):
    array = pixels((2, 70, 80), "float32")
    file, _ = write(Image(array), compression="LERC")
    np.testing.assert_array_equal(array, file.read())


def test_a_level(write, tmp_path):
    array = np.cumsum(pixels((1, 600, 600), "uint8") % 7, axis=1).astype("u2")
    for level in (1, 15):
        write(Image(array), compression="ZSTD", level=level)
    assert (tmp_path / "1.tif").stat().st_size < (tmp_path / "0.tif").stat().st_size


def test_lazy_images_are_computed_block_by_block(write):
    calls = []

    def block(block_info=None):
        calls.append(block_info[None]["chunk-location"])
        return np.full(block_info[None]["chunk-shape"], len(calls) % 200, "u1")

    array = da.map_blocks(block, chunks=((2,), (300, 300, 300), (400, 400)), dtype="u1", meta=np.empty((0, 0, 0), "u1"))
    file, _ = write(Image(array))
    assert file.read().shape == (2, 900, 800)
    assert 6 == len(calls) == len(set(calls))


REFUSED = {
    "dtypes": (
        Image([np.ones((2, 3), "u1"), np.ones((2, 3), "f4")], bands=["a", "b"]), {},
        "the bands of a GeoTIFF are of one dtype, these are of several: a uint8, b float32",
    ),
    "long double": (Image(np.ones((1, 2, 3), np.longdouble)), {}, "a GeoTIFF holds no float128"),
    "JPEG": (
        Image(np.ones((1, 2, 3), "u2")), {"compression": "JPEG"},
        "JPEG holds uint8 only, the image is uint16; these hold it: DEFLATE, LZW, ZSTD, LERC, NONE",
    ),
    "JPEG bands": (
        Image(np.ones((5, 2, 3), "u1")), {"compression": "JPEG"}, "JPEG holds 1 or 2 or 3 or 4 bands, the image has 5",
    ),
    "bands": (Image(np.ones((65536, 1, 1), "u1")), {}, "a TIFF holds 65535 bands at most, the image has 65536"),
    "tile": (
        Image(np.broadcast_to(np.ones(()), (8, 1, 9000))), {"blocksize": 8192},
        (
            "8 bands take 4294967296 bytes in a tile of 8192 x 8192 pixels, of 2147483647 at most: "
            "take a smaller blocksize, or fewer bands"
        ),
    ),
    "JPEG alpha": (
        Image(np.ones((4, 2, 3), "u1"), ["red", "green", "blue", "alpha"]), {"compression": "JPEG"},
        "JPEG holds no alpha band (its mask takes the place of it): leave it out, or take WEBP or DEFLATE",
    ),
    "WEBP": (Image(np.ones((1, 2, 3), "u1")), {"compression": "WEBP"}, "WEBP holds 3 or 4 bands, the image has 1"),
    "LERC": (
        Image(np.ones((1, 2, 3), "i8")), {"compression": "LERC"},
        (
            "LERC holds uint8, int8, uint16, int16, uint32, int32, float32, float64 only, the image is int64; "
            "these hold it: DEFLATE, LZW, ZSTD, NONE"
        ),
    ),
    "classes": (
        Image(np.ones((2, 2, 3), "u1"), ["c", "d"], bandinfo={"c": {"kind": "class"}}), {"overview_resampler": "cubic"},
        "cubic would make classes that do not exist in c: take nearest or mode",
    ),
    "mask": (
        Image(np.ones((1, 2, 3), bool), ["m"]), {"overview_resampler": "average"},
        "average would make classes that do not exist in m: take nearest or mode",
    ),
    "complex": (
        Image(np.ones((1, 2, 3), "c8")), {"overview_resampler": "cubic"},
        "complex numbers have no cubic: take nearest or average",
    ),
    "complex nodata": (
        Image(np.ones((1, 2, 3), "c8"), bandinfo={"band_1": {"nodata": 1j}}), {},
        "a GeoTIFF holds no complex nodata value, got 1j",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_geotiff_does_not_hold_is_refused(name):
    image, options, message = REFUSED[name]
    sink = io.BytesIO()
    with pytest.raises(ResultRefused) as caught:
        GeoTIFF().encode(image, Options(**options), sink)
    assert message == str(caught.value)
    assert sink.getvalue() == b""


def test_what_is_no_image_is_refused():
    with pytest.raises(ResultRefused, match="expected an image"):
        GeoTIFF().encode([1], Options(), io.BytesIO())


PREFLIGHT = {
    "fine": ({}, {"dtypes": ("uint8",), "dtype": "uint8", "bands": ("a",)}, []),
    "unknown": ({"compression": "JPEG"}, {}, []),
    "level": (
        {"compression": "LZW", "level": 3}, {}, [Problem("level", "LZW has no levels; DEFLATE and ZSTD have")],
    ),
    "level of deflate": ({"level": 13}, {}, [Problem("level", "expected 1 to 12 for DEFLATE, got 13")]),
    "jpeg": (
        {"compression": "JPEG"}, {"dtypes": ("uint16",) * 5, "dtype": "uint16"},
        [
            Problem("compression", REFUSED["JPEG"][2]),
            Problem("compression", "JPEG holds 1 or 2 or 3 or 4 bands, the image has 5"),
        ],
    ),
    "mask": (
        {"overview_resampler": "average"},
        {"dtypes": ("bool",), "dtype": "bool", "bands": ("m",), "band_kinds": ("mask",)},
        [
            Problem("overview_resampler", "expected nearest or mode for the mask band 'm', got 'average'"),
            Note("bool is written as uint8"),
        ],
    ),
    "mixed": (
        {}, {"dtypes": ("uint8", "float32"), "dtype": "uint8"},
        [Problem("", "the bands of a GeoTIFF are of one dtype, these are of several: float32, uint8")],
    ),
    "bands": (
        {}, {"dtypes": ("bool",) * 65536, "dtype": "bool"},
        [Problem("", REFUSED["bands"][2]), Note("bool is written as uint8")],
    ),
    "tile": (
        {"blocksize": 8192}, {"dtypes": ("float64",) * 8, "dtype": "float64"},
        [Problem("blocksize", REFUSED["tile"][2])],
    ),
    "striped": ({"tiled": False}, {}, [Note("a striped GeoTIFF is not cloud optimized", path="tiled")]),
}  # fmt: skip


@pytest.mark.parametrize("name", PREFLIGHT)
def test_preflight(name):
    options, info, expected = PREFLIGHT[name]
    assert expected == list(GeoTIFF().preflight(Options(**options), ResultInfo(kinds=("image",), **info)))


def test_a_grid_without_crs_is_a_note():
    grid = GeoBox((4, 4), Affine(10, 0, 5e5, 0, -10, 4e6), None)
    notes = [Note("the image has a grid but no CRS: the file is placed in unknown coordinates")]
    assert notes == list(GeoTIFF().preflight(Options(), ResultInfo(kinds=("image",), grid=grid)))


def test_blocksize_is_a_multiple_of_16():
    check = attrs.fields(Options).blocksize.metadata["bourn"].check
    assert [check(512), check(100)] == [None, "expected a multiple of 16, got 100"]


def test_temporary_files_are_removed_whatever_happens(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    class Full:
        def write(self, _):
            raise OSError(28, "No space left on device")

    def broken(block_info=None):
        msg = "broken"
        raise RuntimeError(msg)

    with pytest.raises(OSError, match="No space left"):
        GeoTIFF().encode(Image(np.ones((1, 5, 5))), Options(), Full())
    lazy = da.map_blocks(broken, chunks=((1,), (5,), (5,)), dtype="u1", meta=np.empty((0, 0, 0), "u1"))
    with pytest.raises(RuntimeError, match="broken"):
        GeoTIFF().encode(Image(lazy), Options(), io.BytesIO())
    GeoTIFF().encode(Image(np.ones((1, 5, 5))), Options(), io.BytesIO())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("limit", [100, 30_000, 500_000, 1_000_000, 1_048_700, 1_049_500, 1_200_000])
def test_a_full_disk_is_an_error(limit):
    """However far the files that GDAL needs get before there is no more room."""
    code = """
        import io, resource, signal, sys
        import numpy as np
        from bourn.plugin import EncodeError, Image
        from bourn_formats.geotiff import GeoTIFF, Options

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        array = np.random.default_rng(0).integers(0, 255, (1, 1024, 1024)).astype("u1")
        GeoTIFF().encode(Image(array[:, :9, :9]), Options(), io.BytesIO())
        limit = int(sys.argv[1])
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        try:
            GeoTIFF().encode(Image(array), Options(compression="LZW"), io.BytesIO())
        except (EncodeError, OSError) as fault:
            print("refused", type(fault).__name__)
    """
    out = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(limit)], capture_output=True, text=True, check=True
    )
    assert out.stdout.startswith("refused")


def test_threads(write):
    """Sixteen at once write what one alone writes."""
    image = Image(pixels((3, 300, 300), "uint16"), mask=pixels((300, 300), "bool"))
    alone = io.BytesIO()
    GeoTIFF().encode(image, Options(), alone)
    sinks = [io.BytesIO() for _ in range(16)]
    threads = [threading.Thread(target=GeoTIFF().encode, args=(image, Options(), sink)) for sink in sinks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {alone.getvalue()} == {sink.getvalue() for sink in sinks}


@pytest.mark.parametrize(("nodata", "said"), [(0, True), (1, True), (7, False), (None, False)])
def test_a_nodata_value_that_is_one_of_a_masks_is_noted(nodata, said):
    """TIFF has one value for all bands, and readers heed it in masks too."""
    pixels = np.array([[[5, 0], [7, 8]], [[1, 0], [0, 1]]], "u1")
    facts = {"data": {} if nodata is None else {"nodata": nodata}, "clear": {"kind": "mask"}}
    report = GeoTIFF().encode(Image(pixels, ["data", "clear"], bandinfo=facts), Options(), io.BytesIO())
    note = f"most readers take {nodata} for no data in clear too: TIFF has one value for all"
    assert report["notes"] == ([note] if said else [])


def test_colors_are_those_that_are_asked_for(write):
    """By their names nobody knows what B04, B03, B02 are."""
    image = Image(pixels((4, 20, 30), "u1"), ["B04", "B03", "B02", "B08"])
    assert [role.name for role in write(image)[0].colorinterp] == ["gray", *["undefined"] * 3]
    assert [role.name for role in write(image, colors="rgb")[0].colorinterp] == ["red", "green", "blue", "undefined"]
    named = Image(pixels((3, 20, 30), "u1"), ["red", "green", "blue"])
    assert [role.name for role in write(named)[0].colorinterp] == ["red", "green", "blue"]
    assert [role.name for role in write(named, colors="none")[0].colorinterp] == ["gray", "undefined", "undefined"]


@pytest.mark.parametrize(
    ("count", "dtype", "message"), [(2, "u1", "needs three bands"), (3, "f4", "take uint8 and uint16 for colors")]
)
def test_a_plan_refuses_colors_that_can_not_be(count, dtype, message):
    image = Image(pixels((count, 20, 30), dtype))
    with pytest.raises(bourn.errors.RequestError, match=message):
        bourn.plan(image, format={"type": "geotiff", "colors": "rgb"})
    with pytest.raises(ResultRefused, match=message):
        GeoTIFF().encode(image, Options(colors="rgb"), io.BytesIO())


@pytest.mark.parametrize("compression", ["JPEG", "WEBP"])
def test_a_lossy_compression_never_meets_nodata(write, compression):
    """JPEG makes 1 of 0 and 0 of 1: the mask says which is which."""
    rng = np.random.default_rng(0)
    array = rng.integers(0, 4, (3, 64, 64), "u1")
    array[:, :, :20] = 0
    info = {name: {"nodata": 0} for name in ("red", "green", "blue")}
    file, report = write(Image(array, list(info), bandinfo=info), compression=compression)
    assert file.nodata is None
    np.testing.assert_array_equal(file.dataset_mask() == 0, (array == 0).any(axis=0))
    assert report["nodata"] == "mask"
    assert report["hidden"]["red"] == np.count_nonzero((array == 0).any(axis=0) & (array[0] != 0))
    assert any(note.startswith(f"{compression} changes pixels") for note in report["notes"])
