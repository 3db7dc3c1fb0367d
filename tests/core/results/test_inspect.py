"""Looking at a result: by its type alone, nothing computed, no third-party code run."""

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import pathlib
import subprocess
import sys
import uuid

import dask
import dask.array as da
import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import shapely
import xarray as xr
from bourn.errors import RequestError, RequestTypeError
from bourn.image.image import Image
from bourn.results.inspect import inspect
from odc.geo.xr import wrap_xr


class Hostile:
    """Whatever is asked of it raises."""

    def __getattr__(self, name):
        raise SystemExit(name)

    @property
    def __class__(self):
        msg = "asked"
        raise SystemExit(msg)

    def __repr__(self):
        msg = "no"
        raise ValueError(msg)

    def __eq__(self, other):
        msg = "no"
        raise ValueError(msg)

    __hash__ = None
    __len__ = __iter__ = __bool__ = __array__ = __reduce__ = __repr__


class Places:
    @property
    def __geo_interface__(self):
        msg = "asked"
        raise AssertionError(msg)


class Frame:
    """A table of some other library."""

    def __arrow_c_stream__(self, requested_schema=None):
        msg = "asked"
        raise AssertionError(msg)


class Colour(enum.IntEnum):
    RED = 1


def problems(obj, **kwargs):
    with pytest.raises(RequestError) as caught:
        inspect(obj, **kwargs)
    return [tuple(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("obj", "kinds", "lazy"),
    [
        (None, ("value",), False), (2, ("value",), False), ("a", ("value",), False), (b"", ("value",), False),
        (1j, ("value",), False), (dt.timedelta(1), ("value",), False), (np.float32(1), ("value",), False),
        ({"a": [1, (2, {3}), frozenset()]}, ("value",), False), (10**5000, ("value",), False),
        (np.zeros(3), ("array",), False), (np.array(1), ("array",), False), (np.ma.zeros(3), ("array",), False),
        (np.array(["NaT"], "M8[s]"), ("array",), False),
        (np.array(["a"], np.dtypes.StringDType()), ("array",), False),
        (da.zeros(3), ("array",), True), (dask.delayed(1) + 1, (), True), (lambda: 1, (), True),
        ([dask.delayed(1), 2], ("value",), True), ({"a": (da.zeros(3),)}, ("value",), True),
        (xr.DataArray(np.zeros(3)), ("array",), False), (xr.DataArray(da.zeros(3)), ("array",), True),
        (xr.Dataset({"a": ("t", [1])}), ("value",), False), (Image(np.zeros((2, 2))), ("image",), False),
        (Image(da.zeros((2, 2))), ("image",), True),
        (pd.DataFrame({"a": [1]}), ("table",), False), (pd.Series([1]), ("table",), False),
        (pa.table({"a": [1]}), ("table",), False), (pa.RecordBatch.from_pydict({"a": [1]}), ("table",), False),
        (Places(), ("features",), False), (shapely.Point(1, 2), ("features",), False), (Frame(), ("table",), False),
        (gpd.GeoDataFrame({"a": [1]}, geometry=[shapely.Point(1, 2)]), ("features", "table"), False),
        (gpd.GeoSeries([shapely.Point(1, 2)]), ("features", "table"), False),
    ],
    ids=lambda value: str(type(value).__name__),
)  # fmt: skip
def test_the_kind_is_known_without_computing(obj, kinds, lazy):
    found = inspect(obj)
    assert found.obj is obj
    assert (found.info.kinds, found.info.lazy) == (kinds, lazy)


def test_an_xarray_object_with_a_grid_has_the_kind_image_too(utm):
    scene = wrap_xr(da.zeros((3, 5), dtype="f4"), utm)
    info = inspect(scene).info
    assert info.kinds == ("image", "array")
    assert (info.lazy, info.shape, info.dtype, info.bands, info.grid) == (True, (1, 3, 5), "float32", ("band_1",), utm)
    assert inspect(xr.Dataset({"a": scene})).info.kinds == ("image", "value")
    two = xr.concat([scene, scene], "time").assign_coords(time=np.array(["2024-01-01", "2024-01-02"], "M8[ns]"))
    info = inspect(two).info
    assert (info.kinds, info.shape, info.bands) == (("image", "array"), (2, 3, 5), None)


def test_what_is_known_of_an_image_is_inspected(utm):
    image = Image(
        [np.zeros((3, 5), "u1"), np.zeros((3, 5), "f4")], ["a", "b"], mask=np.zeros((3, 5), bool), geobox=utm,
        properties={"date": "2024-01-01"},
    )  # fmt: skip
    info = inspect(image).info
    assert info.dtypes == ("uint8", "float32")
    assert (info.shape, info.bands, info.grid, info.masked) == ((2, 3, 5), ("a", "b"), utm, True)
    assert info.properties == {"date": "2024-01-01"}
    assert info.size_bytes == 75


def test_nothing_is_computed(monkeypatch):
    monkeypatch.setattr(dask.base, "get_scheduler", lambda **_: pytest.fail("computed"))
    inspect([dask.delayed(print)("computed"), da.zeros(3), lambda: 1][:2])
    inspect(xr.Dataset({"a": (("y", "x"), da.zeros((2, 2)))}))


CANT = [
    (Hostile(), "an object of type {}.Hostile can't be sent"),
    ((x for x in [1]), "an object of type generator can't be sent; make a list of it"),
    (range(3), "an object of type range can't be sent; make a list of it"),
    (sys, "an object of type module can't be sent"),
    (dict, "the class dict is a class, not a result"),
    (Hostile, "the class {}.Hostile is a class, not a result"),
    (np.zeros(2).view(np.recarray), "an object of type numpy.rec.recarray can't be sent; use numpy.asarray() on it"),
    (
        pa.table({"a": [1]}).to_reader(),
        "an object of type pyarrow.lib.RecordBatchReader can't be sent; use its read_all()",
    ),
    (bytearray(b"a"), "an object of type bytearray can't be sent; use bytes()"),
    (object(), "an object of type object can't be sent"),
]


@pytest.mark.parametrize(("obj", "message"), CANT, ids=[message for _, message in CANT])
def test_what_can_not_be_sent_is_refused_whole_and_in_part(obj, message):
    message = message.format(__name__)
    with pytest.raises((RequestTypeError, RequestError)) as caught:
        inspect(obj)
    assert message in caught.value.message
    assert problems({"a": [0, 1, 2, obj]}) == [('result["a"][3]', message)]


def test_the_whole_of_a_wrong_type_says_what_can_be_sent():
    with pytest.raises(RequestTypeError) as caught:
        inspect(object())
    assert str(caught.value) == (
        "an object of type object can't be sent. What can be sent: plain values (None, bool, int, float, complex, "
        "str, bytes, dates and times, and lists, tuples, dicts and sets of them), Decimal, UUID, paths, enums, named "
        "tuples, objects of dataclasses, attrs and pydantic, numpy and dask arrays, bourn.Image, xarray objects, "
        "pyarrow, pandas and polars tables and their scalars, objects with __geo_interface__ or __arrow_c_stream__, "
        "and what is still to be computed: dask collections and callables."
    )


def test_files_are_not_read(tmp_path):
    with (tmp_path / "a").open("w") as file, pytest.raises(RequestTypeError, match="read it, and send what it holds"):
        inspect(file)


def test_objects_in_the_fields_of_arrays_are_refused():
    message = "an array whose fields hold objects can't be sent; convert them, such as with astype"
    array = np.zeros(1, [("a", object)])
    assert problems(array) == [("result", message)]
    assert problems({"a": array}) == [('result["a"]', message)]
    assert inspect(xr.Dataset({"a": ("t", np.array(["text", None], object))})).info.kinds == ("value",)


@dataclasses.dataclass
class Record:
    a: int


class Derived(pd.DataFrame):
    """A DataFrame of a user's class."""


@pytest.mark.parametrize(
    "obj",
    [
        np.ma.masked, np.array(["a", None], object), decimal.Decimal(1), uuid.UUID(int=1), pathlib.PurePosixPath("a"),
        collections.OrderedDict(), collections.deque(), pd.NaT, pd.NA, pd.Timestamp("2020"), pd.Index([1]),
        pd.array([1]), pa.array([1]), pa.scalar(1), xr.DataTree(),
    ],
    ids=lambda obj: type(obj).__name__,
)  # fmt: skip
def test_scalars_and_collections_of_known_libraries_can_be_sent(obj):
    assert inspect(obj).info.user_classes == ()
    assert inspect([obj]).info.user_classes == ()


@pytest.mark.parametrize(
    ("obj", "hint"),
    [
        (Record(1), "use dataclasses.asdict() on it"),
        (Colour.RED, "use its .value"),
        (Derived({"a": [1]}), "use pandas.DataFrame() on it"),
    ],
    ids=lambda obj: type(obj).__name__,
)
def test_objects_of_users_classes_are_named_with_what_makes_them_plain(obj, hint):
    name = f"{__name__}.{type(obj).__name__}"
    assert inspect(obj).info.user_classes == (("result", name, hint),)
    assert inspect({"a": [0, obj, obj]}).info.user_classes == (('result["a"][1]', name, hint),)


def test_all_problems_are_listed_with_their_paths_up_to_twenty():
    assert [path for path, _ in problems({"a": [object()], ("t",): object(), "b": {1: object()}})] == [
        'result["a"][0]', "result[a tuple of 1]", 'result["b"][1]',
    ]  # fmt: skip
    many = problems([object() for _ in range(1000)])
    assert len(many) == 21
    assert many[-1] == ("result", "there may be more")


def test_callables_inside_containers_are_no_results():
    assert problems([print])[0][0] == "result[0]"


def test_cycles_and_depths_are_refused_and_shared_parts_are_not():
    loop = []
    loop.append(loop)
    assert problems(loop) == [("result[0]", "contains itself")]
    ring = {"a": [1]}
    ring["a"].append((ring,))
    assert problems(ring) == [('result["a"][1][0]', "contains itself")]
    deep = []
    for _ in range(10_000):
        deep = [deep]
    ((path, message),) = problems(deep)
    assert path == "result" + "[0]" * 10 + "[…]" + "[0]" * 10
    assert message == "is more than 1000 levels deep"
    shared = []
    for _ in range(200):
        shared = [shared, shared]
    assert inspect(shared).info.kinds == ("value",)


def test_arguments_are_checked_against_the_signature():
    def function(a, b=1, *, fromage):
        return a, b, fromage

    assert problems(function, arguments={"b": 2, "fromag": 1}) == [
        ("fromag", "unknown argument 'fromag'; did you mean 'fromage'?"),
        ("a", "the callable needs this argument, and it was not given"),
        ("fromage", "the callable needs this argument, and it was not given"),
    ]
    assert inspect(function, arguments={"a": 1, "fromage": 2}).info.lazy
    assert inspect(lambda **anything: anything, arguments={"x": 1}).info.lazy
    assert problems(lambda: 1, arguments={"zzz": 1}) == [("zzz", "unknown argument 'zzz'; it takes no arguments")]
    assert problems(eval("lambda a, /: a")) == [
        ("a", "the callable takes this by position only: wrap it in a function without it")
    ]


def test_arguments_go_with_callables_only():
    assert problems(2, arguments={"fromat": "json"}) == [
        ("fromat", "unknown argument 'fromat'; did you mean 'format'?")
    ]
    assert problems([1], arguments={"zzz": 1}) == [("zzz", "unknown argument 'zzz'; the result is not a callable")]
    assert problems(dask.delayed(1), arguments={"x": 1}) == [
        ("x", "unknown argument 'x'; the result is not a callable")
    ]


def test_an_adapter_is_asked_before_an_unknown_type_is_refused():
    strange = Hostile()
    found = inspect(strange, adapt=lambda obj: [1, 2] if type(obj) is Hostile else None)
    assert found.obj == [1, 2]
    given = {"a": (strange, 5)}
    assert inspect(given, adapt=lambda obj: 7 if type(obj) is Hostile else None).obj == {"a": (7, 5)}
    assert given["a"][0] is strange
    with pytest.raises(RequestTypeError):
        inspect(strange, adapt=lambda obj: None)
    with pytest.raises(RequestTypeError):
        inspect(strange, adapt=lambda obj: object())


def test_no_heavy_library_is_loaded():
    script = (
        "import sys\nfrom bourn.results.inspect import inspect\nfrom bourn.results.lazy import compute\n"
        "import bourn.results.as_image\n"
        "inspect([1, {'a': 2}]), inspect(lambda: 1), compute(lambda: [1])\n"
        "print([name for name in ('numpy', 'dask', 'xarray', 'rasterio', 'odc', 'pandas', 'pyarrow', 'shapely')"
        " if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


class Profile(xr.Dataset):
    __slots__ = ()


class MayHoldDask:
    def __dask_graph__(self):
        return None


def test_what_could_hold_dask_arrays_and_does_not_is_not_lazy():
    assert not inspect(Profile({"a": 1})).info.lazy
    assert inspect(Profile({"a": ("x", da.zeros(2))})).info.lazy
    with pytest.raises(RequestTypeError, match="MayHoldDask can't be sent"):
        inspect(MayHoldDask())
