"""GeoJSON: its bytes are read by Python's json and shapely; rings and CRS are those of RFC 7946."""

import json

import geopandas as gpd
import pytest
import shapely
from bourn.errors import EncodeError
from bourn.testing import FormatContract, session_with
from bourn.testing.samples import GeoObject
from bourn_formats.geojson import GeoJSON


class TestGeoJSON(FormatContract):
    format = GeoJSON

    def read_back(self, data, kind, result):
        assert json.loads(data) == json.loads(json.dumps(result.__geo_interface__))


@pytest.fixture(scope="module")
def session():
    with session_with(formats={"geojson": GeoJSON}) as session:
        yield session


def test_a_frame_is_in_longitude_and_latitude_with_rings_in_order(session):
    clockwise = shapely.Polygon([(500000, 0), (500000, 1000), (501000, 1000), (501000, 0)])
    frame = gpd.GeoDataFrame({"n": [1, 2]}, geometry=[clockwise, None], crs=32633)
    job = session.compute(frame, format="geojson", block=False).wait()
    read = json.loads(job.result())
    assert [feature["properties"] for feature in read["features"]] == [{"n": 1}, {"n": 2}]
    polygon = shapely.geometry.shape(read["features"][0]["geometry"])
    assert polygon.exterior.is_ccw
    assert polygon.bounds == pytest.approx((15, 0, 15.009, 0.009), abs=1e-3)
    assert (job.report["encode"]["winding"], job.report["encode"]["crs"]) == (1, 1)
    assert not frame.geometry[0].exterior.is_ccw


def test_a_series_and_a_geometry(session):
    hole = shapely.box(0, 0, 9, 9, ccw=False).difference(shapely.box(1, 1, 2, 2))
    read = json.loads(session.compute(gpd.GeoSeries([hole]), format="geojson"))
    (feature,) = read["features"]
    exterior, interior = map(shapely.LinearRing, feature["geometry"]["coordinates"])
    assert exterior.is_ccw
    assert not interior.is_ccw
    assert json.loads(session.compute(shapely.Point(1, 2), format="geojson"))["type"] == "Point"


def test_what_is_no_geojson(session):
    with pytest.raises(EncodeError, match="expected a type of GeoJSON, such as 'FeatureCollection', got 'Blob'"):
        session.compute(GeoObject({"type": "Blob"}), format="geojson")
