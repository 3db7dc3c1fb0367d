"""Tiles: keys, grids, and every tile that meets a shape."""

import numpy as np
import pytest
import shapely
from bourn.errors import RequestError
from bourn.image import tiles
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.gridspec import GridSpec
from odc.geo.types import xy_
from pyproj import Transformer

pytestmark = pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")


def test_the_key_of_a_point():
    assert tiles.from_latlon(35.6870, -105.9378, 10, 1024, 0).key == "1024:0:10.0:13:-9:385"


@settings(max_examples=100, deadline=None)
@given(lat=st.floats(-90, 90), lon=st.floats(-180, 180), tilesize=st.integers(1, 5000), pad=st.integers(0, 50),
       resolution=st.floats(0.1, 1000))  # fmt: skip
def test_a_key_says_all_of_a_tile(lat, lon, tilesize, pad, resolution):
    tile = tiles.from_latlon(lat, lon, resolution, tilesize, pad)
    assert tiles.from_key(tile.key) == tile


@pytest.mark.parametrize(
    ("lat", "lon", "zone"), [(0, -180, 1), (0, 180, 60), (60, 5, 31), (78, 10, 32), (0, -174, 2), (-33.9, 18.4, 34)]
)
def test_zones_have_no_exceptions(lat, lon, zone):
    tile = tiles.from_latlon(lat, lon, 10, 1000, 0)
    assert tile.zone == zone
    assert (tile.row < 0) == (lat < 0)
    assert tile.geobox.crs.epsg == 32600 + zone


def test_the_grid_is_odc_geos_with_padding():
    tile = tiles.from_key("1024:5:10.0:13:-9:385")
    spec = GridSpec("EPSG:32613", (1024, 1024), resolution=10, origin=xy_(500_000, 0))
    assert tile.geobox == spec[-9, 385].pad(5)
    west, south, east, north = tile.geometry.boundingbox.bbox
    assert west < -105.9378 < east
    assert south < 35.6870 < north


def test_a_tile_across_the_antimeridian_has_two_parts():
    tile = tiles.from_latlon(10, 179.9999, 100, 1024, 0)
    assert tile.geometry.geom.geom_type == "MultiPolygon"
    west, _, east, _ = tile.geometry.boundingbox.bbox
    assert (west, east) == (-180, 180)
    assert 0.5 < tile.geometry.geom.area < 2


@pytest.mark.parametrize(
    "key",
    [
        "",
        "1024:0:10.0:13:-9",
        "1024:0:10.0:61:0:0",
        "0:0:10:13:0:0",
        "1:0:0:13:0:0",
        "1024:0:1e999:13:0:0",
        7,
        "1:0:1:13:٣:0",
    ],
)
def test_what_is_no_key_is_refused(key):
    with pytest.raises(RequestError):
        tiles.from_key(key)


def test_every_problem_is_reported():
    with pytest.raises(RequestError) as caught:
        tiles.from_latlon(91, "x", 0, 0.5, -1)
    assert [tuple(problem) for problem in caught.value.problems] == [
        ("lat", "expected degrees from -90 to 90, got 91"),
        ("lon", "expected degrees from -180 to 180, got 'x'"),
        ("resolution", "expected metres a pixel, more than 0, got 0"),
        ("tilesize", "expected a number of pixels, 1 or more, got 0.5"),
        ("pad", "expected a number of pixels, 0 or more, got -1"),
    ]


@pytest.mark.parametrize("shape", [None, {}, {"type": "Polygon"}, shapely.Point(), shapely.box(170, 0, 190, 1), 5])
def test_what_is_no_shape_on_earth_is_refused(shape):
    with pytest.raises(RequestError, match="shape"):
        tiles.from_shape(shape, 10, 1024, 0)


@settings(max_examples=25, deadline=None)
@given(west=st.floats(-179, 170), south=st.floats(-80, 75), width=st.floats(0.01, 8), height=st.floats(0.01, 3))
def test_every_tile_of_a_point_inside_is_found(west, south, width, height):
    shape = shapely.box(west, south, west + width, south + height)
    found = {tile.key for tile in tiles.from_shape(shape, 60, 1024, 0)}
    for x, y in np.random.default_rng(0).random((20, 2)):
        assert tiles.from_latlon(south + y * height, west + x * width, 60, 1024, 0).key in found


def test_shapes_come_in_many_forms():
    box = shapely.box(-105.95, 35.6, -105.9, 35.7)
    expected = [tile.key for tile in tiles.from_shape(box, 10, 1024, 0)]
    assert expected == [
        "1024:0:10.0:13:-9:384",
        "1024:0:10.0:13:-8:384",
        "1024:0:10.0:13:-9:385",
        "1024:0:10.0:13:-8:385",
    ]
    mapping = shapely.geometry.mapping(box)
    feature = {"type": "Feature", "geometry": mapping, "properties": {}}
    for shape in (mapping, feature, {"type": "FeatureCollection", "features": [feature, feature]}):
        assert [tile.key for tile in tiles.from_shape(shape, 10, 1024, 0)] == expected


def test_an_area_that_only_touches_a_zone_is_not_in_it():
    assert {tile.zone for tile in tiles.from_shape(shapely.box(-104, 10, -102, 11), 100, 1024, 0)} == {13}


def test_a_shape_within_a_hole_of_another_meets_only_its_own_tiles():
    ring = shapely.box(-106, 35, -104, 37).difference(shapely.box(-105.8, 35.2, -104.2, 36.8))
    keys = {tile.key for tile in tiles.from_shape(ring, 10, 512, 0)}
    assert tiles.from_latlon(36, -105, 10, 512, 0).key not in keys
    assert tiles.from_latlon(36, -105.9, 10, 512, 0).key in keys


POINTS = {
    "north": ((35.6870, -105.9378), "1024:0:10.0:13:-9:385"),
    "south": ((-16.5, -68.15), "1024:0:10.0:19:8:-179"),
    "origin": ((0.0, 0.0), "1024:0:10.0:31:-33:0"),
    "just south of the equator": ((-1e-9, 3.0), "1024:0:10.0:31:0:-1"),
    "on a zone's border": ((45.0, 12.0), "1024:0:10.0:33:-24:487"),
    "west of a zone's border": ((45.0, 12.0 - 1e-9), "1024:0:10.0:32:23:487"),
    "on a central meridian": ((45.0, 9.0), "1024:0:10.0:32:0:486"),
    "west of a central meridian": ((45.0, 9.0 - 1e-9), "1024:0:10.0:32:-1:486"),
    "Norway, in no zone of its own": ((60.0, 4.0), "1024:0:10.0:31:5:649"),
    "Svalbard": ((78.0, 10.0), "1024:0:10.0:32:2:845"),
    "the antimeridian from the west": ((10.0, 180.0), "1024:0:10.0:60:32:108"),
    "the antimeridian from the east": ((10.0, -180.0), "1024:0:10.0:01:-33:108"),
    "north pole": ((90.0, 0.0), "1024:0:10.0:31:0:976"),
    "south pole": ((-90.0, 179.0), "1024:0:10.0:60:0:-977"),
}


@pytest.mark.parametrize("name", POINTS)
def test_the_tile_of_a_point_anywhere(name):
    """Both hemispheres, both sides of borders; and the tile holds the point."""
    (lat, lon), key = POINTS[name]
    tile = tiles.from_latlon(lat, lon, 10, 1024, 0)
    assert key == tile.key
    x, y = Transformer.from_crs(4326, 32600 + tile.zone, always_xy=True).transform(lon, lat)
    west, south, east, north = tile.bounds
    assert west - 1e-3 <= x <= east + 1e-3
    assert south - 1e-3 <= y <= north + 1e-3


@pytest.mark.parametrize(
    "key",
    [
        "1024:0:10.0:13:-9:385",
        "1024:0:10.0:19:8:-179",
        "512:16:20.0:31:0:0",
        "256:0:60.0:60:-2:-3",
        "64:0:1.5:05:-1:2000",
        "1024:0:10.0:33:5:800",
        "100:5:30.0:01:10:-2500",
    ],
)
def test_a_tiles_own_area_meets_it_and_its_eight_neighbours(key):
    """Touching counts."""
    tile = tiles.from_key(key)
    found = tiles.from_shape(tile.geometry, tile.resolution, tile.tilesize, tile.pad)
    around = {(tile.column + right, tile.row + up) for right in (-1, 0, 1) for up in (-1, 0, 1)}
    assert {(each.column, each.row) for each in found} == around
    assert {each.zone for each in found} == {tile.zone}


def test_the_parts_of_a_multipolygon_on_both_sides_of_a_border():
    west, east = shapely.box(11.5, 45, 11.6, 45.1), shapely.box(12.5, -0.1, 12.6, 0.1)
    both = {tile.key for tile in tiles.from_shape(shapely.MultiPolygon([west, east]), 10, 1024, 0)}
    alone = [{tile.key for tile in tiles.from_shape(part, 10, 1024, 0)} for part in (west, east)]
    assert both == alone[0] | alone[1]
    assert {key.split(":")[3] for key in both} == {"32", "33"}
    assert {int(key.split(":")[5]) < 0 for key in alone[1]} == {True, False}
