"""A file system that is really full in the middle of a large GeoTIFF: a typed error, all space back, and on it goes.

The file system is a small one in memory, mounted where only the test's own process sees it: a mount namespace, for
which Linux asks no privileges unless it is set to.
"""

import os
import subprocess
import sys
import textwrap

import pytest
from programs import require

MOUNT = 'mount -t tmpfs -o size=$1,mode=755 tmpfs "$2" && shift 2 && exec "$@"'
SIZE = "3m"


def inside(folder, *command, **more):
    """Run a command that sees an empty file system of 3 MiB at `folder`."""
    within = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", MOUNT, "sh", SIZE, str(folder)]
    return subprocess.run([*within, *map(str, command)], capture_output=True, text=True, check=False, **more)


@pytest.fixture
def full(tmp_path):
    """The folder at which it is mounted."""
    folder = tmp_path / "small"
    folder.mkdir()
    require("unshare")
    if refused := inside(folder, "true").stderr:
        pytest.skip(f"the kernel lets nobody have a mount namespace here: {refused.strip()}")
    return folder


WRITE = """
    import os, sys
    from pathlib import Path
    import bourn
    import dask.array as da
    import numpy as np
    from bourn.errors import JobFailed
    from bourn_formats.geotiff.cog import spool

    spool.IN_MEMORY_BYTES = int(sys.argv[2])

    def kept():
        found = os.statvfs(sys.argv[1])
        artifacts = [path for path in Path(sys.argv[1]).rglob("*") if path.is_file() and "ledger" not in path.name]
        return (found.f_blocks - found.f_bfree) * found.f_frsize, len(artifacts)

    def block(block_info=None):
        shape = block_info[None]["chunk-shape"]
        return np.random.default_rng(0).integers(0, 65536, shape).astype("u2")

    def lazy(side):
        chunks = ((2,), (128,) * (side // 128), (128,) * (side // 128))
        return bourn.Image(da.map_blocks(block, chunks=chunks, dtype="u2", meta=np.empty((0, 0, 0), "u2")))

    form = {"type": "geotiff", "compression": sys.argv[3], "blocksize": 128}
    bourn.compute(lazy(128), format=form)
    before = kept()
    for _ in range(3):
        job = bourn.compute(lazy(1024), format=form, block=False)
        try:
            job.result()
        except JobFailed as fault:
            print(job.stage, str(fault).replace("\\n", " "))
        print(*(now - then for now, then in zip(kept(), before)))
    print("small", len(bourn.compute(lazy(256), format=form)))
    print(*sorted(job.stage for job in bourn.jobs()))
    print(*Path(sys.argv[1]).rglob("*"), file=sys.stderr)
"""


def failed_three_times(full, in_memory_bytes, compression, **environment):
    """What the errors said, and how many bytes and files stayed behind after each; then a small one was written."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("BOURN_")}
    done = inside(
        full, sys.executable, "-c", textwrap.dedent(WRITE), full, in_memory_bytes, compression,
        env={**clean, **{key: str(value) for key, value in environment.items()}},
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert len(lines) == 8, done.stderr
    assert lines[6].startswith("small ")
    assert lines[7] == "FAILED FAILED FAILED SUCCEEDED SUCCEEDED"
    return lines[0:6:2], [tuple(map(int, line.split())) for line in lines[1:6:2]]


@pytest.mark.slow
@pytest.mark.parametrize("compression", ["DEFLATE", "none", "LZW"])
def test_no_room_for_temporary_files(tmp_path, full, compression):
    """Of tiles that wait, or of GDAL's plain file."""
    output, kept = failed_three_times(full, 0, compression, TMPDIR=full, BOURN_HOME=tmp_path / "home")
    assert [line[: line.index(":")] for line in output] == [f"FAILED no room to put the GeoTIFF together in {full}"] * 3
    assert kept == [(0, 0)] * 3


@pytest.mark.slow
def test_no_room_in_the_store(tmp_path, full):
    """Which is the ledger's place too: that the job failed is written down all the same."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    output, kept = failed_three_times(full, 1 << 30, "DEFLATE", TMPDIR=temporary, BOURN_HOME=full)
    assert all(line.startswith("FAILED ") and "No space left on device" in line for line in output), output
    assert [files for _, files in kept] == [0] * 3
    assert list(temporary.iterdir()) == []
