"""Results of every kind through pyarrow and back, none of them different; with BOURN_DEEP=1 ten times as many."""

import contextlib
import datetime as dt
import importlib.util
import io
import os
from pathlib import Path

import geopandas as gpd
import numpy as np
import odc.geo.geom
import pandas as pd
import pyarrow as pa
import pytest
import shapely
import xarray as xr
from affine import Affine
from bourn.plugin import EncodeError, Image
from bourn_formats.pyarrow import Options, PyArrow
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from odc.geo.geobox import GeoBox

spec = importlib.util.spec_from_file_location("alike", Path(__file__).parent / "alike.py")
alike = importlib.util.module_from_spec(spec)
spec.loader.exec_module(alike)

DEEP = 10 if os.environ.get("BOURN_DEEP") else 1
compressions = st.sampled_from(["lz4", "brotli", "zstd", "none"])


def times(count):
    return settings(max_examples=count * DEEP, deadline=None, suppress_health_check=list(HealthCheck))


def back(obj, compression):
    sink = io.BytesIO()
    PyArrow().encode(obj, Options(compression=compression), sink)
    sink.seek(0)
    return PyArrow().decode(sink, Options())


names = st.text(st.characters(categories=("L", "N", "P", "S", "Zs"), codec="utf-8"), min_size=1, max_size=8).filter(
    lambda name: name.isprintable()
)
words = st.text(st.characters(codec="utf-8"), max_size=9)


def trees(floats):
    return st.recursive(
        st.none() | st.booleans() | st.integers() | floats | words | st.dates(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
        max_leaves=5,
    )


plain = trees(st.floats())
attributes = st.dictionaries(
    words, trees(st.floats(allow_nan=False)), max_size=2
)  # xarray finds NaN unlike itself in them
numbers = st.one_of(
    hnp.boolean_dtypes(), hnp.integer_dtypes(), hnp.unsigned_integer_dtypes(), hnp.floating_dtypes(sizes=(16, 32, 64)),
    hnp.complex_number_dtypes(sizes=(64, 128)),
)  # fmt: skip
sides = st.integers(1, 4)


@st.composite
def grids(draw, height, width):
    number = st.floats(-1e6, 1e6, allow_nan=False)
    a, e = draw(st.sampled_from([10.0, 0.1, 1 / 3])), draw(st.sampled_from([-10.0, -0.1, 20.0]))
    transform = Affine(a, draw(st.sampled_from([0.0, 0.01])), draw(number), 0.0, e, draw(number))
    return GeoBox((height, width), transform, draw(st.sampled_from(["EPSG:32613", "EPSG:4326", "ESRI:54009", None])))


facts = st.fixed_dictionaries(
    {}, optional={"unit": names, "scale": st.sampled_from([0.5, 2]), "offset": st.integers(0, 9)}
)


@st.composite
def images(draw):
    count, height, width = draw(sides), draw(sides), draw(sides)
    if draw(st.booleans()):
        pixels = draw(numbers.flatmap(lambda dtype: hnp.arrays(dtype, (count, height, width))))
        dtypes = [pixels.dtype] * count
    else:
        pixels = [draw(numbers.flatmap(lambda dtype: hnp.arrays(dtype, (height, width)))) for _ in range(count)]
        dtypes = [layer.dtype for layer in pixels]
    bands = draw(st.lists(names, min_size=count, max_size=count, unique=True))
    mask = draw(st.none() | hnp.arrays(bool, st.sampled_from([(height, width), (count, height, width)])))
    info = {
        band: {
            **draw(facts),
            **({"nodata": draw(st.integers(0, 100))} if dtype.kind in "iuf" and draw(st.booleans()) else {}),
        }
        for band, dtype in zip(bands, dtypes, strict=True)
    }  # fmt: skip
    properties = draw(st.dictionaries(words.filter(lambda name: name != "date"), plain, max_size=2))
    if draw(st.booleans()):
        properties["date"] = draw(st.datetimes(timezones=st.just(dt.UTC)))
    geobox = draw(st.none() | grids(height, width))
    return Image(pixels, bands, mask, geobox, properties, info)


@times(60)
@given(images(), compressions)
def test_images_through_pyarrow(examples, image, compression):
    examples.append(1)
    returned = back(image, compression)
    assert image.identical(returned)
    assert [dtype.newbyteorder("=") for dtype in image.dtypes] == list(returned.dtypes)
    assert list(image.properties) == list(returned.properties)


labels = st.one_of(
    st.just(None),
    st.sampled_from(["i4", "f8", "M8[ns]", "M8[s]", "m8[ms]", "U3"]),
)


@st.composite
def data_arrays(draw, sizes=None):
    if sizes is None:
        sizes = {name: draw(sides) for name in draw(st.lists(st.sampled_from("xyzt"), max_size=3, unique=True))}
    dims = tuple(draw(st.permutations(list(sizes))))
    dims = dims[: draw(st.integers(0, len(dims)))]
    dtype = draw(
        numbers | hnp.datetime64_dtypes(min_period="ns", max_period="s") | hnp.unicode_string_dtypes(max_len=4)
    )
    values = draw(hnp.arrays(dtype, tuple(sizes[name] for name in dims)))
    array = xr.DataArray(values, dims=dims, attrs=draw(attributes), name=draw(st.none() | words))
    for name in dims:
        kind = draw(labels)
        if kind is not None:
            array = array.assign_coords({name: (name, np.arange(sizes[name]).astype(kind), {"units": "m"})})
    if draw(st.booleans()):
        array = array.assign_coords(spatial_ref=xr.Variable((), 0, {"crs_wkt": "text"}))
    return array


@times(60)
@given(data_arrays(), compressions)
def test_labelled_arrays_through_pyarrow(examples, array, compression):
    examples.append(1)
    returned = back(array, compression)
    xr.testing.assert_identical(array, returned)
    assert array.dtype.newbyteorder("=") == returned.dtype
    assert set(array.xindexes) == set(returned.xindexes)


@times(40)
@given(st.data(), compressions)
def test_datasets_through_pyarrow(examples, data, compression):
    examples.append(1)
    sizes = {"x": 2, "y": 3}
    arrays = data.draw(st.dictionaries(words.filter(lambda name: name not in sizes), data_arrays(sizes), max_size=3))
    dataset = xr.Dataset(
        {name: array.drop_vars(list(array.coords)) for name, array in arrays.items() if name != "spatial_ref"}
    )
    dataset = dataset.assign_attrs(data.draw(attributes))
    returned = back({"in": [dataset]}, compression)["in"][0]
    xr.testing.assert_identical(dataset, returned)
    assert {name: dtype.newbyteorder("=") for name, dtype in dataset.dtypes.items()} == dict(returned.dtypes)


KINDS = {
    pa.int8(): st.integers(-128, 127),
    pa.uint64(): st.integers(0, 2**64 - 1),
    pa.float16(): st.sampled_from([0.5, float("inf"), -0.0]),
    pa.float64(): st.floats(),
    pa.bool_(): st.booleans(),
    pa.string(): words,
    pa.large_string(): words,
    pa.string_view(): words,
    pa.binary(): st.binary(max_size=5),
    pa.binary(2): st.binary(min_size=2, max_size=2),
    pa.date32(): st.dates(),
    pa.timestamp("us", "UTC"): st.datetimes(timezones=st.just(dt.UTC)),
    pa.timestamp("ns"): st.integers(0, 2**60),
    pa.duration("us"): st.timedeltas(dt.timedelta(-9), dt.timedelta(9)),
    pa.time64("us"): st.times(),
    pa.decimal128(9, 2): st.decimals(-1000, 1000, places=2),
    pa.null(): st.none(),
    pa.list_(pa.int16()): st.lists(st.integers(-9, 9), max_size=3),
    pa.struct({"a": pa.int8(), "b": pa.string()}): st.fixed_dictionaries({"a": st.integers(0, 9), "b": words}),
    pa.map_(pa.string(), pa.int8()): st.dictionaries(words, st.integers(0, 9), max_size=3).map(
        lambda made: list(made.items())
    ),
    pa.dictionary(pa.int8(), pa.string()): st.sampled_from(["u", "v"]),
}


@st.composite
def tables(draw):
    rows = draw(st.integers(0, 5))
    columns, fields = [], []
    for kind in draw(st.lists(st.sampled_from(list(KINDS)), max_size=4)):
        values = draw(st.lists(st.none() | KINDS[kind], min_size=rows, max_size=rows))
        cut = draw(st.integers(0, rows))
        columns.append(pa.chunked_array([values[:cut], values[cut:]], kind))
        fields.append(pa.field(draw(words), kind, metadata=draw(st.none() | st.just({"k": "v"}))))
    metadata = draw(st.none() | st.dictionaries(words, words, min_size=1, max_size=2))
    return pa.table(columns, schema=pa.schema(fields, metadata))


@times(80)
@given(tables(), compressions, st.booleans())
def test_arrow_tables_through_pyarrow(examples, table, compression, inside):
    examples.append(1)
    returned = back({"t": table}, compression)["t"] if inside else back(table, compression)
    returned.validate(full=True)
    assert table.schema.equals(returned.schema, check_metadata=True)
    for one, other in zip(table.columns, returned.columns, strict=True):
        if pa.types.is_floating(one.type):  # NaN equals nothing
            one, other = (column.cast(pa.float64()).combine_chunks() for column in (one, other))  # noqa: PLW2901
            assert one.is_null().equals(other.is_null())
            assert one.fill_null(0).to_numpy().tobytes() == other.fill_null(0).to_numpy().tobytes()
        else:
            assert one.equals(other)


def array_of(values):
    array = np.empty(len(values), object)
    for place, value in enumerate(values):  # one by one: numpy would look into lists
        array[place] = value
    return array


MASKED = {"Int16": st.integers(-100, 100), "UInt64": st.integers(0, 2**64 - 1), "boolean": st.booleans()}
ZONES = st.sampled_from(["UTC", "Europe/Berlin", dt.UTC, dt.timezone(dt.timedelta(hours=-3)), "Asia/Kolkata"])
short = st.integers(-(10**6), 10**6)


@st.composite
def frame_columns(draw, rows, *, labels=False):  # noqa: C901, PLR0911  # one branch a kind
    """A pandas array of any kind; of labels, which pandas hashes, fewer."""

    def several(values):
        return draw(st.lists(values, min_size=rows, max_size=rows))

    kind = draw(
        st.sampled_from(
            [
                "numpy",
                "objects",
                "masked",
                "floats",
                "text",
                "category",
                "zone",
                "period",
                "interval",
                *([] if labels else ["arrow"]),
            ]
        )
    )
    if kind == "numpy":
        dtype = draw(
            # Of labels pandas has no short floats.
            numbers.map(lambda dtype: np.dtype("f4") if labels and dtype.kind == "f" else dtype.newbyteorder("="))
            | st.sampled_from(["M8[s]", "M8[ns]", "m8[us]"]).map(np.dtype)
        )
        return draw(hnp.arrays(dtype, rows))
    if kind == "objects":
        one = draw(
            st.sampled_from(
                [words, st.integers(), st.floats(), st.binary(max_size=3), st.dates(), st.decimals(-9, 9, places=1)]
            )
        )
        mixed = st.none() | (words | short | st.booleans() | st.floats() if labels else plain)
        return array_of(several(draw(st.sampled_from([one, st.none() | one, mixed]))))
    if kind == "masked":
        name = draw(st.sampled_from(list(MASKED)))
        return pd.array(several(st.none() | MASKED[name]), dtype=name)
    if kind == "floats":
        data = draw(hnp.arrays(draw(st.sampled_from(["f4", "f8"])), rows))
        return pd.arrays.FloatingArray(data, draw(hnp.arrays(bool, rows)))
    if kind == "text":
        missing = draw(st.sampled_from([pd.NA, np.nan]))
        dtype = pd.StringDtype(draw(st.sampled_from(["python", "pyarrow"])), na_value=missing)
        return pd.array(several(st.none() | words), dtype=dtype)
    if kind == "category":
        some = draw(st.sampled_from([words, short, st.booleans(), st.dates(), st.tuples(short)]))
        categories = draw(st.lists(some, min_size=1, max_size=5, unique=True))
        index = pd.Index(array_of(categories), dtype=object, tupleize_cols=False)
        if draw(st.booleans()):
            index = index.infer_objects()
        codes = several(st.integers(-1, len(categories) - 1))
        return pd.Categorical.from_codes(codes, dtype=pd.CategoricalDtype(index, ordered=draw(st.booleans())))
    if kind == "zone":
        moments = np.array(several(short), f"M8[{draw(st.sampled_from(['s', 'us', 'ns']))}]")
        return pd.DatetimeIndex(moments).tz_localize("UTC").tz_convert(draw(ZONES)).array
    if kind == "period":
        return pd.PeriodIndex.from_ordinals(
            several(st.integers(-1000, 1000)), freq=draw(st.sampled_from(["D", "M", "2h"]))
        ).array
    if kind == "interval":
        left = np.array(several(short), draw(st.sampled_from(["i8", "f8", "M8[s]"])))
        return pd.arrays.IntervalArray.from_arrays(left, left, draw(st.sampled_from(["left", "both"])))
    items = several(st.none() | st.lists(st.integers(-9, 9), max_size=2))
    return pd.arrays.ArrowExtensionArray(pa.chunked_array([pa.array(items, pa.list_(pa.int16()))]))


@st.composite
def row_labels(draw, rows):
    kind = draw(st.sampled_from(["range", "days", "levels", "any", "any"]))
    name = draw(st.none() | words | st.tuples(words, short))
    if kind == "range":
        start, step = draw(short), draw(st.sampled_from([1, -2]))
        return pd.RangeIndex(start, start + rows * step, step, name=name)
    if kind == "days":
        zone = draw(st.none() | ZONES)
        return pd.date_range("2020", periods=rows, freq=draw(st.sampled_from(["D", "2h", "MS"])), tz=zone, name=name)
    if kind == "levels" and rows:
        levels = [
            pd.Index(draw(frame_columns(rows, labels=True)), tupleize_cols=False).unique()
            for _ in range(draw(st.integers(1, 3)))
        ]
        codes = [draw(st.lists(st.integers(-1, len(level) - 1), min_size=rows, max_size=rows)) for level in levels]
        return pd.MultiIndex(levels, codes, names=[name, *[None] * (len(levels) - 1)])
    values = draw(frame_columns(rows, labels=True))
    return pd.Index(values, dtype=values.dtype, name=name, tupleize_cols=False)


@st.composite
def frames(draw):
    rows, width = draw(st.integers(0, 4)), draw(st.integers(0, 4))
    index = draw(row_labels(rows))
    made = {}
    for place in range(width):
        values = draw(frame_columns(rows))
        made[place] = pd.Series(values, index, values.dtype)
    frame = pd.DataFrame(made, index)
    frame.columns = draw(
        st.just(pd.RangeIndex(width))
        | st.lists(words, min_size=width, max_size=width).map(pd.Index)
        | row_labels(width)
    )
    frame.attrs = draw(st.dictionaries(words, plain, max_size=2))
    return frame


@pytest.mark.slow
@times(150)
@given(frames(), compressions)
def test_pandas_through_pyarrow(examples, frame, compression):
    """What can't be held is refused; whatever comes back is the same."""
    examples.append(1)
    try:
        returned = back(frame, compression)
    except EncodeError:
        return
    assert alike.same_frame(frame, returned)
    assert alike.same_frame(frame, back([frame], compression)[0])
    for place in range(len(frame.columns)):
        with contextlib.suppress(EncodeError):  # a label of pandas' own type is no name that can be written
            assert alike.same_series(frame.iloc[:, place], back(frame.iloc[:, place], compression))


coordinates = st.floats(-1e6, 1e6, allow_nan=False)
points = st.tuples(coordinates, coordinates)
shapes = st.one_of(
    points.map(shapely.Point),
    st.tuples(coordinates, coordinates, coordinates).map(shapely.Point),
    st.lists(points, min_size=2, max_size=5).map(shapely.LineString),
    st.lists(points, min_size=1, max_size=5).map(shapely.MultiPoint),
    st.tuples(coordinates, coordinates, st.floats(0.1, 9)).map(
        lambda box: shapely.Point(box[:2]).buffer(box[2], quad_segs=2)
    ),
    st.just(shapely.Polygon([(0, 0), (4, 0), (4, 4)], [[(1, 0.5), (2, 0.5), (2, 1)]])),
    st.just(shapely.Point()),
)


@times(60)
@given(
    shapes, st.lists(st.none() | shapes, max_size=4), st.sampled_from(["EPSG:32613", "EPSG:4326", None]), compressions
)
def test_features_through_pyarrow(examples, shape, several, crs, compression):
    examples.append(1)
    assert shapely.equals_identical(shape, back(shape, compression))
    placed = back(odc.geo.geom.Geometry(shape, crs), compression)
    assert shapely.equals_identical(shape, placed.geom)
    assert placed.crs == crs
    frame = gpd.GeoDataFrame({"n": range(len(several))}, geometry=gpd.GeoSeries(several, crs=crs), crs=crs)
    returned = back(frame, compression)
    assert (frame.crs, frame["n"].tolist()) == (returned.crs, returned["n"].tolist())
    assert [None if one is None else one.wkb for one in frame.geometry] == [
        None if one is None else one.wkb for one in returned.geometry
    ]
