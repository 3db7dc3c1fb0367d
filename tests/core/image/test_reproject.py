"""Another grid: lazily, by the kind of each band, and masked pixels do not bleed."""

import numpy as np
import pytest
from affine import Affine
from bourn.errors import RequestError
from bourn.image import tiles
from bourn.image.image import Image
from bourn.image.target_grid import target_grid
from bourn.results.as_image import put_on_grid
from odc.geo.geobox import GeoBox

SOURCE = GeoBox((100, 120), Affine(30, 0, 400_000, 0, -30, 4_000_000), "EPSG:32613")
FINER = GeoBox((200, 200), Affine(20, 0, 399_900, 0, -20, 4_000_100), "EPSG:32613")


def put_on(image, grid, resampling=None):
    return put_on_grid(image, target_grid(grid, resampling))[0]


@pytest.fixture
def hole():
    mask = np.zeros((100, 120), bool)
    mask[40:60, 40:60] = True
    return mask


def test_the_same_grid_gives_the_same_object():
    image = Image(np.zeros((100, 120)), geobox=SOURCE)
    assert put_on(image, GeoBox(SOURCE.shape, SOURCE.affine, "EPSG:32613")) is image


def test_it_is_lazy_until_it_is_read(hole):
    assert put_on(Image(np.zeros((100, 120)), geobox=SOURCE), FINER).lazy


@pytest.mark.parametrize("dtype", ["uint8", ">u2", "int32", "float32", "float64"])
@pytest.mark.parametrize("kind", ["data", "class"])
def test_masked_pixels_do_not_bleed(hole, dtype, kind):
    array = np.full((2, 100, 120), 100, dtype)
    array[:, hole] = 200
    image = Image(
        array, geobox=SOURCE, mask=hole, bandinfo={"band_1": {"kind": kind, "nodata": 7}, "band_2": {"kind": kind}}
    )
    moved = put_on(image, FINER).compute()
    assert np.unique(moved.array[~moved.mask]) == pytest.approx(100)
    assert moved.dtype == np.dtype(dtype).newbyteorder("=")
    assert np.unique(moved.array[0][moved.mask[0]]).tolist() == [7]
    x, y = FINER.affine.c + 20 * 100, FINER.affine.f - 20 * 80
    row, column = int((4_000_000 - y) / 30), int((x - 400_000) / 30)
    assert moved.mask[0, 80, 100] == hole[row, column]
    assert moved.mask[:, 0, 0].all()  # the image does not reach there


def test_nan_does_not_bleed():
    array = np.full((100, 120), 5.0)
    array[50] = np.nan
    moved = put_on(Image(array, geobox=SOURCE), FINER).compute()
    assert moved.mask.any()
    assert np.unique(moved.array[~moved.mask]) == pytest.approx(5)


def test_classes_take_the_nearest_and_data_is_interpolated():
    array = np.where(np.arange(120) < 60, 10, 20).astype("u1") * np.ones((100, 1), "u1")
    image = Image([array, array, array > 15], geobox=SOURCE, bandinfo={"band_1": {"kind": "class"}})
    moved = put_on(image, FINER).compute()
    assert np.unique(moved.band("band_1")[~moved.mask[0]]).tolist() == [10, 20]
    assert len(np.unique(moved.band("band_2")[~moved.mask[1]])) > 2
    assert moved.band("band_3").dtype == bool


def test_classes_of_64_bits_stay_exact():
    array = np.arange(12000).reshape(100, 120) + 2**60
    moved = put_on(Image(array, geobox=SOURCE, bandinfo={"band_1": {"kind": "class"}}), FINER).compute()
    assert np.isin(moved.array[~moved.mask], array).all()
    negative = put_on(Image(-array, geobox=SOURCE, bandinfo={"band_1": {"kind": "class"}}), FINER).compute()
    assert np.array_equal(negative.array, -moved.array)


def test_a_tile_is_a_grid():
    image = Image(np.ones((100, 120)), geobox=SOURCE)
    tile = tiles.from_key("64:2:30.0:13:-52:2083")
    moved = put_on(image, tile)
    assert moved.geobox == tile.geobox
    assert moved.shape == (1, 68, 68)


def test_what_has_no_crs_can_not_be_moved():
    with pytest.raises(
        RequestError, match="geobox: the image has no CRS, so that the image can't be put on another grid"
    ):
        put_on(Image(np.zeros((2, 2))), FINER)
    with pytest.raises(RequestError, match=r"geobox: expected a GeoBox, .*, got 'here'"):
        put_on(Image(np.zeros((2, 2))), "here")


def test_an_xarray_object_stays_one_on_its_new_grid():
    """`geobox=` takes whatever is an image, and gives it back in its own form."""
    import xarray as xr
    from odc.geo.xr import xr_coords

    array = xr.DataArray(np.ones((100, 120), "float32"), dims=("y", "x"), coords=xr_coords(SOURCE))
    moved = put_on(array, FINER)
    assert isinstance(moved, xr.DataArray)
    assert moved.odc.geobox == FINER
    assert put_on(array, SOURCE) is array


def test_what_is_no_image_has_no_grid():
    with pytest.raises(RequestError, match=r"^geobox: goes with an image: expected an image"):
        put_on(2, FINER)
