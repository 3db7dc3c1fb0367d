"""Another grid: lazily, by the kind of each band, and masked pixels do not bleed."""

import itertools

import dask.array as da
import numpy as np
import pytest
import rasterio
from affine import Affine
from bourn.errors import RequestError
from bourn.image import tiles
from bourn.image.image import Image
from bourn.image.target_grid import target_grid
from bourn.results.as_image import put_on_grid
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox
from pyproj import Transformer

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


def grid(shape, transform, crs):
    return GeoBox(shape, Affine(*transform), CRS(crs))


GRIDS = {
    "degrees from -180": grid((90, 180), (2, 0, -180, 0, -2, 90), "EPSG:4326"),
    "degrees from 0": grid((90, 180), (2, 0, 0, 0, -2, 90), "EPSG:4326"),
    "across 180": grid((60, 80), (0.5, 0, 165, 0, -0.5, 70), "EPSG:4326"),
    "UTM": grid((60, 70), (6000, 0, 300_000, 0, -6000, 5_600_000), "EPSG:32633"),
    "small UTM": grid((50, 50), (30, 0, 500_000, 0, -30, -4_000_000), "EPSG:32619"),
    "mercator": grid((100, 100), (400_000, 0, -20_037_508, 0, -400_000, 20_037_508), "EPSG:3857"),
    "north pole": grid((75, 75), (100_000, 0, -3_750_000, 0, -100_000, 3_750_000), "EPSG:3413"),
    "south pole": grid((75, 75), (100_000, 0, -3_750_000, 0, -100_000, 3_750_000), "EPSG:3031"),
    "EASE": grid((73, 173), (200_000, 0, -17_367_530, 0, -200_000, 7_314_540), "EPSG:6933"),
    "EASE north": grid((90, 90), (200_000, 0, -9_000_000, 0, -200_000, 9_000_000), "EPSG:6931"),
    "sinusoidal": grid((90, 180), (222_390, 0, -20_015_109, 0, -222_390, 10_007_554), "+proj=sinu +R=6371007.181"),
    "geostationary": grid((100, 100), (110_000, 0, -5_500_000, 0, -110_000, 5_500_000), "+proj=geos +h=35785831"),
    "Mollweide": grid((90, 180), (200_000, 0, -18_000_000, 0, -200_000, 9_000_000), "+proj=moll +ellps=WGS84"),
    "Lambert": grid(
        (60, 80), (80_000, 0, -3_200_000, 0, -80_000, 2_400_000), "+proj=lcc +lat_1=33 +lat_2=45 +lat_0=40 +lon_0=-97"
    ),
}


def point_by_point(source, target):
    """(column, row, whether it is on the source) of the centre of each target pixel, by pyproj."""
    height, width = source.shape
    x, y = np.meshgrid(np.arange(target.shape[1]) + 0.5, np.arange(target.shape[0]) + 0.5)
    x, y = target.affine.a * x + target.affine.c, target.affine.e * y + target.affine.f
    if source.crs != target.crs:
        x, y = Transformer.from_crs(target.crs.proj, source.crs.proj, always_xy=True).transform(x, y)
    inverse = ~source.affine
    with np.errstate(all="ignore"):
        u, v = inverse.a * x + inverse.c, inverse.e * y + inverse.f
        if source.crs.geographic:
            turn = 360 / source.affine.a
            start = 0 if width >= turn else (width - turn) / 2
            u = u - np.floor((u - start) / turn) * turn
    inside = np.isfinite(u) & np.isfinite(v) & (u >= 0) & (u < width) & (v >= 0) & (v < height)
    return u, v, inside


PAIRS = [
    pytest.param(source, target, marks=() if number % 7 == 3 else pytest.mark.deep)
    for number, (source, target) in enumerate(itertools.permutations(GRIDS, 2))
]


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_pixels_are_those_of_pyproj_point_by_point_whatever_the_chunks(source, target):
    source, target = GRIDS[source], GRIDS[target]
    u, v, inside = point_by_point(source, target)
    numbers = np.arange(source.shape[0] * source.shape[1], dtype="int32").reshape(source.shape)
    u, v = np.where(inside, u, 0.5), np.where(inside, v, 0.5)
    at_edge = inside & ((abs(u - np.rint(u)) < 1e-3) | (abs(v - np.rint(v)) < 1e-3))
    right = numbers[v.astype(int), u.astype(int)]
    found = []
    for chunks in (None, 64, 37):
        array = numbers if chunks is None else da.from_array(numbers, chunks=chunks)
        image = Image([array, array.astype("float32")], geobox=source, bandinfo={"band_1": {"kind": "class"}})
        moved, notes = put_on_grid(image, target_grid(target))
        assert bool(notes and "centre on the image" in notes[0]) == (not inside.any())
        moved = moved.compute()
        assert np.array_equal(moved.mask[0] | at_edge, ~inside | at_edge)
        kept = inside & ~at_edge
        assert np.array_equal(moved.band("band_1")[kept], right[kept])
        assert not (moved.mask[1] & kept).any()
        found.append(moved)
    assert all(found[0].identical(other) for other in found[1:])


@pytest.mark.slow
@pytest.mark.parametrize("how", ["nearest", "bilinear", "cubic", "lanczos", "average", "mode", "max", "med"])
def test_a_target_larger_than_a_block_is_seamless(how):
    source = grid((700, 2500), (10, 0, 500_000, 0, -10, 5_300_000), "EPSG:32632")
    target = grid((600, 2300), (10, 0, 60_000, 0, -10, 5_310_000), "EPSG:32633")
    rows, columns = np.indices(source.shape)
    plane = (rows * 0.5 + columns * 0.25).astype("float32")
    moved = put_on(Image(plane, geobox=source), target, how).compute()
    u, v, inside = point_by_point(source, target)
    assert (moved.mask[0] != ~inside).sum() <= 4 * 2300
    valid = inside & ~moved.mask[0]
    expected = (v - 0.5) * 0.5 + (u - 0.5) * 0.25
    near_edge = (u < 4) | (u > 2496) | (v < 4) | (v > 696)
    assert np.abs(moved.band("band_1") - expected)[valid & ~near_edge].max() < 0.8


def test_gdal_and_numpy_interpolate_alike():
    """A mask anywhere in a window makes numpy interpolate what GDAL does otherwise."""
    pixels = np.random.default_rng(0).integers(0, 60_000, (400, 400), dtype="uint16")
    source = grid((400, 400), (10, 0, 500_000, 0, -10, 5_300_000), "EPSG:32632")
    target = target_grid(("EPSG:32633", 10)).geobox_for(Image(pixels, geobox=source))
    hole = np.zeros((400, 400), bool)
    hole[0, 0] = True
    one = put_on(Image(pixels, geobox=source), target).compute()
    other = put_on(Image(pixels, geobox=source, mask=hole), target).compute()
    valid = ~one.mask[0] & ~other.mask[0]
    difference = one.band("band_1")[valid].astype(int) - other.band("band_1")[valid]
    assert valid.sum() > 1000
    assert np.percentile(np.abs(difference), 99) < 60_000 * 0.02


def test_the_resampling_is_named_right_or_refused():
    image = Image(np.zeros((100, 120)), geobox=SOURCE)
    with pytest.raises(RequestError, match=r"resampling: unknown resampling 'bilinaer'; did you mean 'bilinear'\?"):
        put_on(image, FINER, "bilinaer")
    with pytest.raises(RequestError, match="resampling: there is no 'sum': take \"average\" of amounts per area"):
        put_on(image, FINER, "sum")


def test_notes_tell_of_far_grids_and_of_coarse_ones():
    image = Image(np.zeros((100, 120)), geobox=SOURCE)
    _, notes = put_on_grid(image, target_grid(grid((10, 10), (30, 0, 500_000, 0, -30, 1_000_000), "EPSG:32614")))
    assert notes == ["no pixel of geobox= has its centre on the image: all are masked"]
    _, notes = put_on_grid(image, target_grid(grid((10, 10), (300, 0, 400_000, 0, -300, 4_000_000), "EPSG:32613")))
    assert 'resampling="average"' in notes[0]


def test_a_crs_and_a_resolution_make_a_grid():
    image = Image(np.ones((100, 120)), geobox=SOURCE)
    moved = put_on(image, ("EPSG:4326", 0.001)).compute()
    assert moved.geobox.crs == "EPSG:4326"
    assert moved.geobox.affine.a == 0.001
    assert (~moved.mask[0]).mean() > 0.9
    with pytest.raises(RequestError, match=r"geobox\[0\]: expected a CRS"):
        put_on(image, ("nowhere", 10))


def test_the_grid_of_an_image_an_xarray_object_and_a_file_will_do(tmp_path):
    image = Image(np.ones((100, 120)), geobox=SOURCE)
    finer = Image(np.zeros((200, 200), "uint8"), geobox=FINER)
    assert put_on(image, finer).geobox == FINER
    assert put_on(image, finer.to_xarray()).geobox == FINER
    path = tmp_path / "a.tif"
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=200,
        height=200,
        count=1,
        dtype="uint8",
        crs="EPSG:32613",
        transform=FINER.affine,
    ) as file:
        file.write(np.zeros((1, 200, 200), "uint8"))
        with pytest.raises(RequestError, match="resampling"):
            put_on(image, finer, 7)
    with rasterio.open(path) as file:
        assert put_on(image, file).geobox == FINER


def test_celestial_bodies_do_not_mix():
    mars = Image(np.ones((9, 18)), geobox=grid((9, 18), (10, 0, -90, 0, -10, 45), "IAU_2015:49900"))
    with pytest.raises(RequestError, match="geobox: there is no transformation"):
        put_on(mars, FINER)
