"""Computing what is lazy: at once, watched, and cancelled between tasks."""

import threading
import time

import dask
import dask.array as da
import numpy as np
import pytest
import rasterio
import xarray as xr
from bourn.errors import ResultRefused
from bourn.image.image import Image
from bourn.results.as_image import as_image
from bourn.results.lazy import Cancelled, compute
from odc.geo.xr import wrap_xr


def test_what_is_not_lazy_is_given_back_as_it_is():
    for obj in (2, [1, {"a": 2}], np.zeros(3), Image(np.zeros((2, 2)))):
        assert compute(obj) is obj


def test_lazy_parts_of_a_container_are_computed_together_and_once():
    calls = []

    @dask.delayed(pure=False)
    def shared():
        calls.append(1)
        return 3

    part = shared()
    given = {"a": [part, part + 1], ("k",): (part * 2, {5}), "n": 1}
    assert compute(given) == {"a": [3, 4], ("k",): (6, {5}), "n": 1}
    assert len(calls) == 1
    assert given["a"][0] is part


def test_a_callable_is_called_and_its_lazy_result_computed():
    assert compute(lambda x: [dask.delayed(x), x], arguments={"x": 5}) == [5, 5]
    assert compute(dask.delayed(lambda: dask.delayed(7))()) == 7


def test_a_callable_that_gives_a_callable_is_refused():
    with pytest.raises(ResultRefused, match="the callable gave no result but another callable"):
        compute(lambda: lambda: 1)


def test_images_and_xarray_objects_are_computed(utm):
    image = Image(da.ones((2, 3, 5), chunks=2), mask=da.zeros((3, 5), dtype=bool), geobox=utm)
    one, two, scene = compute([image, image, wrap_xr(da.ones((3, 5)), utm)])
    assert one is two
    assert not one.lazy
    assert one.identical(image)
    assert isinstance(scene, xr.DataArray)
    assert scene.chunks is None


def test_with_keep_what_a_format_reads_in_blocks_stays_lazy(utm):
    for obj in (Image(da.ones((2, 2))), da.ones(3), wrap_xr(da.ones((3, 5)), utm)):
        assert compute(obj, keep=True) is obj
    assert compute(lambda: da.ones(3), keep=True).npartitions == 1
    assert isinstance(compute([da.ones(3)], keep=True)[0], np.ndarray)
    assert compute(xr.DataArray(da.ones(3)), keep=True).chunks == ((3,),)
    unknown = da.ones(3)[da.ones(3) > 0]
    assert isinstance(compute(unknown, keep=True), np.ndarray)


def test_an_image_in_a_file_is_read(tmp_path):
    path = tmp_path / "a.png"
    with rasterio.open(
        path, "w", driver="PNG", width=4, height=3, count=1, dtype="uint8", transform=rasterio.Affine(1, 0, 0, 0, -1, 3)
    ) as dataset:
        dataset.write(np.arange(12, dtype="u1").reshape(1, 3, 4))
    seen = []
    (image,) = compute([Image.open(path)], progress=lambda *step: seen.append(step))
    assert not image.lazy
    assert image.array.ravel().tolist() == list(range(12))
    assert seen == [(1, 1)]


def test_progress_counts_tasks():
    seen = []
    compute([dask.delayed(abs)(number) for number in range(-20, 0)], progress=lambda *step: seen.append(step))
    assert [done for done, _ in seen] == list(range(1, seen[-1][1] + 1))
    assert seen[-1][1] >= 20


def test_progress_of_one_thread_counts_its_own_tasks():
    seen = {}

    def run(count):
        steps = seen[count] = []
        tasks = [dask.delayed(time.sleep, pure=False)(0.001) for _ in range(count)]
        compute(tasks, progress=lambda *step: steps.append(step))

    threads = [threading.Thread(target=run, args=(count,)) for count in (10, 20, 30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {count: len(steps) for count, steps in seen.items()} == {10: 10, 20: 20, 30: 30}


def test_cancelling_ends_between_tasks():
    done = []
    tasks = [dask.delayed(lambda n: (time.sleep(0.02), done.append(n)))(n) for n in range(200)]
    with pytest.raises(Cancelled):
        compute(tasks, cancelled=lambda: len(done) > 5)
    time.sleep(0.1)
    assert len(done) < 50


def test_a_cancelled_callable_loses_its_result():
    wanted = [False]

    def work():
        wanted[0] = True
        return 1

    with pytest.raises(Cancelled):
        compute(work, cancelled=lambda: wanted[0])


def test_a_task_that_fails_raises_its_own_error():
    with pytest.raises(ZeroDivisionError):
        compute([dask.delayed(lambda: 1 / 0)()])


def test_as_image_takes_images_and_xarray_objects_and_says_why_not(utm):
    image = Image(np.zeros((2, 2)))
    assert as_image(image) is image
    assert as_image(wrap_xr(np.zeros((3, 5)), utm)).geobox == utm
    with pytest.raises(ResultRefused) as caught:
        as_image(np.zeros((2, 2)))
    assert str(caught.value) == (
        "expected an image, a bourn.Image or an xarray object with y and x, got numpy.ndarray; "
        "make one: bourn.Image(array, bands=[...], geobox=...)"
    )
    with pytest.raises(
        ResultRefused, match=r"the xarray DataArray is not an image: image.array: which of the dimensions"
    ):
        as_image(xr.DataArray(np.zeros(3)))


class FakeFuture:
    def __init__(self, value, polls):
        self.value, self.polls = value, polls

    def done(self):
        self.polls -= 1
        return self.polls < 0


def fake_distributed(monkeypatch, polls):
    """A client that computes at once and says so only after some polls."""
    import sys
    from types import SimpleNamespace

    class Client:
        cancelled = False

        def compute(self, collections):
            return [FakeFuture(dask.compute(part)[0], polls) for part in collections]

        def gather(self, futures):
            return [future.value for future in futures]

        def cancel(self, futures):
            self.cancelled = True

    client = Client()
    monkeypatch.setitem(sys.modules, "distributed", SimpleNamespace(default_client=lambda: client))
    return client


def test_an_active_distributed_client_computes(monkeypatch):
    client = fake_distributed(monkeypatch, 2)
    assert compute([dask.delayed(2), {"a": da.ones(2).sum()}]) == [2, {"a": 2}]
    assert not client.cancelled


def test_what_is_cancelled_is_cancelled_at_the_client(monkeypatch):
    client = fake_distributed(monkeypatch, 10**6)
    begun = time.monotonic()
    with pytest.raises(Cancelled):
        compute([dask.delayed(2)], cancelled=lambda: time.monotonic() - begun > 0.2)
    assert client.cancelled


def test_a_result_of_an_unknown_class_is_not_probed():
    """Whether it can be sent is looked at afterwards; here it only passes through."""

    class Hostile:
        @property
        def __class__(self):
            msg = "asked"
            raise SystemExit(msg)

        def __getattr__(self, name):
            raise SystemExit(name)

    hostile = Hostile()
    assert compute(lambda: hostile, keep=True) is hostile
    assert compute(lambda: [hostile])[0] is hostile


def objects(shape, dtype):
    """A dask array that says that it is of numbers, and gives objects."""
    made = np.full(shape, "a", object)
    return da.map_blocks(
        lambda: made, chunks=tuple((side,) for side in shape), dtype=dtype, meta=np.empty((0,) * len(shape), dtype)
    )


def test_blocks_of_objects_that_were_declared_as_numbers():
    """A format would write what could not be loaded again, or the wrong thing."""
    for obj in (objects((3,), "f8"), [objects((3,), "f8")]):
        with pytest.raises(ResultRefused, match="declared as of dtype float64, and computing it gave one of object"):
            compute(obj)
    with pytest.raises(ResultRefused, match=r"declared as .* of float32, and computing it gave .* of object"):
        compute(Image(objects((1, 1, 2), "f4")))


def test_blocks_of_another_shape_than_was_declared():
    wrong = da.map_blocks(
        lambda: np.zeros((1, 1, 3), "f4"), chunks=((1,), (1,), (2,)), dtype="f4", meta=np.empty((0, 0, 0), "f4")
    )
    with pytest.raises(ResultRefused, match=r"declared as \(1, 1, 2\) of float32, and computing it gave \(1, 1, 3\)"):
        compute(Image(wrong))
