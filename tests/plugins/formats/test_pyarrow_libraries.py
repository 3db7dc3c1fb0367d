"""Objects of known libraries come back from pyarrow as they were; those of users' classes are refused with a hint."""

import collections
import datetime as dt
import decimal
import io
import pathlib
import subprocess
import sys
import uuid

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import shapely
import xarray as xr
from bourn.plugin import EncodeError
from bourn_formats.pyarrow import Options, PyArrow
from dateutil import tz
from pyproj import CRS


def back(obj):
    sink = io.BytesIO()
    PyArrow().encode(obj, Options(), sink)
    sink.seek(0)
    return PyArrow().decode(sink, Options())


MOMENT = pd.Timestamp("2020-07-01 12:00:00.123456789", tz="Europe/Berlin")

SCALARS = [
    MOMENT, pd.Timestamp("1500").as_unit("s"), pd.Timedelta("1h").as_unit("ms"), pd.Period("2020-01", "3D"),
    pd.Interval(MOMENT, MOMENT + pd.Timedelta("1D"), "both"), decimal.Decimal("1.50"), uuid.UUID(int=5),
    pathlib.PureWindowsPath("c:/a"), range(1, 9, 2), collections.OrderedDict(b=1, a=2), collections.Counter("aab"),
    collections.defaultdict(list, a=[1]), collections.deque([1, 2], 5), {MOMENT: 1, (1, ("a", 2)): 3},
    dt.datetime(2020, 7, 1, tzinfo=tz.gettz("Europe/Berlin")), dt.datetime(2020, 7, 1, tzinfo=tz.tzoffset("x", 60)),
]  # fmt: skip


@pytest.mark.parametrize("obj", SCALARS, ids=repr)
def test_scalars_and_collections(obj):
    for result in (back(obj), back({"a": [obj]})["a"][0]):
        assert (type(result), result) == (type(obj), obj)
        assert repr(result) == repr(obj)


def test_missing_values_of_pandas_are_the_same_objects():
    result = back([pd.NA, pd.NaT])
    assert result[0] is pd.NA
    assert result[1] is pd.NaT


def levels():
    array = xr.DataArray([[1, 2]], dims=("x", "y"), coords={"x": ["a"], "y": [1, 2]}, name="n")
    array = array.stack(z=("x", "y"))  # noqa: PD013  # xarray's
    array.x.attrs["unit"] = "m"
    return array


XARRAY = {
    "levels": levels(),
    "zone": xr.DataArray([1, 2], dims="t", coords={"t": pd.date_range("2020", periods=2, tz="Europe/Berlin")}),
    "periods": xr.DataArray([1, 2], dims="t", coords={"t": pd.period_range("2020", periods=2, freq="M")}),
    "texts": pd.DataFrame({"v": [1, 2]}, index=pd.Index(["p", "q"], name="k")).to_xarray(),
    "tuples": xr.Dataset({("a", 1): ("x", [1], {(1, 2): 3})}),
    "objects": xr.DataArray(np.array([1, "a", None], object), dims="x"),
}


@pytest.mark.parametrize("name", XARRAY)
def test_xarray_with_any_index(name):
    given = XARRAY[name]
    result = back(given)
    xr.testing.assert_identical(given, result)
    assert [type(index) for index in given.xindexes.values()] == [type(index) for index in result.xindexes.values()]


def test_a_tree_of_datasets():
    tree = xr.DataTree.from_dict({"/": xr.Dataset({"a": 1}), "/b/c": xr.Dataset({"c": 2})}, name="t")
    result = back(tree)
    assert result.identical(tree)
    assert result.name == "t"


def test_the_path_of_the_producers_file_is_left_out():
    array = xr.DataArray([1.0])
    array.encoding = {"source": "/home/somebody/secret.nc", "scale_factor": 2.0}
    assert back(array).encoding == {"scale_factor": 2.0}


RING = shapely.LinearRing([(0, 0), (1, 0), (1, 1)])

SHAPES = [
    RING, shapely.from_wkt("LINEARRING ZM (0 0 1 3, 1 0 2 3, 1 1 3 3, 0 0 1 3)"), shapely.GeometryCollection([RING]),
    shapely.Point(np.nan, np.nan), shapely.MultiPoint([(0, 0), (np.nan, np.nan)]),
    shapely.set_precision(shapely.Point(1, 2), 0.5), shapely.set_srid(shapely.Point(1, 2), 4326),
]  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_shapes_that_wkb_does_not_hold(shape):
    for result in (back(shape), back(gpd.GeoSeries([None, shape])).iloc[1]):
        assert shapely.to_wkt(result) == shapely.to_wkt(shape)
        assert (result.geom_type, result.is_empty) == (shape.geom_type, shape.is_empty)
        assert shapely.get_srid(result) == shapely.get_srid(shape)
        assert shapely.get_precision(result) == shapely.get_precision(shape)


@pytest.mark.parametrize(
    "text",
    [
        (
            'GEOGCS["GCS_WGS_1984",DATUM["D_WGS_1984",SPHEROID["WGS_1984",6378137.0,298.257223563]],'
            'PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]]'
        ),
        "EPSG:4326", "OGC:CRS84", "EPSG:32633+5773", "+proj=utm +zone=33 +ellps=bessel +towgs84=1,2,3,4,5,6,7",
    ],
)  # fmt: skip
def test_a_crs_is_the_one_that_was_given(text):
    crs = CRS(text)
    for result in (back(gpd.GeoSeries([shapely.Point(1, 2)], crs=crs)).crs, back(crs)):
        assert result == crs
        assert [axis.direction for axis in result.axis_info] == [axis.direction for axis in crs.axis_info]


def test_labels_that_are_pairs_in_a_geopandas_frame():
    columns = pd.MultiIndex.from_tuples([("n", "x"), ("geometry", "")])
    frame = gpd.GeoDataFrame(pd.DataFrame([[1, shapely.Point(0, 0)]], columns=columns))
    frame = frame.astype({("geometry", ""): "geometry"}).set_geometry(("geometry", ""))
    result = back(frame)
    assert result.columns.equals(frame.columns)
    assert result.active_geometry_name == ("geometry", "")


class Derived(xr.Dataset):
    __slots__ = ()


def test_subclasses_and_duck_arrays_are_refused_with_what_makes_them_plain():
    with pytest.raises(EncodeError, match=r"Derived \(use xarray.Dataset\(\) on it\)"):
        back(Derived({"a": 1}))
    pint = pytest.importorskip("pint")
    with pytest.raises(EncodeError, match=r'result\["v"\]: values of type pint.*dequantify'):
        back(xr.Dataset({"v": ("x", pint.UnitRegistry().Quantity([1.0], "m"))}))


def read_elsewhere(data, path, *, without=""):
    path.write_bytes(data)
    code = f"""
import sys
sys.modules[{without!r}] = None
from bourn_formats.pyarrow import Options, PyArrow
try:
    print(PyArrow().decode(open({str(path)!r}, "rb"), Options()))
except ImportError as error:
    print(error)
"""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False).stdout


def test_a_library_that_is_missing_where_it_is_read_is_named(tmp_path):
    sink = io.BytesIO()
    PyArrow().encode(xr.DataArray([1]), Options(), sink)
    said = read_elsewhere(sink.getvalue(), tmp_path / "a.arrow", without="xarray")
    assert said.strip() == ("the result holds xarray.DataArray, and xarray is not installed here: pip install xarray")


@pytest.mark.slow
def test_extension_types_do_not_depend_on_what_is_imported(tmp_path):
    table = pa.table({"p": pa.array(pd.period_range("2020", periods=1, freq="Y").array)})
    for obj in (table, [table]):
        sink = io.BytesIO()
        PyArrow().encode(obj, Options(), sink)
        assert "ArrowPeriodType" in read_elsewhere(sink.getvalue(), tmp_path / "a.arrow")
