"""A GeoTIFF as the artifact of a job: cancelled, killed, or without room in the middle, it leaves nothing behind."""

import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from pathlib import Path

import dask.array as da
import numpy as np
import pytest
from bourn import Session, Settings
from bourn.errors import JobCancelled
from bourn.plugin import Image
from bourn_formats.geotiff.cog import spool

LAZY = """
    import os, sys, time
    import bourn
    import dask.array as da
    import numpy as np

    def block(block_info=None):
        os.write(1, b"block\\n")
        time.sleep(0.05)
        return np.random.default_rng(0).integers(0, 999, block_info[None]["chunk-shape"]).astype("u2")

    def lazy(chunk):
        chunks = ((2,), (chunk,) * (2048 // chunk), (chunk,) * (2048 // chunk))
        return bourn.Image(da.map_blocks(block, chunks=chunks, dtype="u2", meta=np.empty((0, 0, 0), "u2")))
"""


@pytest.fixture
def temporary(monkeypatch, tmp_path):
    """The folder for temporary files, into which spools go at once."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(spool, "IN_MEMORY_BYTES", 0)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def open_in(folder):
    """Files that this process has open there, named or not."""
    links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    return [name for name in (os.readlink(link) for link in links if link.exists()) if str(folder) in name]  # noqa: PTH115  # tells deleted ones


def test_cancelled_between_two_chunks(session, temporary):
    """Of an image that is one row of large chunks, whose first strip would take as long as all of it."""
    begun = threading.Event()
    calls = []

    def block(block_info=None):
        calls.append(1)
        begun.set()
        time.sleep(0.1)
        return np.ones(block_info[None]["chunk-shape"], "u2")

    array = da.map_blocks(block, chunks=((1,), (600,), (20,) * 200), dtype="u2", meta=np.empty((0, 0, 0), "u2"))
    job = session.compute(Image(array), format="geotiff", block=False)
    assert begun.wait(60)
    job.cancel()
    with pytest.raises(JobCancelled):
        job.wait(60)
    assert len(calls) < 150
    assert list(session.store.keys()) == []
    assert list(temporary.iterdir()) == open_in(temporary) == []


@pytest.mark.slow
def test_killed_while_it_is_written(home, tmp_path):
    """The next process says that it failed, and finds neither an object nor temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    code = textwrap.dedent(LAZY) + textwrap.dedent("""
        from bourn_formats.geotiff.cog import spool
        spool.IN_MEMORY_BYTES = 0
        bourn.compute(lazy(128), format="geotiff")
    """)
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, env={**os.environ, "TMPDIR": str(folder)}
    )
    with process:
        for _ in range(100):
            assert process.stdout.readline() == b"block\n"
        os.kill(process.pid, signal.SIGKILL)
    later = Session(Settings(home=str(home)))
    later.sweep()
    (job,) = later.jobs()
    assert job.stage == "FAILED"
    assert list(later.store.keys()) == []
    later.close()
    assert list(folder.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("limit", [2_000_000, 5_000_000])
def test_no_room_while_it_is_written(home, tmp_path, limit):
    """For tiles that wait, or for the file in the store: FAILED, and the same process goes on."""
    code = textwrap.dedent(LAZY) + textwrap.dedent("""
        import resource, signal
        from bourn.errors import JobFailed
        from bourn_formats.geotiff.cog import spool
        spool.IN_MEMORY_BYTES = 0 if sys.argv[1] == "2000000" else 1 << 30
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        bourn.compute(1)
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), hard))
        try:
            bourn.compute(lazy(512), format="geotiff")
        except JobFailed as fault:
            print("failed", "File too large" in str(fault) or "room" in str(fault))
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        print(len(bourn.compute(lazy(1024), format="geotiff")) > 10_000_000)
    """)
    folder = tmp_path / "temporary"
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", code, str(limit)], capture_output=True, text=True, check=False,
        env={**os.environ, "TMPDIR": str(folder)},
    )  # fmt: skip
    output = [line for line in done.stdout.splitlines() if line != "block"]
    assert output == ["failed True", "True"], done.stderr
    later = Session(Settings(home=str(home)))
    assert sorted(job.stage for job in later.jobs()) == ["FAILED", "SUCCEEDED", "SUCCEEDED"]
    assert len(list(later.store.keys())) == 2
    later.close()
    assert list(folder.iterdir()) == []
