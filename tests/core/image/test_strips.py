"""Strips: every chunk is computed once, whatever the heights of strips and chunks."""

import threading
import tracemalloc

import dask
import dask.array as da
import numpy as np
import pytest
from bourn.errors import RequestError, ResultRefused
from bourn.image import pixels as pixels_room
from bourn.image import strips as strips_room
from bourn.image.image import Image
from bourn.results.lazy import compute
from hypothesis import given, settings
from hypothesis import strategies as st


def counted(array, chunks):
    """A dask array, and the list of blocks that were computed of it."""
    calls = []
    lock = threading.Lock()

    def seen(block, block_info=None):
        with lock:
            calls.append(tuple(block_info[0]["chunk-location"]))
        return block

    lazy = da.from_array(array, chunks=chunks, inline_array=True)
    return lazy.map_blocks(seen, dtype=array.dtype, meta=np.empty((0,) * array.ndim, array.dtype)), calls


def joined(image, rows):
    strips = list(image.strips(rows))
    pixels = np.concatenate([strip.pixels for strip in strips], axis=1)
    mask = None if strips[0].mask is None else np.concatenate([strip.mask for strip in strips], axis=-2)
    return pixels, mask, strips


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_each_chunk_is_computed_once(data):
    """However chunks of pixels and mask and strips lie to each other."""
    height = data.draw(st.integers(1, 40))

    def cut():
        edges = sorted(data.draw(st.sets(st.integers(1, height), max_size=6)) | {height})
        return tuple(np.diff([0, *edges]).tolist())

    array = np.arange(2 * height * 3).reshape(2, height, 3)
    pixels, calls = counted(array, ((1, 1), cut(), (2, 1)))
    mask, mask_calls = counted(array[0] % 3 == 0, (cut(), (3,)))
    image = Image(pixels, mask=mask)
    calls.clear()
    mask_calls.clear()
    rows = data.draw(st.integers(1, 45))
    got, got_mask, strips = joined(image, rows)
    assert np.array_equal(got, array)
    assert np.array_equal(got_mask, array[0] % 3 == 0)
    assert [strip.stop - strip.start for strip in strips[:-1]] == [rows] * (len(strips) - 1)
    assert len(calls) == len(set(calls)) == pixels.npartitions
    assert len(mask_calls) == len(set(mask_calls)) == mask.npartitions


def test_what_pixels_and_mask_have_in_common_is_computed_once():
    lazy, calls = counted(np.arange(400.0).reshape(1, 100, 4), (1, 30, 4))
    image = Image(lazy, mask=lazy > 7)
    calls.clear()
    for _ in image.strips(13):
        pass
    assert len(calls) == 4


def test_in_memory_strips_are_views():
    array = np.zeros((2, 1000, 10))
    assert all(np.shares_memory(strip.pixels, array) for strip in Image(array).strips(300))


def test_memory_stays_flat():
    """An image of 200 MB passes in a few of its 4 MB rows of chunks."""
    lazy = da.ones((1, 100_000, 256), chunks=(1, 2048, 256), dtype="f8")
    image = Image(lazy)
    tracemalloc.start()
    for strip in image.strips(700):
        assert strip.pixels[0, 0, 0] == 1
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 30e6


def test_progress_is_reported_after_each_strip_and_may_end_the_reading():
    lazy, calls = counted(np.zeros((1, 100, 4)), (1, 10, 4))
    image = Image(lazy)
    calls.clear()
    seen = []

    def progress(done, total):
        seen.append((done, total))
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(image.strips(10, progress=progress))
    assert [step for step in dict.fromkeys(seen) if step[0]] == [(1, 10), (2, 10)]
    assert len(calls) == 2


@pytest.mark.parametrize("spilled", [True, False])
def test_progress_may_end_the_reading_between_two_chunks(monkeypatch, spilled):
    """However many there are in one row of them."""
    monkeypatch.setattr(strips_room, "BEAT_SECONDS", 0)
    monkeypatch.setattr(pixels_room, "SPILL_BYTES", 0 if spilled else 1 << 30)
    lazy, calls = counted(np.zeros((1, 100, 400)), (1, 100, 4))
    image = Image(lazy)
    calls.clear()

    def progress(done, total):
        assert (done, total) == (0, 10)
        if len(calls) > 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), dask.config.set(scheduler="synchronous"):
        list(image.strips(10, progress=progress))
    assert 10 < len(calls) < 20


def test_strips_have_a_row_at_least():
    with pytest.raises(RequestError, match="rows: expected 1 or more, got 0"):
        Image(np.zeros((2, 2))).strips(0)


@pytest.mark.parametrize("rows", [1, 7, 512])
def test_unlike_bands_come_each_in_its_dtype(rows):
    small = np.arange(60, dtype="u1").reshape(20, 3)
    wide = da.from_array(small.astype("f8"), chunks=(6, 3))
    strips = list(Image([small, wide]).strips(rows))
    assert np.array_equal(np.concatenate([strip.pixels[0] for strip in strips]), small)
    assert np.array_equal(np.concatenate([strip.pixels[1] for strip in strips]), small)
    assert {strip.pixels[1].dtype for strip in strips} == {np.dtype("f8")}


def test_compute_brings_all_into_memory():
    array = np.arange(600).reshape(2, 100, 3)
    image = Image(da.from_array(array, chunks=(1, 7, 2)), mask=da.from_array(array > 5, chunks=50))
    computed = image.compute()
    assert not computed.lazy
    assert computed.identical(image)
    assert computed.compute() is computed


@pytest.mark.parametrize(
    ("change", "dtype"),
    [(lambda block: block[:, ::2, ::2], "f8"), (lambda block: block * 0 + 300.7, "uint8")],
    ids=["another shape", "another dtype"],
)
def test_blocks_that_are_not_as_declared_to_dask_are_refused(change, dtype):
    """A writer would stretch them, or wrap their values, and nobody would hear of it."""
    import dask.array as da

    declared = da.zeros((1, 60, 60), chunks=(1, 30, 30)).map_blocks(change, dtype=dtype)
    with pytest.raises(ResultRefused, match=r"was declared as .*, and computing it gave"):
        list(Image(declared).strips())


def wrong(block, dtype="u2"):
    """An image of 4 x 4 chunks, the seventh of which is not as declared to dask."""

    def made(block_info=None):
        row, column = block_info[None]["chunk-location"][1:]
        return block if (row, column) == (1, 2) else np.ones(block_info[None]["chunk-shape"], dtype)

    return Image(da.map_blocks(made, chunks=((1,), (10,) * 4, (10,) * 4), dtype=dtype, meta=np.empty((0,) * 3, dtype)))


WRONG = {
    "higher": np.ones((1, 11, 10), "u2"),
    "lower": np.ones((1, 5, 10), "u2"),
    "one pixel": np.ones((1, 1, 1), "u2"),
    "more bands": np.ones((2, 10, 10), "u2"),
    "no bands": np.ones((10, 10), "u2"),
    "no chunk": "abc",
    "nothing": None,
    "objects": np.full((1, 10, 10), None),
    "NaN": np.full((1, 10, 10), np.nan),
    "fractions": np.full((1, 10, 10), 1.5, "f4"),
    "negative": np.full((1, 10, 10), -1, "i2"),
    "wide": np.full((1, 10, 10), 2**40),
}


@pytest.mark.parametrize("spill_bytes", [0, 1 << 30])
@pytest.mark.parametrize("rows", [10, 15, 40])
@pytest.mark.parametrize("name", WRONG)
def test_a_block_that_is_not_as_declared_is_refused(monkeypatch, name, rows, spill_bytes):
    """Wherever it stands: dask would stretch it, wrap -1 round, make 0 of NaN."""
    monkeypatch.setattr("bourn.image.pixels.SPILL_BYTES", spill_bytes)
    image = wrong(WRONG[name])
    with pytest.raises(ResultRefused, match=r"declared as \(1, 10, 10\) of uint16, and computing it gave"):
        list(image.strips(rows))
    with pytest.raises(ResultRefused, match=r"declared as \(1, 10, 10\) of uint16, and computing it gave"):
        image.compute()
    with pytest.raises(ResultRefused, match=r"declared as \(1, 10, 10\) of uint16, and computing it gave"):
        compute([image])


@pytest.mark.parametrize("spill_bytes", [0, 1 << 30])
def test_a_block_that_came_out_masked_is_refused(monkeypatch, spill_bytes):
    """Nobody declared a mask: what is beneath it would become pixels. One that masks nothing is no matter."""
    monkeypatch.setattr("bourn.image.pixels.SPILL_BYTES", spill_bytes)
    block = np.ma.array(np.ones((1, 10, 10), "u2"))
    assert wrong(block).compute().mask is None
    block[0, 3, 4] = np.ma.masked
    with pytest.raises(ResultRefused, match="came out masked"):
        wrong(block).compute()


@pytest.mark.parametrize("spill_bytes", [0, 1 << 30])
def test_byte_order_is_no_matter(monkeypatch, spill_bytes):
    monkeypatch.setattr("bourn.image.pixels.SPILL_BYTES", spill_bytes)
    block = np.arange(100, dtype=">u2").reshape(1, 10, 10)
    assert np.array_equal(wrong(block).compute().array[:, 10:20, 20:30], block)
