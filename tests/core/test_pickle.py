"""Errors, plans, images and jobs cross a process boundary: same class, same text, and no secret."""

import multiprocessing
import pickle
import subprocess
import sys

import attrs
import bourn
import numpy as np
import pytest
from bourn import errors
from bourn.errors import DeliveryError, Problem, RequestError
from bourn.plugin import Destination, Receipt, Secret, option


def again(value):
    return pickle.loads(pickle.dumps(value))


def made(kind):
    if issubclass(kind, RequestError):
        return kind([Problem("a.b", "wrong"), Problem("c", "wrong, too")], about="the image")
    return kind("what is wrong")


@pytest.mark.parametrize(
    "name", [name for name in errors.__all__ if name not in {"BournWarning", "JobReference", "Problem"}]
)
def test_every_error_is_the_same_afterwards(name):
    error = made(getattr(errors, name))
    copy = again(error)
    assert (type(copy), str(copy), copy.args, copy.message) == (type(error), str(error), error.args, error.message)
    assert vars(copy) == vars(error)
    with pytest.raises(type(error)):
        raise copy


def test_the_cause_crosses_as_text():
    """In a process of its own: `distributed` has pickle carry causes and tracebacks in its own way (tblib)."""
    code = """
import pickle
from bourn.errors import JobFailed
error = JobFailed("computing failed")
error.__cause__ = KeyError("x")
copy = pickle.loads(pickle.dumps(error))
print(repr(copy.__cause__), pickle.loads(pickle.dumps(copy)).__cause__)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == """RemoteCause("KeyError: 'x'") RemoteCause: KeyError: 'x'\n""", done.stderr


def test_what_does_not_pickle_is_left_behind():
    class Full(DeliveryError):
        code = "full"

    error = Full("no room")
    error.lock = multiprocessing.Lock()
    error.job = lambda: None
    copy = again(error)
    assert (type(copy), str(copy), copy.job, copy.jobs) == (DeliveryError, "no room", None, ())


POOL = """
import bourn
from concurrent.futures import ProcessPoolExecutor

def bad_request():
    bourn.plan(1, destination="emial")

def bad_job():
    bourn.compute(lambda: 1 / 0)

def raised(work):
    try:
        pool.submit(work).result()
    except Exception as error:
        return error

if __name__ == "__main__":
    with ProcessPoolExecutor(1) as pool:
        request, job = raised(bad_request), raised(bad_job)
        print(type(request).__name__, request.problems[0].path, type(job).__name__, job.job.stage)
        print(pool.submit(abs, -1).result(), pool.submit(bourn.compute, 2).result())
"""


@pytest.mark.slow
def test_a_pool_of_processes_survives(home, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(POOL)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout == "UnknownPlugin destination JobFailed FAILED\n1 2\n", done.stderr


@attrs.frozen
class Options:
    token: Secret = option(help="A secret.", min_length=8)
    name: str = option(default="x", help="A name.")


class Locked(Destination[Options]):
    def deliver(self, artifact, options, context):
        return Receipt()


def test_a_plan_crosses_without_its_secrets(session_of):
    from bourn_download import Download
    from bourn_formats.pyarrow import PyArrow

    session = session_of(destinations={"locked": Locked, "download": Download}, formats={"pyarrow": PyArrow})
    plan = session.plan(1, destination={"type": "locked", "token": "hunter2-hunter2", "name": "y"})
    data = pickle.dumps(plan)
    assert b"hunter2" not in data
    copy = pickle.loads(data)
    assert (str(copy), copy.as_json()) == (str(plan), plan.as_json())


def test_images_cross(session):
    from odc.geo.geobox import GeoBox

    grid = GeoBox.from_bbox((0, 0, 1, 1), crs="EPSG:4326", shape=(8, 8))
    pixels = np.arange(64, dtype="uint8").reshape(1, 8, 8)
    image = bourn.Image(
        pixels, bands=["a"], mask=pixels == 3, geobox=grid, properties={"date": "2026-01-01"},
        bandinfo={"a": {"nodata": 7, "unit": "m"}},
    )  # fmt: skip
    copy = again(image)
    assert np.array_equal(copy.array, image.array)
    assert np.array_equal(copy.mask, image.mask)
    assert (copy.bands, copy.geobox, copy.properties, copy.bandinfo) == (
        image.bands, image.geobox, image.properties, image.bandinfo,
    )  # fmt: skip
    with pytest.raises(TypeError):
        copy.properties["date"] = None


def test_a_job_crosses_by_its_id(session):
    job = session.compute(2, block=False).wait()
    copy = again(job)
    assert (type(copy), copy.id, copy.result()) == (type(job), job.id, 2)
