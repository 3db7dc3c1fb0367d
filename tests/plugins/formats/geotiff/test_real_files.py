"""Files as they are found in the world, opened and written again: nothing of them is harmed."""

import numpy as np
import pytest
import rasterio
from affine import Affine
from bourn import Session, Settings
from bourn.cli.commands import bourn
from bourn.plugin import Image
from bourn_formats.geotiff import GeoTIFF, Options
from click.testing import CliRunner
from rasterio.control import GroundControlPoint
from rasterio.enums import ColorInterp
from rio_cogeo.cogeo import cog_validate

pytestmark = [pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")]

ROTATED = Affine.translation(500_000.5, 4_000_000.25) * Affine.rotation(31) * Affine.scale(10, -12)
NORTH_UP = Affine(10, 0, 5e5, 0, -10, 4e6)
RNG = np.random.default_rng(0)


def rotated(path):
    with made(path, "int16", 2, transform=ROTATED) as file:
        file.write(RNG.integers(-99, 99, (2, 300, 200)).astype("i2"))


def nan_nodata(path):
    array = RNG.normal(size=(1, 300, 200)).astype("f4")
    array[0, 20:90, 30:80] = np.nan
    with made(path, "float32", 1, nodata=np.nan) as file:
        file.write(array)


def internal_mask(path):
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), made(path, "uint8", 3, photometric="RGB") as file:
        file.write(RNG.integers(0, 255, (3, 300, 200)).astype("u1"))
        file.write_mask(RNG.random((300, 200)) < 0.5)


def palette(path):
    with made(path, "uint8", 1) as file:
        file.write(RNG.integers(0, 4, (1, 300, 200)).astype("u1"))
        file.write_colormap(1, {0: (0, 0, 0, 255), 1: (255, 0, 0, 255), 2: (10, 200, 30, 255), 3: (0, 0, 9, 255)})


def scales(path):
    with made(path, "uint16", 3, nodata=65535) as file:
        array = RNG.integers(0, 9999, (3, 300, 200)).astype("u2")
        array[:, :40, :50] = 65535
        file.write(array)
        file.scales, file.offsets = (1e-4, 0.1, 1), (-0.1, 0, 273.15)
        file.units = ("1", "K", "")
        file.descriptions = ("red", "thermal", "other")


def points(path):
    with made(path, "float64", 1, nodata=-9999) as file:
        file.update_tags(AREA_OR_POINT="Point")
        file.write(RNG.normal(size=(1, 300, 200)))


def wide_nodata(path):
    with made(path, "int64", 1) as file:
        file.write(RNG.integers(-(2**60), 2**60, (1, 300, 200)))


def rgba(path):
    with made(path, "uint8", 4, photometric="RGB", alpha="YES") as file:
        array = RNG.integers(0, 255, (4, 300, 200)).astype("u1")
        array[3] = np.where(array[3] < 90, 0, 255)
        file.write(array)
        file.descriptions = ("red", "green", "blue", "alpha")


def south_up(path):
    with made(path, "int32", 2, transform=Affine(10, 0, 5e5, 0, 10, 4e6)) as file:
        file.write(RNG.integers(-99, 99, (2, 300, 200)).astype("i4"))


def items(path):
    with made(path, "int8", 1, nodata=-128) as file:
        file.write(RNG.integers(-128, 127, (1, 300, 200)).astype("i1"))
        file.update_tags(date="2020-01-02T03:04:05Z", sensor="OLI & co", TIFFTAG_ARTIST="somebody", cloud="12.50")
        file.update_tags(1, DESCRIPTION="what it shows")


def big_endian(path):
    with made(path, "float32", 2, nodata=-3.4028234663852886e38, ENDIANNESS="BIG", BIGTIFF="YES") as file:
        array = RNG.normal(size=(2, 300, 200)).astype("f4")
        array[:, :30] = np.finfo("f4").min
        file.write(array)


def jpeg(path):
    with made(path, "uint8", 3, photometric="YCBCR", compress="JPEG", interleave="pixel") as file:
        file.write(np.cumsum(RNG.integers(0, 3, (3, 300, 200)), axis=1).astype("u1"))


def one_bit(path):
    with made(path, "uint8", 1, NBITS=1) as file:
        file.write(RNG.integers(0, 2, (1, 300, 200)).astype("u1"))


def grey_alpha(path):
    with made(path, "uint16", 2, alpha="YES") as file:
        array = RNG.integers(1, 65535, (2, 300, 200)).astype("u2")
        array[1] = np.where(array[1] < 9999, 0, 65535)
        file.write(array)


def external_mask(path):
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=False), made(path, "int16", 1) as file:
        file.write(RNG.integers(-99, 99, (1, 300, 200)).astype("i2"))
        file.write_mask(RNG.random((300, 200)) < 0.5)


def nodata_of_all_bands(path):
    with made(path, "uint8", 2) as file:
        file.write(RNG.integers(0, 3, (2, 300, 200)).astype("u1"))
        file.update_tags(NODATA_VALUES="1 2")


def complex_numbers(path):
    with made(path, "complex64", 1) as file:
        file.write((RNG.normal(size=(1, 300, 200)) + 1j).astype("c8"))


def made(path, dtype, count, **facts):
    given = {"transform": NORTH_UP, "crs": "EPSG:32613", **facts}
    return rasterio.open(
        path, "w", driver="GTiff", dtype=dtype, count=count, height=300, width=200, tiled=True, blockxsize=64,
        blockysize=64, **given,
    )  # fmt: skip


FILES = {
    one.__name__: one
    for one in (
        rotated, nan_nodata, internal_mask, palette, scales, points, wide_nodata, rgba, south_up, items, big_endian,
        jpeg, one_bit, grey_alpha, external_mask, nodata_of_all_bands, complex_numbers,
    )
}  # fmt: skip
COLORS = {"red", "green", "blue", "gray", "alpha"}
NO_PROPERTIES = {"AREA_OR_POINT", "NODATA_VALUES"}
"""Items that say something of grid and mask."""


def names_of(file, indices):
    """The descriptions of the bands, else their colors where all of several have one, else numbers."""
    descriptions = [file.descriptions[index] for index in indices]
    colors = [file.colorinterp[index].name for index in indices]
    if not any(descriptions) and len(colors) > 1 and set(colors) <= COLORS:
        return tuple(colors)
    return tuple(text or f"band_{index + 1}" for text, index in zip(descriptions, indices, strict=True))


def encoded(before, after, session, compression):
    with after.open("wb") as sink:
        GeoTIFF().encode(Image.open(before, keep_alpha=True), Options(compression=compression, blocksize=64), sink)


def computed(before, after, session, compression):
    form = {"type": "geotiff", "compression": compression, "blocksize": 64}
    session.compute(Image.open(before), destination="download", format=form, file=after)


def sent(before, after, session, compression):
    arguments = ["send", str(before), "-d", "download", "-F", "geotiff", "-f", f"compression={compression}"]
    done = CliRunner().invoke(bourn, [*arguments, "-f", "blocksize=64", "--file", str(after)], obj=session)
    assert done.exit_code == 0, done.output


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """One for all: what is stored where is no matter here."""
    session = Session(Settings(home=str(tmp_path_factory.mktemp("home"))))
    yield session
    session.close()


WAYS = [(encoded, "DEFLATE"), (encoded, "LZW"), (computed, "DEFLATE"), (sent, "DEFLATE")]


@pytest.mark.slow
@pytest.mark.parametrize(("way", "compression"), WAYS)
@pytest.mark.parametrize("name", FILES)
def test_a_file_passes_unharmed(tmp_path, session, name, way, compression):
    """Encoded as it is, by `compute`, by the command line; there an alpha becomes the mask."""
    before, after = tmp_path / "before.tif", tmp_path / "after.tif"
    FILES[name](before)
    way(before, after, session, compression)
    assert (True, [], []) == cog_validate(after, strict=True, quiet=True)
    with rasterio.open(before) as one, rasterio.open(after) as two:
        kept = [n for n, role in enumerate(one.colorinterp, 1) if way is encoded or role != ColorInterp.alpha]
        indices = [number - 1 for number in kept]
        assert one.crs == two.crs
        flip = one.transform.e > 0  # rows run from the south to the north
        grid = one.transform * Affine(1, 0, 0, 0, -1, one.height) if flip else one.transform
        assert grid.almost_equals(two.transform, 1e-9)
        assert [one.dtypes[index] for index in indices] == list(two.dtypes)
        assert str([one.nodatavals[index] for index in indices]) == str(list(two.nodatavals))
        assert [(one.scales[index], one.offsets[index]) for index in indices] == [
            *zip(two.scales, two.offsets, strict=True)
        ]
        assert tuple(one.units[index] or None for index in indices) == two.units
        assert names_of(one, indices) == two.descriptions
        assert one.tags()["AREA_OR_POINT"] == two.tags()["AREA_OR_POINT"]
        written, tells = (
            {key: text for key, text in file.tags().items() if key not in NO_PROPERTIES} for file in (one, two)
        )
        if "date" in written:  # in UTC, and as TIFF's own
            written |= {"date": "2020-01-02T03:04:05+00:00", "TIFFTAG_DATETIME": "2020:01:02 03:04:05"}
        assert written == tells
        assert [one.tags(number).get("DESCRIPTION") for number in kept] == [
            two.tags(number).get("DESCRIPTION") for number in two.indexes
        ]
        rows = np.s_[..., ::-1, :] if flip else np.s_[...]
        np.testing.assert_array_equal(one.dataset_mask()[rows] > 0, two.dataset_mask() > 0)
        valid = (one.read_masks(kept) > 0)[rows]
        np.testing.assert_array_equal(one.read(kept)[rows][valid], two.read()[valid])
        if name == "palette":
            assert two.colorinterp == (ColorInterp.palette,)
            assert one.colormap(1) == two.colormap(1)
        if name in {"rgba", "grey_alpha"} and way is encoded:
            assert one.colorinterp == two.colorinterp


def test_what_points_place_is_refused(tmp_path, session):
    """Ground control points give no grid: refused when the file is opened, with what to do."""
    path = tmp_path / "gcps.tif"
    points = [GroundControlPoint(row, col, 5e5 + col, 4e6 - row) for row, col in ((0, 0), (0, 9), (9, 0), (9, 9))]
    with rasterio.open(
        path, "w", driver="GTiff", dtype="uint8", count=1, height=9, width=9, gcps=points, crs="EPSG:32613"
    ):
        pass
    done = CliRunner().invoke(bourn, ["send", str(path), "-F", "geotiff"], obj=session)
    assert done.exit_code == 2
    assert "ground control points" in done.output
