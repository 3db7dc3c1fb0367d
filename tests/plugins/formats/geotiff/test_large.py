"""A file of more than 4 GiB, with BOURN_DEEP=1 (minutes, 14 GB of disk). Else a part of it, as BigTIFF too."""

import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import rasterio
from rio_cogeo.cogeo import cog_validate

pytestmark = pytest.mark.deep

DEEP = bool(os.environ.get("BOURN_DEEP"))
SIDE = 49_152 if DEEP else 6144
BIG_FROM = 2**32 if DEEP else 2**24

WRITE = """
    import resource, sys
    import dask.array as da
    import numpy as np
    from bourn.plugin import Image
    from bourn_formats.geotiff import GeoTIFF, Options
    from bourn_formats.geotiff.cog import header

    side, chunk, header.BIG_FROM = int(sys.argv[2]), 2048, int(sys.argv[3])

    def block(block_info=None):
        (_, (top, _), (left, _)) = block_info[None]["array-location"]
        return np.random.default_rng([top, left]).integers(0, 65536, (1, chunk, chunk), "u2")

    sides = (chunk,) * (side // chunk)
    array = da.map_blocks(block, chunks=((1,), sides, sides), dtype="u2", meta=np.empty((0, 0, 0), "u2"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with open(sys.argv[1], "wb") as sink:
        GeoTIFF().encode(Image(array), Options(), sink)
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


@pytest.mark.timeout(3600)
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_bigtiff(tmp_path, capsys):
    """Written in flat memory as a BigTIFF, found valid, and read at its corners and in its overviews."""
    path = tmp_path / "large.tif"
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(WRITE), path, str(SIDE), str(BIG_FROM)],
        capture_output=True,
        text=True,
        check=True,
    )
    peak_mib = float(done.stdout)
    size = path.stat().st_size
    with capsys.disabled():
        print(f"\n{size / 2**30:.2f} GiB written in {peak_mib:.0f} MiB of memory")  # noqa: T201  # the figures asked for
    assert size > BIG_FROM
    assert peak_mib < 1024
    with path.open("rb") as file:
        assert file.read(4) == b"II+\0"
    assert (True, [], []) == cog_validate(path, strict=True, quiet=True)
    for top, left in ((0, 0), (2048, SIDE - 2048), (SIDE - 2048, 0), (SIDE - 2048, SIDE - 2048)):
        expected = np.random.default_rng([top, left]).integers(0, 65536, (1, 2048, 2048), "u2")
        window = ((top, top + 2048), (left, left + 2048))
        with rasterio.open(path) as file:
            np.testing.assert_array_equal(expected, file.read(window=window))
        with rasterio.open(path, overview_level=1) as smaller:
            window = ((top // 4, top // 4 + 512), (left // 4, left // 4 + 512))
            np.testing.assert_array_equal(expected[:, ::4, ::4], smaller.read(window=window))
