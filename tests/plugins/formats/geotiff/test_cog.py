"""The file itself: what is left out, what is hidden in it, who can read it, what happens when something goes wrong."""

import errno
import io
import os
import signal
import struct
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import zlib
from contextlib import suppress
from pathlib import Path

import dask.array as da
import numpy as np
import pytest
import rasterio
import tifffile
from bourn.plugin import Image
from bourn_formats.geotiff import GeoTIFF, Options
from bourn_formats.geotiff.cog import header, spool, threads
from rasterio.io import MemoryFile
from rio_cogeo.cogeo import cog_validate

pytestmark = [pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")]


def written(image, **options):
    sink = io.BytesIO()
    GeoTIFF().encode(image, Options(**options), sink)
    return sink.getvalue()


def noise(shape, dtype="u2", seed=0):
    return np.random.default_rng(seed).integers(0, 200, shape).astype(dtype)


def tags(file, page=0):
    with tifffile.TiffFile(io.BytesIO(file)) as tiff:
        return {tag.code: tag.value for tag in tiff.pages[page].tags}


@pytest.mark.parametrize("compression", ["DEFLATE", "ZSTD", "none"])
@pytest.mark.parametrize("dtype", ["u1", "i2", "u4", "i8", "f4", "f8"])
def test_tifffile_reads_it(dtype, compression):
    """A reader that has nothing of GDAL's."""
    pytest.importorskip("imagecodecs")
    array = noise((3, 150, 200), dtype)
    file = written(Image(array), compression=compression, blocksize=64)
    np.testing.assert_array_equal(array, np.moveaxis(tifffile.imread(io.BytesIO(file), key=0), -1, 0))


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(("compression", "level"), [("DEFLATE", None), ("DEFLATE", 4), ("ZSTD", None), ("none", None)])
def test_each_tile_stands_between_its_size_and_its_end(masked, compression, level):
    """GDAL's BLOCK_LEADER and BLOCK_TRAILER; and the mask's tile behind that of the pixels."""
    mask = noise((150, 200), "u1") > 100 if masked else None
    file = written(Image(noise((2, 150, 200)), mask=mask), blocksize=64, compression=compression, level=level)
    assert (b"MASK_INTERLEAVED_WITH_IMAGERY=YES" in file[:300]) == masked
    with tifffile.TiffFile(io.BytesIO(file)) as tiff:
        pages = [(page.dataoffsets, page.databytecounts) for page in tiff.pages]
    for offsets, sizes in pages:
        for offset, size in zip(offsets, sizes, strict=True):
            assert struct.unpack_from("<I", file, offset - 4) == (size,)
            assert file[offset + size - 4 : offset + size] == file[offset + size : offset + size + 4]
    if masked:
        (offsets, sizes), (of_masks, _) = pages[:2]
        assert [offset + size + 8 for offset, size in zip(offsets, sizes, strict=True)] == list(of_masks)


def test_the_smallest_overview_comes_first():
    file = written(Image(noise((1, 600, 600))), blocksize=64)
    with tifffile.TiffFile(io.BytesIO(file)) as tiff:
        directories = [page.offset for page in tiff.pages]
        tiles = [page.dataoffsets[0] for page in tiff.pages]
    assert sorted(directories) == directories
    assert sorted(tiles, reverse=True) == tiles
    assert max(directories) < min(tiles)


@pytest.mark.parametrize(
    ("dtype", "nodata", "fill"), [("u1", None, 0), ("u2", 7, 7), ("f4", np.nan, np.nan), ("f8", None, 0)]
)
def test_empty_tiles_are_left_out(dtype, nodata, fill):
    """All that a reader sees where there is no tile: nodata, or 0."""
    array = np.full((2, 256, 256), fill, dtype)
    array[:, :60, 70:80] = 5
    info = {} if nodata is None else {"a": {"nodata": nodata}, "b": {"nodata": nodata}}
    file = written(Image(array, ["a", "b"], bandinfo=info), blocksize=64)
    counts = tags(file)[325]
    assert np.flatnonzero(counts).tolist() == [1]
    with MemoryFile(file) as memory, memory.open() as dataset:
        np.testing.assert_array_equal(array, dataset.read())


def test_minus_zero_is_not_empty():
    array = np.full((1, 64, 64), -0.0)
    with MemoryFile(written(Image(array))) as memory, memory.open() as dataset:
        assert np.signbit(dataset.read()).all()


def test_a_tile_is_left_out_with_a_mask_only_if_all_is_masked():
    mask = np.zeros((128, 128), bool)
    mask[:64] = True
    file = written(Image(np.zeros((1, 128, 128), "u1"), mask=mask), blocksize=64)
    assert [np.flatnonzero(tags(file, page)[325]).tolist() for page in (0, 1)] == [[2, 3], [2, 3]]
    with MemoryFile(file) as memory, memory.open() as dataset:
        np.testing.assert_array_equal(np.where(mask, 0, 255), dataset.dataset_mask())


def test_level_and_size():
    array = np.cumsum(noise((1, 256, 256)) % 7, axis=2, dtype="u2")
    sizes = [len(written(Image(array), level=level)) for level in (1, 12)]
    assert sizes[0] > sizes[1]


@pytest.mark.parametrize("masked", [False, True])
def test_bigtiff_where_offsets_need_it(monkeypatch, tmp_path, masked):
    """Here from 10,000 bytes on, to see that all readers find everything."""
    monkeypatch.setattr(header, "BIG_FROM", 10_000)
    small = written(Image(np.ones((1, 50, 50), "u1")))
    assert small[:4] == b"II*\0"
    array = noise((3, 600, 500))
    mask = noise((600, 500), "u1") > 100 if masked else None
    path = tmp_path / "big.tif"
    path.write_bytes(written(Image(array, mask=mask), blocksize=64))
    assert path.read_bytes()[:4] == b"II+\0"
    assert (True, [], []) == cog_validate(path, strict=True, quiet=True)
    with rasterio.open(path) as dataset:
        np.testing.assert_array_equal(array, dataset.read())
        if masked:
            np.testing.assert_array_equal(np.where(mask, 0, 255), dataset.dataset_mask())
    with rasterio.open(path, overview_level=1) as dataset:
        np.testing.assert_array_equal(array[:, ::4, ::4], dataset.read())


def test_whole_numbers_of_a_mask():
    """One bit a pixel, deflated, 1 where valid (TIFF 6.0, transparency masks)."""
    mask = noise((64, 64), "u1") > 100
    file = written(Image(noise((1, 64, 64)), mask=mask), compression="none", blocksize=64)
    of_mask = tags(file, 1)
    raw = zlib.decompress(file[of_mask[324][0] :][: of_mask[325][0]])
    np.testing.assert_array_equal(~mask, np.unpackbits(np.frombuffer(raw, "u1")).reshape(64, 64).astype(bool))


@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
def test_many_bands(dtype):
    array = noise((40, 70, 130), dtype)
    with MemoryFile(written(Image(array), blocksize=64)) as memory, memory.open() as dataset:
        np.testing.assert_array_equal(array, dataset.read())


@pytest.mark.slow
@pytest.mark.parametrize("chunks", [(1, 100, 100), (3, 700, 64), (2, 37, 900), (3, 700, 900)])
@pytest.mark.parametrize("resampler", ["nearest", "average"])
def test_chunks_make_no_difference(chunks, resampler):
    array = noise((3, 701, 901), "f4")
    mask = noise((701, 901), "u1") > 150
    whole = written(Image(array, mask=mask), blocksize=128, overview_resampler=resampler)
    lazy = Image(da.from_array(array, chunks=chunks), mask=da.from_array(mask, chunks=chunks[1:]))
    assert whole == written(lazy, blocksize=128, overview_resampler=resampler)


def test_the_callers_pixels_are_not_changed():
    array = noise((2, 300, 300))
    before = array.copy()
    mask = noise((300, 300), "u1") > 100
    written(Image(array, mask=mask, bandinfo={"band_1": {"nodata": 3}, "band_2": {"nodata": 3}}), blocksize=64)
    np.testing.assert_array_equal(before, array)


def test_other_threads_run_meanwhile():
    """rasterio holds the GIL while it compresses: another thread then waits for the whole file."""
    image = Image(noise((4, 2048, 2048)))
    written(image)
    longest, done = 0.0, threading.Event()

    def tick():
        nonlocal longest
        last = time.perf_counter()
        while not done.is_set():
            time.sleep(0.001)
            now = time.perf_counter()
            longest, last = max(longest, now - last), now

    thread = threading.Thread(target=tick)
    thread.start()
    started = time.perf_counter()
    written(image)
    took = time.perf_counter() - started
    done.set()
    thread.join()
    assert longest < max(0.25, took / 2)


class Stops:
    """A sink that breaks after so many bytes."""

    def __init__(self, after_bytes):
        self.left = after_bytes

    def write(self, data):
        self.left -= len(data)
        if self.left < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return len(data)


@pytest.fixture
def on_disk(monkeypatch, tmp_path):
    """Spools go to disk at once, into an empty folder."""
    monkeypatch.setattr(spool, "IN_MEMORY_BYTES", 0)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(("compression", "level"), [("DEFLATE", None), ("DEFLATE", 4), ("ZSTD", None), ("none", None)])
def test_the_same_through_the_disk(on_disk, monkeypatch, compression, level):
    image = Image(noise((3, 700, 600)), mask=noise((700, 600), "u1") > 100)
    through = written(image, blocksize=64, compression=compression, level=level)
    monkeypatch.setattr(spool, "IN_MEMORY_BYTES", 1 << 30)
    assert written(image, blocksize=64, compression=compression, level=level) == through


def open_spools(folder):
    """Files without a name that this process has open there."""
    found = []
    for link in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the one by which the folder is read
            found.append(str(link.readlink()))
    return [name for name in found if str(folder) in name]


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="looks for open files in /proc")
@pytest.mark.parametrize("after_bytes", [0, 100, 20_000, 400_000])
def test_a_sink_that_breaks_leaves_nothing(on_disk, after_bytes):
    image = Image(noise((3, 700, 600)))
    written(image)
    with pytest.raises(OSError, match="No space left"):
        GeoTIFF().encode(image, Options(blocksize=64), Stops(after_bytes))
    assert open_spools(on_disk) == []
    assert list(on_disk.iterdir()) == []


@pytest.mark.parametrize("at_row", [0, 1, 5])
def test_an_image_that_breaks_stops_all_threads(on_disk, at_row):
    """The error is the image's own, and nothing of the file is worked on any more."""

    def block(block_info=None):
        if block_info[None]["chunk-location"][1] == at_row:
            msg = "broken"
            raise RuntimeError(msg)
        return np.ones(block_info[None]["chunk-shape"], "u2")

    array = da.map_blocks(block, chunks=((2,), (100,) * 6, (400,)), dtype="u2", meta=np.empty((0, 0, 0), "u2"))
    sink = io.BytesIO()
    with pytest.raises(RuntimeError, match="broken"):
        GeoTIFF().encode(Image(array), Options(blocksize=64), sink)
    assert sink.getvalue() == b""
    with threads.tile_executor(small=False) as executor:
        assert executor._work_queue.qsize() == 0
    assert list(on_disk.iterdir()) == []


def test_small_ones_at_once_are_left_to_their_own_threads(monkeypatch):
    """As many as there are cores, of which there are two; the same bytes come of it."""
    monkeypatch.setattr(threads, "_cores", lambda: 2)
    seen = {}

    def name(*_):
        return threading.current_thread().name

    with (
        threads.tile_executor(small=True) as first,
        threads.tile_executor(small=True) as second,
        threads.tile_executor(small=False) as large,
    ):
        seen = {label: one.submit(name).result() for label, one in [("1", first), ("2", second), ("large", large)]}
        image = Image(noise((3, 700, 600)), mask=noise((700, 600), "u1") > 100)
        busy = written(image, blocksize=64)
    mine = threading.current_thread().name
    assert (seen["1"] != mine, seen["2"] == mine, seen["large"] != mine) == (True, True, True)
    assert busy == written(image, blocksize=64)


def test_what_breaks_in_a_thread_of_its_own_is_raised_as_from_any_other(monkeypatch):
    monkeypatch.setattr(threads, "_cores", lambda: 1)
    monkeypatch.setattr("bourn_formats.geotiff.cog.writer.fill_tile", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        written(Image(noise((2, 70, 60))), blocksize=64)
    assert threads._files == 0


class Unwanted(Exception):
    """What a cancelled job raises."""


def test_progress_may_stop_it(on_disk):
    def progress(done, _total):
        if done == 3:
            raise Unwanted

    image = Image(noise((2, 700, 600))).watched(progress)
    with pytest.raises(Unwanted):
        written(image, blocksize=64)
    written(Image(noise((2, 70, 60))))


@pytest.mark.slow
@pytest.mark.parametrize("limit", [1000, 300_000, 700_000, 900_000])
def test_no_room_for_the_spool_is_an_error(limit):
    """However far it gets."""
    code = """
        import io, resource, signal, sys
        import numpy as np
        from bourn.plugin import EncodeError, Image
        from bourn_formats.geotiff import GeoTIFF, Options
        from bourn_formats.geotiff.cog import spool

        spool.IN_MEMORY_BYTES = 0
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        image = Image(np.random.default_rng(0).integers(0, 255, (1, 1024, 1024)).astype("u1"))
        limit = int(sys.argv[1])
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        sink = io.BytesIO()
        try:
            GeoTIFF().encode(image, Options(blocksize=128), sink)
        except EncodeError as fault:
            print("refused", len(sink.getvalue()), fault)
    """
    out = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(limit)], capture_output=True, text=True, check=True
    )
    assert out.stdout.startswith("refused 0 ")
    assert "File too large" in out.stdout


def test_a_full_spool_says_where():
    full = spool.Spool()
    full.size_bytes = spool.IN_MEMORY_BYTES

    class Full:
        def write(self, data):
            raise OSError(errno.ENOSPC, "No space left on device")

    full._file = Full()
    with pytest.raises(spool.NoSpace) as caught:
        full.append(b"tile")
    assert str(caught.value) == (
        f"no room to put the GeoTIFF together in {tempfile.gettempdir()}: No space left on device"
    )


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
def test_killed_in_the_middle_leaves_no_temporary_files(tmp_path):
    code = """
        import sys
        import numpy as np
        from bourn.plugin import Image
        from bourn_formats.geotiff import GeoTIFF, Options
        from bourn_formats.geotiff.cog import spool

        spool.IN_MEMORY_BYTES = 0

        class Sink:
            def write(self, data):
                print("writing", flush=True)
                sys.stdin.read()

        image = Image(np.random.default_rng(0).integers(0, 255, (1, 1024, 1024)).astype("u1"))
        GeoTIFF().encode(image, Options(), Sink())
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    with process:
        assert process.stdout.readline() == b"writing\n"
        process.kill()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_writes_too():
    """It has none of the parent's threads."""
    image = Image(noise((2, 300, 300)))
    expected = written(image, blocksize=64)
    child = os.fork()
    if not child:
        os._exit(0 if expected == written(image, blocksize=64) else 1)
    assert os.waitpid(child, 0)[1] == 0
