"""What may go wrong while a GeoTIFF is made: a typed error each time, and no temporary files left."""

import io
import os
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dask.array as da
import numpy as np
import pytest
import rasterio
from bourn import Session, Settings
from bourn.errors import BournError, JobCancelled, JobFailed, ResultRefused
from bourn.plugin import Image
from bourn_formats.geotiff import GeoTIFF, Options
from bourn_formats.geotiff.cog import spool, threads
from rasterio.io import MemoryFile

pytestmark = [
    pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning"),
    pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning"),
]

WAYS = ["DEFLATE", "LZW"]
"""Written here, and by GDAL."""


@pytest.fixture
def temporary(monkeypatch, tmp_path):
    """The folder for temporary files, into which spools go at once; nothing may be left in it, nor open."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(spool, "IN_MEMORY_BYTES", 0)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []
    assert open_in(folder) == []
    with threads.tile_executor(small=False) as executor:
        assert executor._work_queue.qsize() == 0
    assert threads._files == 0


def open_in(folder):
    if not Path("/proc/self/fd").exists():
        return []
    links = [os.readlink(link) for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]  # noqa: PTH115  # tells deleted ones
    return [name for name in links if str(folder) in name]


@pytest.fixture
def session(tmp_path):
    session = Session(Settings(home=str(tmp_path / "home")))
    yield session
    session.close()


def form(compression):
    return {"type": "geotiff", "compression": compression, "blocksize": 64}


def lazy(seventh):
    """4 x 4 chunks; of the seventh what `seventh` gives."""
    lock, count = threading.Lock(), iter(range(1000))

    def block(block_info=None):
        with lock:
            number = next(count)
        return seventh() if number == 6 else np.ones(block_info[None]["chunk-shape"], "u2")

    return Image(da.map_blocks(block, chunks=((1,), (100,) * 4, (100,) * 4), dtype="u2", meta=np.empty((0,) * 3, "u2")))


def raising(error):
    def seventh():
        raise error

    return seventh


BROKEN = {
    "raises": (raising(ZeroDivisionError("over")), JobFailed, "over"),
    "no memory": (raising(MemoryError("gone")), JobFailed, "gone"),
    "exits": (raising(SystemExit(3)), JobFailed, "SystemExit"),
    "shape": (lambda: np.ones((1, 1, 1), "u2"), ResultRefused, "declared as"),
    "NaN": (lambda: np.full((1, 100, 100), np.nan), ResultRefused, "declared as"),
    "negative": (lambda: np.full((1, 100, 100), -1), ResultRefused, "declared as"),
    "masked": (lambda: np.ma.masked_all((1, 100, 100), "u2"), ResultRefused, "came out masked"),
    "nothing": (lambda: None, ResultRefused, "declared as"),
}


@pytest.mark.slow
@pytest.mark.parametrize("compression", WAYS)
@pytest.mark.parametrize("name", BROKEN)
def test_the_seventh_block_goes_wrong(session, temporary, name, compression):
    seventh, error, words = BROKEN[name]
    with pytest.raises(error, match=words) as caught:
        session.compute(lazy(seventh), format=form(compression))
    assert caught.value.job.stage == "FAILED"
    assert list(session.store.keys()) == []
    assert len(session.compute(lazy(lambda: np.ones((1, 100, 100), "u2")), format=form(compression))) > 100


@pytest.mark.parametrize("compression", WAYS)
def test_cancelled_in_the_middle(session, temporary, compression):
    begun = threading.Event()

    def slow():
        begun.set()
        time.sleep(0.3)
        return np.ones((1, 100, 100), "u2")

    job = session.compute(lazy(slow), format=form(compression), block=False)
    assert begun.wait(60)
    job.cancel()
    with pytest.raises(JobCancelled):
        job.wait(60)
    assert list(session.store.keys()) == []


def noise(seed, shape=(3, 500, 400)):
    return np.random.default_rng(seed).integers(0, 60_000, shape).astype("u2")


def striped(path, array):
    with rasterio.open(
        path, "w", driver="GTiff", width=400, height=500, count=3, dtype="uint16", tiled=True, blockxsize=64,
        blockysize=64, compress="deflate",
    ) as file:  # fmt: skip
        file.write(array)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("compression", WAYS)
@pytest.mark.parametrize("harm", ["cut off", "garbage", "gone", "another"])
def test_an_input_that_is_harmed_while_it_is_read(session, temporary, tmp_path, harm, compression):
    """After it was opened, which reads no pixel."""
    path = striped(tmp_path / "a.tif", noise(0))
    data = bytearray(path.read_bytes())
    if harm == "garbage":  # before it is opened: else it would be another file
        data[len(data) // 2 : len(data) // 2 + 20_000] = bytes(20_000)
        path.write_bytes(data)
    image = Image.open(path)
    # No dataset that was opened before is used again.
    image._pixels.datasets._forget()
    if harm == "cut off":
        with path.open("r+b") as file:
            file.truncate(len(data) // 2)
    elif harm == "gone":
        path.unlink()
    elif harm == "another":
        striped(path, noise(1))
    with pytest.raises(JobFailed, match=r"a\.tif"):
        session.compute(image, format=form(compression))
    assert list(session.store.keys()) == []


SHAPES = [(1, 1, 1), (1000, 1, 1), (1, 65_000, 3), (1, 3, 65_000), (1, 65_000, 1), (2, 1, 513), (3, 5, 2)]


@pytest.mark.slow
@pytest.mark.parametrize("resampler", ["nearest", "average", "mode"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_odd_shapes(temporary, shape, resampler):
    """Every pixel is there, every overview half of the one before."""
    array = np.random.default_rng(0).integers(0, 200, shape).astype("u1")
    sink = io.BytesIO()
    GeoTIFF().encode(Image(array), Options(blocksize=64, overview_resampler=resampler), sink)
    with MemoryFile(sink.getvalue()) as memory:
        with memory.open() as file:
            np.testing.assert_array_equal(array, file.read())
            levels = len(file.overviews(1))
        sizes = [array.shape[1:]]
        for level in range(levels):
            with memory.open(overview_level=level) as file:
                sizes.append(file.shape)
                assert file.read().shape == (shape[0], *file.shape)
    assert sizes[1:] == [(max(1, height // 2), max(1, width // 2)) for height, width in sizes[:-1]]


@pytest.mark.parametrize("shape", [(1, 0, 5), (1, 5, 0), (0, 5, 5)], ids=str)
def test_no_pixels_are_no_image(shape):
    for array in (np.ones(shape), da.ones(shape)):
        with pytest.raises(BournError, match="one pixel at least"):
            Image(array)


@pytest.mark.slow
@pytest.mark.parametrize("compression", WAYS)
def test_eight_writers_at_once(session, temporary, compression):
    """Two of which break: the others' files are those that one alone writes."""
    good = [Image(noise(seed)) for seed in range(6)]
    alone = [session.compute(image, format=form(compression)) for image in good]
    images = [*good[:3], lazy(raising(ZeroDivisionError("over"))), *good[3:], lazy(lambda: None)]

    def write(image):
        try:
            return session.compute(image, format=form(compression))
        except JobFailed as error:
            return error

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(write, images))
    broken = [found.pop(3), found.pop(6)]
    assert all(isinstance(error, JobFailed) for error in broken)
    assert found == alone
