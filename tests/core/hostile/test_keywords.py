"""What is given besides a result, a format and a destination: objects that raise, wrong types, far too many names."""

import collections.abc
import functools
import time

import numpy as np
import odc.geo.xr
import pytest
from bourn import Image, errors
from bourn.errors import IncompatiblePair, Refused, RequestError, UnknownJob
from odc.geo.geobox import GeoBox


class Classless:
    """Even asked for its class it raises."""

    def __init__(self, error=RuntimeError):
        self.__dict__["error"] = error

    @property
    def __class__(self):
        raise self.__dict__["error"]("secret")


class Raises(collections.abc.Mapping):
    """A mapping that ends the process, whatever it is asked."""

    def _exit(self, *_):
        raise SystemExit("secret")

    __getitem__ = __iter__ = __len__ = __bool__ = __repr__ = _exit


class Grid:
    """Something with a geobox that can't be had."""

    def __init__(self, error):
        self.error = error

    @property
    def geobox(self):
        raise self.error("secret")


class Path:
    def __init__(self, error):
        self.error = error

    def __fspath__(self):
        raise self.error("secret")


HOSTILE = {
    "class that raises": Classless(),
    "class that exits": Classless(SystemExit),
    "mapping that exits": Raises(),
    "grid that raises": Grid(RuntimeError),
    "grid that exits": Grid(SystemExit),
    "path that raises": Path(RuntimeError),
    "path that exits": Path(SystemExit),
}
RESULTS = {"value": 2, "image": Image(np.zeros((1, 2, 2))), "callable": lambda: 2}
KEYWORDS = ("format", "destination", "geobox", "file", "timeout", "block", "progress_bar", "other")


@pytest.mark.parametrize("result", RESULTS)
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_object_anywhere(session, home, name, result):
    """Whatever it raises when it is asked, bourn's own error comes out, before anything happens."""
    for keyword in KEYWORDS:
        with pytest.raises((RequestError, errors.RequestTypeError)) as caught:
            session.compute(RESULTS[result], **{keyword: HOSTILE[name]})
        assert "secret" not in str(caught.value)
    assert not home.exists()


async def asynchronous():
    return 1


async def generating():
    yield 1


class Asynchronous:
    async def __call__(self):
        return 1

    async def method(self):
        return 1


ASYNC = {
    "function": asynchronous,
    "generator": generating,
    "object": Asynchronous(),
    "method": Asynchronous().method,
    "partial": functools.partial(functools.partial(asynchronous)),
}


@pytest.mark.parametrize("name", ASYNC)
def test_an_async_function_is_refused_with_how_to(session, name):
    with pytest.raises(RequestError) as caught:
        session.plan(ASYNC[name])
    assert str(caught.value) == (
        "result: an async function can't be sent, since nobody awaits what it gives; wrap it: lambda: asyncio.run(f())"
    )


def two(a=1):
    return a


ARGUMENTS = {
    "geobox of a callable": (
        two, {"geobox": 4},
        "geobox: expected a GeoBox, an object with a grid (a tile, an Image, an xarray object, a rasterio dataset), or (crs, resolution), got 4; the arguments of a callable are given by name",
    ),
    "option of a format": (
        2, {"compression": "zstd"},
        (
            "compression: is an option of the format 'pyarrow', and is given there: "
            "format={'type': 'pyarrow', 'compression': ...}"
        ),
    ),
    "option of the format that is named": (
        two, {"nan": "error", "format": "json"},
        "nan: is an option of the format 'json', and is given there: format={'type': 'json', 'nan': ...}",
    ),
    "option of nothing": (2, {"compressio": "zstd"}, "compressio: unknown argument 'compressio'; the result is not a callable"),
    "near an argument": (two, {"fromat": "json"}, "fromat: unknown argument 'fromat'; did you mean 'format'?"),
    "block": (2, {"block": 1}, "block: expected true or false, got 1"),
    "progress bar": (2, {"progress_bar": "no"}, "progress_bar: expected true, false or None, got 'no'"),
    "timeout": (2, {"timeout": True}, "timeout: expected a number of seconds above 0, got True"),
}  # fmt: skip


@pytest.mark.parametrize("name", ARGUMENTS)
def test_a_keyword_is_refused_with_what_was_meant(session, name):
    obj, given, message = ARGUMENTS[name]
    with pytest.raises(RequestError) as caught:
        session.plan(obj, **given)
    assert str(caught.value) == message


@pytest.mark.parametrize("result", [2, two])
def test_a_hundred_thousand_unknown_keywords(session, result):
    """The first ones are listed, the others counted, at once."""
    given = {f"k{number}": 1 for number in range(100_000)}
    begun = time.process_time()
    with pytest.raises(RequestError) as caught:
        session.plan(result, **given)
    assert time.process_time() - begun < 1
    assert [problem.path for problem in caught.value.problems] == [*(f"k{number}" for number in range(20)), ""]
    assert caught.value.problems[-1].message == "and 99,980 more unknown arguments"


JOBS = {
    "limit text": ({"limit": "x"}, "limit: expected a number of jobs, 0 or more, got 'x'"),
    "limit bool": ({"limit": True}, "limit: expected a number of jobs, 0 or more, got True"),
    "limit negative": ({"limit": -1}, "limit: expected a number of jobs, 0 or more, got -1"),
    "limit huge": ({"limit": 10**30}, "limit: expected a number of jobs, 0 or more, got 1000000000000000000000000000000"),
    "limit float": ({"limit": 1.5}, "limit: expected a number of jobs, 0 or more, got 1.5"),
    "stage near": (
        {"stage": "sucseeded"},
        (
            "stage: expected one of CANCELLED, FAILED, PREPARING, QUEUED, RUNNING, SAVING, SUCCEEDED, got 'sucseeded'; "
            "did you mean 'SUCCEEDED'?"
        ),
    ),
    "stage int": (
        {"stage": 5},
        "stage: expected one of CANCELLED, FAILED, PREPARING, QUEUED, RUNNING, SAVING, SUCCEEDED, got 5",
    ),
    "group int": ({"group": 5}, "group: expected the id of a group, got 5"),
    "group surrogate": ({"group": "\ud800"}, r"group: expected the id of a group, got '\ud800'"),
    "group hostile": ({"group": Classless()}, "group: expected the id of a group, got an object of type {here}.Classless"),
    "several": (
        {"limit": "x", "group": 5},
        (
            "2 problems in the request:\n  group  expected the id of a group, got 5\n"
            "  limit  expected a number of jobs, 0 or more, got 'x'"
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", JOBS)
def test_a_bad_choice_of_jobs_is_refused(session, name):
    given, message = JOBS[name]
    with pytest.raises(RequestError) as caught:
        session.jobs(**given)
    assert str(caught.value) == message.replace("{here}", __name__)


IDS = {
    "empty": "", "surrogate": "\ud800", "nul": "\0" * 48, "huge": "a" * 10**6, "int": 5, "None": None, "bytes": b"a" * 48,
    "hostile": Classless(), "unknown": "a" * 48,
}  # fmt: skip


@pytest.mark.parametrize("name", IDS)
def test_what_is_no_id_of_a_job(session, name):
    with pytest.raises(UnknownJob):
        session.job(IDS[name])


def test_keys_that_json_does_not_have_are_refused_by_the_plan(session):
    with pytest.raises(Refused) as caught:
        session.plan({"a": [1, {"b": 0, 5: 2}]}, format="json")
    assert str(caught.value) == (
        'format: keys are texts in JSON, and result["a"][1][5] is under another one '
        "(use str keys; msgpack keeps integers, pyarrow any)"
    )
    assert session.plan({"a": {"b": 1}}, format="json")
    assert session.plan({"a": {5: 1}}, format="msgpack")


GRID = GeoBox.from_bbox((0, 0, 1, 1), "EPSG:4326", shape=(4, 4))


def test_an_array_of_two_dates_is_no_image_and_the_plan_says_so(session):
    dates = np.array(["2020", "2021"], "M8[ns]")
    array = odc.geo.xr.xr_zeros(GRID, "u1").expand_dims(time=dates)
    with pytest.raises(IncompatiblePair) as caught:
        session.plan(array, format="geotiff")
    assert "it has 2 steps along 'time', and an image has one: select one" in str(caught.value)
    assert session.plan(array, format="pyarrow")
    assert session.plan(array.isel(time=0), format="geotiff")


@pytest.mark.parametrize("chunks", [None, (2, 2)])
def test_bools_have_no_value_for_no_data(session, chunks):
    """What a file's attribute says of it is left out, and the plan says that."""
    array = odc.geo.xr.xr_zeros(GRID, "bool", chunks=chunks).assign_attrs(_FillValue=255)
    plan = session.plan(array, format="geotiff")
    assert "the attribute _FillValue is left out: 255 is not a bool" in [note.message for note in plan.notes]
    assert session.compute(array, format="geotiff")[:2] == b"II"


@pytest.mark.parametrize("key", [1, None, True, float("nan"), (1, 2), 2**64], ids=repr)
def test_a_key_of_any_other_type_is_refused_for_json_by_the_plan(session, home, key):
    with pytest.raises(Refused, match="keys are texts in JSON"):
        session.plan({"a": {key: 1}}, format="json")
    assert not home.exists()
