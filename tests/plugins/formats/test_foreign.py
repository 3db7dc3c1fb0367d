"""Tables and features of other libraries: back as they were from pyarrow, and as what others know from the rest."""

import io
import json
import math
import struct

import geopandas as gpd
import msgpack
import numpy as np
import odc.geo.geom
import pandas as pd
import pyarrow as pa
import pytest
import shapely
from bourn.plugin import EncodeError, NoOptions
from bourn_formats.json import JSON
from bourn_formats.json import Options as JSONOptions
from bourn_formats.msgpack import MsgPack
from bourn_formats.pyarrow import Options, PyArrow
from hypothesis import given, settings
from hypothesis import strategies as st


def through_pyarrow(obj):
    sink = io.BytesIO()
    report = PyArrow().encode(obj, Options(), sink)
    sink.seek(0)
    return PyArrow().decode(sink, Options()), report


def through_json(obj):
    sink = io.BytesIO()
    report = dict(JSON().encode(obj, JSONOptions(), sink))
    report.pop("first", None)
    return json.loads(sink.getvalue()), report


def through_msgpack(obj):
    sink = io.BytesIO()
    report = dict(MsgPack().encode(obj, NoOptions(), sink))
    report.pop("first", None)
    return msgpack.unpackb(sink.getvalue()), report


PLAIN = [through_json, through_msgpack]


class Frame:
    """A table of some other library, such as polars."""

    def __init__(self, held):
        self.held = held

    def __arrow_c_stream__(self, requested_schema=None):
        return self.held.__arrow_c_stream__(requested_schema)


class Broken:
    def __arrow_c_stream__(self, requested_schema=None):
        msg = "secret"
        raise RuntimeError(msg)


class Lost:
    @property
    def __geo_interface__(self):
        msg = "secret"
        raise RuntimeError(msg)


TABLE = pa.table({"a": [1, None], "s": ["x", "y"]})


def test_a_table_of_another_library_comes_back_as_that_of_pyarrow():
    for obj, expected in [(Frame(TABLE), TABLE), (Frame(TABLE["a"]), TABLE["a"])]:
        back, report = through_pyarrow(obj)
        assert expected.equals(back)
        assert report == {"arrow": 1}
        assert expected.equals(through_pyarrow([obj])[0][0])


def test_a_table_of_another_library_is_written_with_its_own_columns():
    sink = io.BytesIO()
    PyArrow().encode(Frame(TABLE), Options(), sink)
    assert pa.ipc.open_stream(sink.getvalue()).read_all().equals(TABLE)


@pytest.mark.parametrize("through", PLAIN)
def test_a_table_of_another_library_is_records(through):
    assert through(Frame(TABLE)) == ([{"a": 1, "s": "x"}, {"a": None, "s": "y"}], {})
    assert through([Frame(TABLE["s"])]) == ([["x", "y"]], {})


@pytest.mark.parametrize("through", [*PLAIN, through_pyarrow])
def test_what_third_party_code_raises_is_refused_with_its_path(through):
    for obj, protocol in [(Broken(), "__arrow_c_stream__"), (Lost(), "__geo_interface__")]:
        with pytest.raises(EncodeError) as caught:
            through({"a": [obj]})
        message = str(caught.value)
        assert message.startswith(
            f'result["a"][0]: an object of type {__name__}.{type(obj).__name__}, whose {protocol} '
        )
        assert "raises RuntimeError, can't be written as" in message
        assert "secret" not in message
        with pytest.raises(EncodeError):
            through(obj)


SHAPES = [
    "POINT (1 2)", "POINT Z (1 2 3)", "POINT M (1 2 3)", "POINT EMPTY", "LINESTRING (0 0, 1 1)",
    "LINEARRING (0 0, 1 1, 1 0, 0 0)",
    "POLYGON ((0 0, 4 0, 4 4, 0 0), (1 0.5, 2 0.5, 2 1, 1 0.5))", "MULTIPOINT (0 0, 1 1)",
    "MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)), ((5 5, 6 5, 6 6, 5 5)))",
    "GEOMETRYCOLLECTION (POINT (1 2), LINESTRING (0 0, 1 1))",
]  # fmt: skip


@pytest.mark.parametrize("text", SHAPES)
def test_geometries_come_back(text):
    shape = shapely.from_wkt(text)
    back, report = through_pyarrow({"a": [shape]})
    assert type(back["a"][0]) is type(shape)
    assert shapely.equals_identical(shape, back["a"][0])
    assert report == {}


numbers = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(st.tuples(numbers, numbers, numbers), min_size=2, max_size=8))
@settings(max_examples=50, deadline=None)
def test_coordinates_come_back_to_the_bit(points):
    back, _ = through_pyarrow(shapely.LineString(points))
    assert [struct.pack("3d", *point) for point in points] == [struct.pack("3d", *point) for point in back.coords]


@pytest.mark.parametrize("crs", ["EPSG:32613", None, "+proj=laea +lat_0=10 +lon_0=20 +ellps=GRS80"])
def test_geometries_of_odc_geo_come_back(crs):
    shape = odc.geo.geom.box(5e5, 4e6, 5.1e5, 4.1e6, crs)
    back, report = through_pyarrow(shape)
    assert (back, back.crs, report) == (shape, shape.crs, {})


def frame(crs="EPSG:32613"):
    return gpd.GeoDataFrame(
        {"n": [1, 2], "s": ["x", None], "f": [1.5, math.nan]},
        geometry=[shapely.Point(5e5, 4e6), None], crs=crs, index=pd.Index(["p", "q"], name="k"),
    )  # fmt: skip


@pytest.mark.parametrize("crs", ["EPSG:32613", None, "+proj=laea +lat_0=10 +lon_0=20 +ellps=GRS80"])
def test_frames_of_geopandas_come_back(crs):
    given_frame = frame(crs)
    given_frame["second"] = gpd.GeoSeries([shapely.Point(1, 2)] * 2, given_frame.index, crs="EPSG:4326")
    given_frame.attrs = {"source": "s"}
    for obj in (
        given_frame,
        given_frame.set_geometry("second"),
        gpd.GeoDataFrame(given_frame[["n", "s"]]),
    ):
        back, report = through_pyarrow(obj)
        assert type(back) is type(obj)
        assert list(back.columns) == list(obj.columns)
        assert back.attrs == obj.attrs
        assert report == {}
        assert back.active_geometry_name == obj.active_geometry_name
        pd.testing.assert_frame_equal(pd.DataFrame(obj.to_wkb()), pd.DataFrame(back.to_wkb()))
        assert [back[label].crs for label in ("geometry", "second") if label in obj] == [
            obj[label].crs for label in ("geometry", "second") if label in obj
        ]
    series, _ = through_pyarrow([given_frame.geometry])
    assert type(series[0]) is gpd.GeoSeries
    assert (series[0].crs, series[0].name) == (given_frame.crs, "geometry")
    assert series[0].index.equals(given_frame.index)
    assert series[0].geom_equals(given_frame.geometry).tolist() == [True, False]  # None equals nothing


def test_what_a_geopandas_frame_has_besides():
    given_frame = frame()
    given_frame.attrs = {"a": [1]}
    given_frame.flags.allows_duplicate_labels = False
    back, _ = through_pyarrow(given_frame)
    assert (back.attrs, back.flags) == (given_frame.attrs, given_frame.flags)
    series = given_frame.geometry
    series.attrs = {"b": (1, 2)}
    assert through_pyarrow([series])[0][0].attrs == series.attrs


@pytest.mark.parametrize("through", [*PLAIN, through_pyarrow])
def test_attributes_are_never_copied(through):
    """pandas makes a deep copy of them at every turn, which may be anything's own code."""

    class Own:
        def __deepcopy__(self, memo):
            msg = "secret"
            raise RuntimeError(msg)

    for obj in (frame(), pd.DataFrame({"a": [1], "b": ["x"]}), pd.Series([1]), frame().geometry):
        obj.attrs[1] = Own()
        if through is through_pyarrow:
            with pytest.raises(EncodeError, match=r"result\.attrs\[1\]: an object of type .*\.Own can't be written"):
                through(obj)
        else:
            assert through(obj)


@pytest.mark.parametrize("through", PLAIN)
def test_geojson_is_on_wgs84(through):
    """RFC 7946, section 4; what is changed is counted."""
    read, report = through(frame())
    point, nothing = read["features"]
    assert np.allclose(point["geometry"]["coordinates"], [-105.0, 36.14471809881776], rtol=1e-12)
    assert nothing["geometry"] is None
    assert point["properties"] == {"n": 1, "s": "x", "f": 1.5}
    number = nothing["properties"].pop("f")
    assert nothing["properties"] == {"n": 2, "s": None}
    assert {key: report[key] for key in ("geojson", "crs", "missing")} == {"geojson": 1, "crs": 1, "missing": 1}
    assert (number is None and report["nan"] == 1) if through is through_json else math.isnan(number)
    for obj in (frame().geometry, odc.geo.geom.point(5e5, 4e6, "EPSG:32613")):
        read, report = through(obj)
        geometry = read["features"][0]["geometry"] if "features" in read else read
        assert np.allclose(geometry["coordinates"], [-105.0, 36.14471809881776], rtol=1e-12)
        assert report["crs"] == 1
    for obj in (frame(None), frame(None).geometry, odc.geo.geom.point(1, 2, "EPSG:4326"), shapely.Point(1, 2)):
        assert "crs" not in through(obj)[1]


@pytest.mark.parametrize("through", PLAIN)
def test_every_column_of_geometries_is_on_wgs84(through):
    given_frame = frame()
    given_frame["second"] = given_frame.geometry
    read, report = through(given_frame)
    assert np.allclose(
        read["features"][0]["properties"]["second"]["coordinates"], [-105.0, 36.14471809881776], rtol=1e-12
    )
    assert report["crs"] == 2


def test_a_linear_ring_is_a_line_string_in_geojson():
    ring = shapely.LinearRing([(0, 0), (1, 0), (1, 1)])
    for obj in (ring, {"type": "unrelated", "in": ring}, gpd.GeoSeries([ring])):
        data, report = through_json(obj)
        assert b"LinearRing" not in data if isinstance(data, bytes) else "LinearRing" not in str(data)
        assert report["ring"] == 1


def test_geometries_without_a_way_to_longitude_and_latitude_are_refused_with_their_path():
    local = gpd.GeoSeries([shapely.Point(1, 2)], crs='LOCAL_CS["site",UNIT["metre",1]]')
    for obj in (local, gpd.GeoDataFrame({"a": [1]})):
        with pytest.raises(EncodeError, match=r'^result\["in"\]: a .* can\'t be written as json'):
            through_json({"in": obj})


@pytest.mark.parametrize("through", PLAIN)
def test_a_geometry_across_the_antimeridian_is_cut_there(through):
    """RFC 7946, section 3.1.9; one that is as wide as the globe is left whole."""
    tile = shapely.box(7e5, 0, 9e5, 1e5)  # 200 km wide, in the last zone of UTM
    world = shapely.box(-2e7, -1e6, 2e7, 1e6)
    line = shapely.LineString([(7e5, 0), (9e5, 1e5)])
    points = shapely.MultiPoint([(7e5, 0), (9e5, 1e5)])
    for shapes, crs, cut in (([tile, line], 32660, 2), ([world], 3857, 0), ([points], 32660, 0)):
        read, report = through(gpd.GeoSeries(shapes, crs=crs))
        assert report.get("antimeridian", 0) == cut
        for feature in read["features"]:
            shape = shapely.geometry.shape(feature["geometry"])
            if cut:
                assert shape.geom_type.startswith("Multi")
                assert sum(part.bounds[2] - part.bounds[0] for part in shape.geoms) < 2
    read, report = through(odc.geo.geom.Geometry(tile, 32660))
    assert (read["type"], report["antimeridian"]) == ("MultiPolygon", 1)


@pytest.mark.parametrize("through", PLAIN)
@pytest.mark.parametrize(
    ("text", "left"),
    [("POINT M (1 2 3)", [1, 2]), ("POINT ZM (1 2 3 4)", [1, 2, 3]), ("POINT Z (1 2 3)", [1, 2, 3])],
)
def test_the_measure_of_a_point_is_no_altitude(through, text, left):
    """RFC 7946, section 3.1.1."""
    point = shapely.from_wkt(text)
    measured = int("M" in text)
    for obj, read_from in (
        (point, lambda read: read),
        (gpd.GeoSeries([point], crs=4326), lambda read: read["features"][0]["geometry"]),
        (gpd.GeoDataFrame({"a": [1]}, geometry=[point], crs=4326), lambda read: read["features"][0]["geometry"]),
    ):
        read, report = through(obj)
        assert read_from(read)["coordinates"] == left
        assert report.get("measure", 0) == measured


@pytest.mark.parametrize("through", PLAIN)
def test_a_geometry_beyond_its_crs_is_refused_with_its_path(through):
    """Its coordinates would be null, which no reader takes."""
    beyond = gpd.GeoSeries([shapely.Point(1e9, 1e9)], crs=32660)
    for obj in (beyond, shapely.Point(float("inf"), 0), gpd.GeoDataFrame({"a": [1]}, geometry=beyond)):
        with pytest.raises(EncodeError, match=r'^result\["in"\]: a geometry whose coordinates are not all finite'):
            through({"in": obj})
