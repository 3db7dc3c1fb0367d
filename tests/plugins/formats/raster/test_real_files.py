"""Files as they are found in the world, opened and written again: nothing of them is harmed."""

import numpy as np
import pytest
import rasterio
from affine import Affine
from bourn.plugin import Image
from bourn_formats.geotiff import GeoTIFF, Options
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


def made(path, dtype, count, **facts):
    given = {"transform": NORTH_UP, "crs": "EPSG:32613", **facts}
    return rasterio.open(
        path, "w", driver="GTiff", dtype=dtype, count=count, height=300, width=200, tiled=True, blockxsize=64,
        blockysize=64, **given,
    )  # fmt: skip


FILES = {one.__name__: one for one in (rotated, nan_nodata, internal_mask, palette, scales, points, wide_nodata, rgba)}


@pytest.mark.parametrize("compression", ["DEFLATE", "LZW"])
@pytest.mark.parametrize("name", FILES)
def test_a_file_passes_unharmed(tmp_path, name, compression):
    before, after = tmp_path / "before.tif", tmp_path / "after.tif"
    FILES[name](before)
    with after.open("wb") as sink:
        GeoTIFF().encode(Image.open(before, keep_alpha=True), Options(compression=compression, blocksize=64), sink)
    assert (True, [], []) == cog_validate(after, strict=True, quiet=True)
    with rasterio.open(before) as one, rasterio.open(after) as two:
        assert one.crs == two.crs
        assert one.transform.almost_equals(two.transform, 1e-9)
        assert one.dtypes == two.dtypes
        assert str(one.nodatavals) == str(two.nodatavals)
        assert (one.scales, one.offsets) == (two.scales, two.offsets)
        assert tuple(unit or None for unit in one.units) == two.units
        names = tuple(text or f"band_{number}" for number, text in enumerate(one.descriptions, 1))
        assert names == two.descriptions
        assert one.tags()["AREA_OR_POINT"] == two.tags()["AREA_OR_POINT"]
        np.testing.assert_array_equal(one.dataset_mask(), two.dataset_mask())
        valid = one.read_masks() > 0
        np.testing.assert_array_equal(one.read()[valid], two.read()[valid])
        if name == "palette":
            assert two.colorinterp == (ColorInterp.palette,)
            assert one.colormap(1) == two.colormap(1)
        if name == "rgba":
            assert one.colorinterp == two.colorinterp
