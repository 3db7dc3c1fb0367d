"""Parquet keeps what every format should; its bytes are read by DuckDB and geopandas, which know nothing of us."""

import io
import json

import duckdb
import geopandas as gpd
import geopandas.testing
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from bourn.errors import EncodeError
from bourn.testing import FormatContract, session_with
from bourn_tables.parquet import Parquet


@pytest.fixture
def by_duckdb(tmp_path):
    """The rows of a file, as DuckDB reads them."""

    def read(data, what="*"):
        file = tmp_path / "read.parquet"
        file.write_bytes(data)
        with duckdb.connect() as connection:
            cursor = connection.execute(f"select {what} from read_parquet('{file}')")
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    return read


class TestParquet(FormatContract):
    format = Parquet
    big_bytes = 64_000_000  # a group of 65,536 rows costs 8 MB while its columns are put together, whatever the table

    @pytest.fixture(autouse=True)
    def _read(self, by_duckdb):
        self.by_duckdb = by_duckdb

    def read_back(self, data, kind, result):
        if kind == "table":
            assert self.by_duckdb(data) == pa.table(result).to_pylist()
            return
        features = result.__geo_interface__["features"]
        rows = self.by_duckdb(data, "* exclude (geometry, bbox)")
        assert [{name: row[name] for name in row} for row in rows] == [feature["properties"] for feature in features]
        read = gpd.read_parquet(io.BytesIO(data))
        assert read.geometry.tolist() == [shapely.geometry.shape(feature["geometry"]) for feature in features]


class TestParquetInSmallGroups(TestParquet):
    unstreamed = "it is streamed in groups of 65,536 rows, by the class above; groups of two take a minute"

    @pytest.fixture
    def options(self):
        return {"rows": 2, "compression": "snappy"}


@pytest.fixture
def written():
    """Writes a result in a whole job; gives the bytes."""
    with session_with(formats={"parquet": Parquet}) as session:
        yield lambda result, **options: session.compute(result, format={"type": "parquet", **options})


@pytest.fixture
def parks():
    geometry = [shapely.Point(1, 2, 3), None, shapely.box(0, 0, 5, 9)]
    columns = {"name": ["a", None, "c"], "geometry": geometry, "size": [1.5, 2, 3]}
    return gpd.GeoDataFrame(columns, index=pd.Index([5, 7, 9], name="number"), crs=32633)


@pytest.mark.parametrize("rows", [1, 2, 65_536])
def test_a_geodataframe_is_the_same_again(written, parks, rows):
    """Columns in their order, index, geometries with their height, coordinate system."""
    read = gpd.read_parquet(io.BytesIO(written(parks, rows=rows)))
    geopandas.testing.assert_geodataframe_equal(read, parks)


def test_what_is_said_of_the_geometries(written, parks):
    """GeoParquet 1.1: types, bounds over all groups, the coordinate system as PROJJSON."""
    metadata = json.loads(pq.read_metadata(io.BytesIO(written(parks, rows=1))).metadata[b"geo"])
    assert (metadata["version"], metadata["primary_column"]) == ("1.1.0", "geometry")
    column = metadata["columns"]["geometry"]
    assert (column["encoding"], column["geometry_types"]) == ("WKB", ["Point Z", "Polygon"])
    assert column["bbox"] == [0, 0, 5, 9]
    assert column["crs"]["id"] == {"authority": "EPSG", "code": 32633}


def test_two_columns_of_geometries(written, parks):
    parks["centre"] = parks.geometry.centroid.set_crs(32633)
    read = gpd.read_parquet(io.BytesIO(written(parks)))
    geopandas.testing.assert_geodataframe_equal(read, parks)


@pytest.mark.parametrize("crs", [None, 4326])
def test_no_coordinate_system_is_another_thing_than_longitude_and_latitude(written, crs):
    series = gpd.GeoSeries([shapely.Point(1, 2)], crs=crs)
    read = gpd.read_parquet(io.BytesIO(written(series)))
    assert read.crs == crs


class Described:
    __geo_interface__ = {}  # noqa: RUF012  # what it is looked up by, on the class

    def __init__(self, *features, **more):
        self.__geo_interface__ = {"type": "FeatureCollection", "features": list(features), **more}


def feature(properties, geometry=None, **more):
    return {"type": "Feature", "properties": properties, "geometry": geometry, **more}


def test_features_have_the_columns_of_all(written, by_duckdb):
    """Properties that some lack, null geometries, ids, nested values: in any order, over groups."""
    result = Described(
        feature({"a": 1}, {"type": "Point", "coordinates": [1, 2]}, id="x"),
        feature({"b": "two", "a": 2.5}),
        feature(None, {"type": "LineString", "coordinates": [[0, 0], [3, 4]]}, id=7),
        feature({"c": {"d": [1, 2]}, "id": 9}),
    )
    data = written(result, rows=1)
    assert by_duckdb(data, "* exclude (geometry, bbox)") == [
        {"a": 1.0, "b": None, "c": None, "id": None, "feature_id": "x"},
        {"a": 2.5, "b": "two", "c": None, "id": None, "feature_id": None},
        {"a": None, "b": None, "c": None, "id": None, "feature_id": "7"},
        {"a": None, "b": None, "c": {"d": [1, 2]}, "id": 9, "feature_id": None},
    ]
    read = gpd.read_parquet(io.BytesIO(data))
    assert read.geometry.tolist() == [shapely.Point(1, 2), None, shapely.LineString([(0, 0), (3, 4)]), None]
    assert read.crs == "OGC:CRS84"
    assert read.total_bounds.tolist() == [0, 0, 3, 4]


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (Described(feature({"a": 1}), feature({"a": "x"})), "properties['a']"),
        (Described(feature({"geometry": 1})), "a property can't be called 'geometry'"),
        (Described(feature({}, {"type": "Blob", "coordinates": []})), "result.features[0].geometry"),
        (Described(feature({}), feature({}, {"type": "Point"})), "result.features[1].geometry"),
        (pa.table([[1], [2]], names=["a", "a"]), "'a'"),
        (pd.DataFrame({"a": [1, "x"]}), "result: "),
        (pd.DataFrame({"a": [object()]}), "result: "),
        (pa.table({"a": pa.array([None], pa.month_day_nano_interval())}), "result: "),
    ],
)
def test_what_has_no_place_in_it(written, result, message):
    with pytest.raises(EncodeError) as caught:
        written(result)
    assert message in caught.value.message


TABLES = {
    "pandas": pd.DataFrame({"a": [1, 2], "b": ["x", None], "c": pd.to_datetime(["2026-01-01", None], utc=True)}),
    "pandas, index": pd.DataFrame({"a": [1.5]}, index=pd.Index(["i"], name="key")),
    "series": pd.Series([1, 2], name="n"),
    "series without a name": pd.Series([True]),
    "batch": pa.RecordBatch.from_pydict({"a": [1, None]}),
    "empty": pa.table({"a": pa.array([], pa.int8())}),
    "no columns": pa.table({}),
    "nested": pa.table({"a": [[{"b": 1}], []], "d": pa.array([b"\0", None])}),
    "dictionary": pa.table({"a": pa.array(["x", "y", "x"]).dictionary_encode()}),
    "empty frame": pd.DataFrame({"a": np.array([], "f4")}),
}


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("rows", [1, 100])
def test_tables_are_the_same_again(written, name, rows):
    table = TABLES[name]
    read = pq.read_table(io.BytesIO(written(table, rows=rows)))
    if isinstance(table, pd.DataFrame):
        pd.testing.assert_frame_equal(read.to_pandas(), table)
    elif isinstance(table, pd.Series):
        assert read.to_pandas().iloc[:, 0].tolist() == table.tolist()
    else:
        assert read.to_pylist() == pa.table(table).to_pylist()
        assert read.schema.equals(table.schema)


def test_groups_are_as_large_as_asked_for(written):
    table = pa.table({"a": range(10)})
    metadata = pq.read_metadata(io.BytesIO(written(table, rows=4)))
    assert [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)] == [4, 4, 2]


def test_readers_find_the_bounding_boxes(written, parks):
    """GeoParquet's covering: a column of boxes, null where there is no geometry, by which geopandas filters."""
    data = written(parks)
    column = json.loads(pq.read_metadata(io.BytesIO(data)).metadata[b"geo"])["columns"]["geometry"]
    assert column["covering"]["bbox"]["xmin"] == ["bbox", "xmin"]
    boxes = pq.read_table(io.BytesIO(data), columns=["bbox"]).column("bbox").to_pylist()
    assert boxes == [{"xmin": 1, "ymin": 2, "xmax": 1, "ymax": 2}, None, {"xmin": 0, "ymin": 0, "xmax": 5, "ymax": 9}]
    read = gpd.read_parquet(io.BytesIO(data), bbox=(4, 8, 6, 10))
    assert read.index.tolist() == [9]


def test_a_column_called_bbox_is_kept(written, parks):
    parks["bbox"] = [1, 2, 3]
    data = written(parks)
    column = json.loads(pq.read_metadata(io.BytesIO(data)).metadata[b"geo"])["columns"]["geometry"]
    assert column["covering"]["bbox"]["ymax"] == ["geometry_bbox", "ymax"]
    geopandas.testing.assert_geodataframe_equal(gpd.read_parquet(io.BytesIO(data)), parks)


def test_no_bounding_boxes(written, parks):
    data = written(parks, bbox=False)
    assert "bbox" not in pq.read_schema(io.BytesIO(data)).names
    assert "covering" not in json.loads(pq.read_metadata(io.BytesIO(data)).metadata[b"geo"])["columns"]["geometry"]


def test_sorted(written):
    table = pa.table({"a": [2, 1, 2, None], "b": ["x", "y", "z", "w"]})
    data = written(table, sort=["a", "-b"], rows=3)
    assert pq.read_table(io.BytesIO(data)).column("b").to_pylist() == ["y", "z", "x", "w"]
    group = pq.read_metadata(io.BytesIO(data)).row_group(0)
    assert [(column.column_index, column.descending) for column in group.sorting_columns] == [(0, False), (1, True)]


def test_a_column_to_sort_by_that_is_not_there(written):
    with pytest.raises(EncodeError, match=r"format\.sort: the result has no column 'c', '-d'; it has 'a'"):
        written(pa.table({"a": [1]}), sort=["c", "-d"])
