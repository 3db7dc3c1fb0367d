"""What becomes of values of every kind in each format, found out by writing them; a table of it stands in the docs.

``python tests/plugins/formats/changes.py --write`` puts it there; a test holds it current.
"""

import datetime as dt
import decimal
import io
import json
import math
import re
import sys
from pathlib import Path

import dask.array as da
import geopandas as gpd
import msgpack
import numpy as np
import pandas as pd
import pyarrow as pa
import rasterio
import shapely
import xarray as xr
from affine import Affine
from bourn.plugin import EncodeError, Image, NoOptions
from bourn_formats.geotiff import GeoTIFF
from bourn_formats.geotiff import Options as GeoTIFFOptions
from bourn_formats.json import JSON
from bourn_formats.json import Options as JSONOptions
from bourn_formats.msgpack import MsgPack
from bourn_formats.pyarrow import Options, PyArrow
from odc.geo.geobox import GeoBox

PAGE = Path(__file__).parents[3] / "docs" / "formats.md"
MARKS = ("<!-- changes: written by tests/plugins/formats/changes.py -->", "<!-- end of changes -->")
LONGEST = 64

GRID = GeoBox((1, 2), Affine(10, 0, 5e5, 0, -10, 4e6), "EPSG:32613")


class Features:
    @property
    def __geo_interface__(self):
        return {"type": "Point", "coordinates": (1.0, 2.0)}


class OtherTable:
    def __arrow_c_stream__(self, requested_schema=None):
        return pa.table({"a": [1]}).__arrow_c_stream__(requested_schema)


def coded():
    array = xr.DataArray([1.0])
    array.encoding = {"codec": object()}
    return array


CASES = {
    "an int of any size": 2**70,
    "a float": 0.1,
    "NaN": math.nan,
    "an infinity": -math.inf,
    "a complex number": 1 + 2j,
    "a text": "a",
    "a text with a lone surrogate": "\ud800",
    "bytes": b"ab",
    "a list": [1, None, True],
    "a tuple": (1, 2),
    "a set": {1},
    "a mapping": {"a": 1},
    "a mapping with integers as keys": {5: 1},
    "a mapping with tuples as keys": {(1, 2): 1},
    "a date": dt.date(2020, 1, 2),
    "a moment": dt.datetime(2020, 1, 2),  # noqa: DTZ001  # that is the case
    "a moment in UTC": dt.datetime(2020, 1, 2, tzinfo=dt.UTC),
    "a moment in another zone": dt.datetime(2020, 1, 2, tzinfo=dt.timezone(dt.timedelta(hours=2))),
    "a duration": dt.timedelta(seconds=1),
    "a Decimal": decimal.Decimal("1.5"),
    "numpy's float32": np.float32(0.1),
    "numpy's complex": np.complex64(1j),
    "numpy's moment": np.datetime64("2020-01-02"),
    "numpy's NaT": np.datetime64("NaT"),
    "an array": np.arange(3),
    "an array of another byte order": np.arange(3, dtype=">i2"),
    "an array without elements": np.zeros((0, 3)),
    "an array of moments": np.array(["2020-01-02", "NaT"], "M8[D]"),
    "an array of texts": np.array(["a", "bc"]),
    "an array of texts of any length": np.array(["a", "bc"], np.dtypes.StringDType()),
    "an array of texts, some missing": np.array(["a", None], np.dtypes.StringDType(na_object=None)),
    "an array of complex numbers": np.array([1j]),
    "an array with fields": np.zeros(1, [("a", "i4")]),
    "an array of objects": np.array([1, "a"], object),
    "an array whose dtype has metadata": np.zeros(1, np.dtype("f8", metadata={"a": 1})),
    "a masked array": np.ma.array([1, 2], mask=[False, True]),
    "numpy's masked": np.ma.masked,
    "an image": Image(np.array([[[1, 2]]], "u1"), ["red"], geobox=GRID, bandinfo={"red": {"unit": "m"}}),
    "a DataArray": xr.DataArray([1, 2], dims="x", coords={"x": [5, 6]}, attrs={"a": 1}),
    "a DataArray with codecs": coded(),
    "a Dataset": xr.Dataset({"v": ("x", [1, 2])}),
    "a pyarrow table": pa.table({"a": [1, None]}),
    "a slice of an Arrow table with a dictionary": pa.table({"d": pa.array(["a", "b"]).dictionary_encode()})[1:],
    "a table of periods": pa.table({"p": pa.array(pd.period_range("2020", periods=1, freq="Y").array)}),
    "a table of times in nanoseconds": pa.table({"t": pa.array([1], pa.time64("ns"))}),
    "a pandas table": pd.DataFrame({"a": [1.5, math.nan], "s": ["x", None]}),
    "a pandas table with labels": pd.DataFrame({"a": [1]}, index=["k"]),
    "pandas' NaT in a list": [pd.NaT],
    "a Series of Decimals": pd.Series([decimal.Decimal("1.5")]),
    "a Series of periods": pd.Series(pd.period_range("2020", periods=1, freq="Y")),
    "another library's table": OtherTable(),
    "a geometry": shapely.Point(1, 2),
    "a geopandas table": gpd.GeoDataFrame({"n": [1]}, geometry=[shapely.Point(5e5, 0)], crs="EPSG:32631"),
    "an object with __geo_interface__": Features(),
}

ARRAY = 1


def _extension(code, data):
    if code != ARRAY:
        return int.from_bytes(data, "big", signed=True)
    name = data[1 : 1 + data[0]].decode()
    at = 1 + data[0]
    dims = data[at + 1]
    shape = [int.from_bytes(data[at + 2 + 8 * n : at + 10 + 8 * n], "big") for n in range(dims)]
    return Described(f"array {name} {shape}" if dims else f"array {name}")


class Described(str):
    """Written without quotes."""

    __slots__ = ()
    __repr__ = str.__str__


def written(name, obj):
    """(what comes out, what was counted) of one format; raises EncodeError."""
    sink = io.BytesIO()
    if name == "json":
        report = JSON().encode(obj, JSONOptions(), sink)
        json.loads(sink.getvalue())
        return sink.getvalue().decode(), report
    if name == "msgpack":
        report = MsgPack().encode(obj, NoOptions(), sink)
        data = msgpack.unpackb(sink.getvalue(), ext_hook=_extension, strict_map_key=False, timestamp=0)
        return repr(data), report
    report = PyArrow().encode(obj, Options(), sink)
    back = PyArrow().decode(io.BytesIO(sink.getvalue()), Options())
    again = io.BytesIO()
    PyArrow().encode(back, Options(), again)
    assert again.getvalue() == sink.getvalue()
    return (
        "the same" if type(back) is type(obj) else f"{type(back).__module__.split('.')[0]}'s {type(back).__name__}"
    ), report


def cell(name, obj):
    try:
        said, report = written(name, obj)
    except EncodeError:
        return "refused"
    if name == "pyarrow" and said != "the same":
        said = "GeoJSON" if "geojson" in report else "a pyarrow table"
    elif name != "pyarrow":
        said = re.sub(r"\.(\d{6})\d+", r".\1…", said)
        said = f"`{said if len(said) <= LONGEST else said[: LONGEST - 1] + '…'}`".replace("|", "\\|")
    return said + "".join(f", *{key}*" for key in sorted(report) if key != "first")


IMAGES = {
    "bools": np.zeros((1, 16, 16), bool),
    "float16": np.zeros((1, 16, 16), "f2"),
    "uint8": np.zeros((1, 16, 16), "u1"),
    "int64": np.zeros((1, 16, 16), "i8"),
    "complex64": np.zeros((1, 16, 16), "c8"),
    "float64, lazy": da.zeros((1, 16, 16), chunks=8),
    "an array that is masked": np.ma.zeros((1, 16, 16), "u1"),
}


def in_geotiff(pixels):
    mask = np.ma.getmaskarray(pixels) if isinstance(pixels, np.ma.MaskedArray) else None
    image = Image(np.ma.getdata(pixels) if mask is not None else pixels, mask=mask)
    sink = io.BytesIO()
    GeoTIFF().encode(image, GeoTIFFOptions(), sink)
    with rasterio.MemoryFile(sink.getvalue()) as file, file.open(driver="GTiff") as opened:
        dtype = opened.dtypes[0]
        return dtype + (
            " and a mask" if mask is not None and opened.mask_flag_enums[0][0].name == "per_dataset" else ""
        )


def table():
    """Both tables, in Markdown."""
    rows = ["| what | pyarrow | json | msgpack |", "| --- | --- | --- | --- |"]
    rows += [f"| {what} | " + " | ".join(cell(name, obj) for name in ("pyarrow", "json", "msgpack")) + " |"
             for what, obj in CASES.items()]  # fmt: skip
    rows += ["", "| an image's pixels | in a GeoTIFF |", "| --- | --- |"]
    rows += [f"| {what} | {in_geotiff(pixels)} |" for what, pixels in IMAGES.items()]
    return "\n".join(rows)


def parts():
    """The page before, within and behind the marks."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(MARKS[0])
    within, _, after = rest.partition(MARKS[1])
    return before, within.strip("\n"), after


if __name__ == "__main__":
    made = table()
    if "--write" in sys.argv:
        before, _, after = parts()
        PAGE.write_text(f"{before}{MARKS[0]}\n{made}\n{MARKS[1]}{after}", encoding="utf-8")
    else:
        sys.stdout.write(made + "\n")
