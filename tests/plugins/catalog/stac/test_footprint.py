"""Where images lie on the globe: at the antimeridian, around the poles, rotated, off it."""

import math

import numpy as np
import pytest
import shapely
from affine import Affine
from bourn_catalog.model.search_query import split_at_antimeridian
from bourn_catalog.stac.footprint import NotOnEarth, footprint
from pyproj import CRS, Transformer
from shapely.geometry import Point, shape


def on_globe(crs, x, y):
    lon, lat = Transformer.from_crs(crs, "OGC:CRS84", always_xy=True).transform(x, y)
    return Point((lon + 180) % 360 - 180, lat)


GRIDS = {
    "utm": ((100, 200), Affine(10, 0, 500_000, 0, -10, 4_000_000), 32613),
    "utm across the antimeridian": ((1000, 1000), Affine(100, 0, 750_000, 0, -100, 1_000_000), 32660),
    "utm south": ((100, 100), Affine(10, 0, 500_000, 0, -10, -4_000_000), 32613),
    "rotated": (
        (100, 200),
        Affine.translation(500_000, 4_000_000) @ Affine.rotation(30) @ Affine.scale(10, -10),
        32613,
    ),
    "south up": ((100, 200), Affine(10, 0, 500_000, 0, 10, 4_000_000), 32613),
    "lonlat across the antimeridian": ((20, 40), Affine(0.5, 0, 170, 0, -0.5, 5), 4326),
    "lonlat": ((20, 40), Affine(0.5, 0, 10, 0, -0.5, 5), 4326),
    "north pole": ((100, 100), Affine(10_000, 0, -500_000, 0, -10_000, 500_000), 3413),
    "south pole": ((100, 100), Affine(10_000, 0, -400_000, 0, -10_000, 500_000), 3031),
    "south pole, rotated": ((100, 100), Affine.rotation(33) @ Affine(10_000, 0, -400_000, 0, -10_000, 500_000), 3031),
    "beside the north pole": ((100, 100), Affine(10_000, 0, 100_000, 0, -10_000, 500_000), 3413),
    "a corner at the pole": ((50, 50), Affine(10_000, 0, 0, 0, -10_000, 500_000), 3413),
    "mercator across the antimeridian": ((100, 100), Affine(1000, 0, 19_990_000, 0, -1000, 50_000), 3857),
}


@pytest.mark.parametrize("name", GRIDS)
def test_every_pixel_lies_in_the_footprint_and_nothing_beside_the_grid_does(name):
    size, transform, code = GRIDS[name]
    crs = CRS(code)
    found = footprint(size, transform, crs)
    area = shape(found.geometry)
    assert area.is_valid
    assert all(
        -180 <= x <= 180 and -90 <= y <= 90 for part in getattr(area, "geoms", [area]) for x, y in part.exterior.coords
    )
    for row in (0.03, 0.3, 0.5, 0.71, 0.97):
        for column in (0.03, 0.3, 0.5, 0.71, 0.97):
            assert area.intersects(on_globe(crs, *(transform * (column * size[1], row * size[0])))), (row, column)
    for row, column in ((-0.1, 0.5), (1.1, 0.5), (0.5, -0.1), (0.5, 1.1)):
        assert not area.contains(on_globe(crs, *(transform * (column * size[1], row * size[0])))), (row, column)
    west, south, east, north = found.bbox
    assert south < north
    assert (west > east) == ("antimeridian" in name)


def test_a_grid_across_the_antimeridian_is_cut_there():
    found = footprint(*GRIDS["lonlat across the antimeridian"][:2], CRS(4326))
    assert found.geometry["type"] == "MultiPolygon"
    assert found.bbox == [170, -5, -170, 5]


@pytest.mark.parametrize(("name", "south", "north"), [("north pole", None, 90), ("south pole", -90, None)])
def test_a_grid_around_a_pole_reaches_to_it_all_around(name, south, north):
    size, transform, code = GRIDS[name]
    bbox = footprint(size, transform, CRS(code)).bbox
    assert (bbox[0], bbox[2]) == (-180, 180)
    assert south is None or bbox[1] == south
    assert north is None or bbox[3] == north


@pytest.mark.parametrize("west", [-180, 0, -90])
def test_once_round_the_globe_is_everything_between_its_latitudes(west):
    found = footprint((180, 360), Affine(1, 0, west, 0, -1, 90), CRS(4326))
    assert found.bbox == [-180, -90, 180, 90]
    assert shape(found.geometry).area == pytest.approx(360 * 180)


def test_longitudes_from_0_to_360_are_the_same_places():
    found = footprint((10, 20), Affine(1, 0, 200, 0, -1, 5), CRS(4326))
    assert found.bbox == [-160, -5, -140, 5]


def test_one_pixel_has_a_footprint():
    found = footprint((1, 1), Affine(10, 0, 500_000, 0, -10, 4_000_000), CRS(32613))
    assert shape(found.geometry).is_valid
    assert found.bbox[2] - found.bbox[0] == pytest.approx(10 / 111_320 / math.cos(math.radians(36.1)), rel=0.02)


def test_a_full_disk_whose_corners_lie_off_the_globe():
    crs = CRS.from_proj4("+proj=geos +h=35785831 +lon_0=140 +sweep=y")
    found = footprint((100, 100), Affine(110_000, 0, -5_500_000, 0, -110_000, 5_500_000), crs)
    area = shape(found.geometry)
    assert area.is_valid
    assert area.contains(Point(140, 0))
    assert area.contains(Point(-160, 0))
    assert not area.contains(Point(0, 0))


@pytest.mark.parametrize("lon_0", [0, 140, -75])
def test_a_full_disk_is_a_disk(lon_0):
    crs = CRS.from_proj4(f"+proj=geos +h=35785831 +lon_0={lon_0} +sweep=y")
    found = footprint((100, 100), Affine(110_000, 0, -5_500_000, 0, -110_000, 5_500_000), crs)
    area = shape(found.geometry)
    for lon, lat in [(0, 0), (75, 0), (-75, 0), (0, 75), (0, -75)]:
        assert area.contains(Point((lon_0 + lon + 180) % 360 - 180, lat)), (lon, lat)
    for lon, lat in [(83, 0), (75, 60), (-75, 60), (75, -60), (180, 0)]:
        assert not area.contains(Point((lon_0 + lon + 180) % 360 - 180, lat)), (lon, lat)


SINUSOIDAL = CRS.from_proj4("+proj=sinu +lon_0=0 +R=6371007.181 +units=m")
SIDE = 1111950.5196666666


@pytest.mark.parametrize(("h", "v"), [(11, 1), (24, 1), (1, 7), (34, 9), (18, 17), (17, 0), (14, 0), (18, 5)])
def test_a_tile_of_the_sinusoidal_grid_is_where_its_pixels_are(h, v):
    """Tiles at the edge of the world, whose outer pixels lie off it, among them."""
    to_globe = Transformer.from_crs(SINUSOIDAL, "OGC:CRS84", always_xy=True)
    grid = Affine(SIDE / 240, 0, (h - 18) * SIDE, 0, -SIDE / 240, (9 - v) * SIDE)
    area = shape(footprint((240, 240), grid, SINUSOIDAL).geometry)
    assert area.is_valid
    rows, columns = np.mgrid[0.5:240:3, 0.5:240:3]
    x, y = grid * (columns.ravel(), rows.ravel())
    lon, lat = to_globe.transform(x, y)
    back, _ = to_globe.transform(lon, lat, direction="INVERSE")
    there = np.abs(back - x) < 1
    assert shapely.covers(area.buffer(0.03), shapely.points(lon[there], lat[there])).all()
    west, south, east, north = area.bounds
    assert lon[there].min() - 3 <= west
    assert east <= lon[there].max() + 3
    assert lat[there].min() - 0.3 <= south
    assert north <= lat[there].max() + 0.3


def test_a_whole_sinusoidal_world_is_the_world():
    found = footprint((180, 360), Affine(SIDE / 10, 0, -18 * SIDE, 0, -SIDE / 10, 9 * SIDE), SINUSOIDAL)
    assert found.bbox == pytest.approx([-180, -90, 180, 90], abs=0.1)


@pytest.mark.parametrize("code", [32633, 3035, 3857, 4326])
def test_a_scene_has_few_points_and_each_is_half_a_pixel_from_the_edge_at_most(code):
    """Not the 257 that every edge was sampled with."""
    corner = Transformer.from_crs(4326, code, always_xy=True).transform(15, 50)
    pixel = 0.0001 if code == 4326 else 10
    grid = Affine(pixel, 0, corner[0], 0, -pixel, corner[1])
    area = shape(footprint((10_980, 10_980), grid, CRS(code)).geometry)
    assert 5 <= len(area.exterior.coords) <= 40
    to_globe = Transformer.from_crs(code, "OGC:CRS84", always_xy=True)
    for share in np.linspace(0, 1, 50):
        x, y = grid * (share * 10_980, 0)
        assert area.exterior.distance(Point(to_globe.transform(x, y))) < 0.6 * 10 / 111_320


@pytest.mark.parametrize("crs", ["IAU_2015:49900", 'LOCAL_CS["Site",LOCAL_DATUM["x",0],UNIT["metre",1]]', "EPSG:3855"])
def test_what_is_not_on_earth_has_no_footprint(crs):
    with pytest.raises(NotOnEarth, match="no relation to longitude and latitude"):
        footprint((2, 2), Affine(10, 0, 0, 0, -10, 0), CRS(crs))


def test_a_grid_off_the_globe_has_no_footprint():
    crs = CRS.from_proj4("+proj=geos +h=35785831 +lon_0=0 +sweep=y")
    with pytest.raises(NotOnEarth, match="no pixel"):
        footprint((2, 2), Affine(1000, 0, 9e6, 0, -1000, 9e6), crs)


def test_a_box_beyond_180_degrees_is_the_one_on_the_other_side():
    split = split_at_antimeridian(shapely.box(170, -10, 190, 10))
    assert split.contains(Point(175, 0))
    assert split.contains(Point(-175, 0))
    assert not split.contains(Point(0, 0))
    assert split_at_antimeridian(shapely.box(185, 0, 190, 5)).bounds == (-175, 0, -170, 5)
    assert split_at_antimeridian(shapely.box(-200, -90, 200, 90)).bounds == (-180, -90, 180, 90)
