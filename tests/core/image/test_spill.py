"""Rows of chunks that are too large for memory pass through a file: the same strips, every chunk computed once."""

import errno
import tracemalloc
from unittest import mock

import dask
import dask.array as da
import numpy as np
import pytest
from bourn.errors import JobFailed
from bourn.image import pixels
from bourn.image import spill as spilled
from bourn.image.image import Image
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.fixture(autouse=True)
def _always(monkeypatch):
    monkeypatch.setattr(pixels, "SPILL_BYTES", 0)


def cut(data, length):
    edges = sorted(data.draw(st.sets(st.integers(1, length), max_size=5)) | {length})
    return tuple(np.diff([0, *edges]).tolist())


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_the_same_strips(data):
    """Whatever the chunks of pixels and mask, and the strips' height."""
    shape = data.draw(st.tuples(st.integers(1, 3), st.integers(1, 40), st.integers(1, 20)))
    array = np.arange(np.prod(shape), dtype=data.draw(st.sampled_from(["u1", ">i2", "f8"]))).reshape(shape)
    masked = array[0] % 3 == 0
    calls = []

    def seen(block, block_info=None):
        calls.append(tuple(block_info[0]["chunk-location"]))
        return block

    lazy = da.from_array(array, chunks=tuple(cut(data, length) for length in shape), inline_array=True)
    lazy = lazy.map_blocks(seen, dtype=array.dtype, meta=np.empty((0, 0, 0), array.dtype))
    mask = da.from_array(masked, chunks=tuple(cut(data, length) for length in shape[1:]))
    image = Image(lazy, mask=mask)
    calls.clear()
    strips = list(image.strips(data.draw(st.integers(1, 45))))
    np.testing.assert_array_equal(array, np.concatenate([strip.pixels for strip in strips], axis=1))
    np.testing.assert_array_equal(masked, np.concatenate([strip.mask for strip in strips], axis=0))
    assert len(calls) == len(set(calls)) == lazy.npartitions


@pytest.mark.slow
def test_memory_holds_a_strip_and_the_chunks_being_computed():
    """Of chunks that are as high as the image."""
    array = da.ones((1, 4096, 2048), chunks=(1, 4096, 64), dtype="f8")
    with dask.config.set(scheduler="synchronous"):
        tracemalloc.start()
        for _ in Image(array).strips(64):
            pass
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 12 << 20 < array.nbytes / 5


def test_processes_elsewhere_do_not_write_into_our_files():
    with dask.config.set(scheduler="processes"):
        assert not spilled.computed_here([da.ones(3)])
    assert spilled.computed_here([da.ones(3)])


def test_no_room_says_where(tmp_path):
    full = OSError(errno.ENOSPC, "No space left on device")
    image = Image(da.ones((1, 40, 40), chunks=(1, 20, 20)))
    with mock.patch.object(spilled.os, "pwrite", side_effect=full), pytest.raises(JobFailed) as caught:
        list(image.strips(8))
    assert "no room for chunks of a lazy image in" in str(caught.value)
    assert str(caught.value).endswith("No space left on device")
