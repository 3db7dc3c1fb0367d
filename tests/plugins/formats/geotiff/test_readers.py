"""Others read the file: odc-geo; GDAL by range requests to a server in another process, no more than for its own."""

import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from affine import Affine
from bourn.plugin import Image
from bourn_formats.geotiff import GeoTIFF, Options
from odc.geo.geobox import GeoBox

SERVER = Path(__file__).with_name("range_server.py")
SIDE = 3000
BOX = GeoBox((SIDE, SIDE), Affine(10, 0, 5e5, 0, -10, 4e6), "EPSG:32613")

READS = {
    "window": "file.read(window=((1100, 1300), (1100, 1300)))",
    "across-tiles": "file.read(window=((1000, 1100), (1500, 1600)))",
    "mask": "file.read_masks(1, window=((1100, 1300), (1100, 1300)))",
    "overview": "file.read(out_shape=(file.count, 300, 300))",
    "row-of-tiles": "file.read(window=((1024, 1536), (0, 3000)))",
}
# Each by a URL of its own: /vsicurl remembers what it has read.
READ = """
    import sys
    import rasterio

    for name in sys.argv[2:]:
        for how, read in {reads}.items():
            url = f"/vsicurl/{{sys.argv[1]}}/{{how}}/{{name}}"
            with rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"), rasterio.open(url) as file:
                eval(read)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """(the folder that is served, the URL, the log of requests)."""
    folder = tmp_path_factory.mktemp("served")
    log = folder / "log.txt"
    process = subprocess.Popen([sys.executable, SERVER, folder, log], stdout=subprocess.PIPE, text=True)
    port = int(process.stdout.readline())

    yield folder, f"http://127.0.0.1:{port}", log
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.fixture(scope="module", params=["plain", "nodata", "mask"])
def pair(request, server):
    """One image, written here and by GDAL."""
    folder, _, _ = server
    rng = np.random.default_rng(0)
    array = (1000 + 100 * np.sin(np.arange(SIDE) / 99) + rng.integers(0, 30, (2, SIDE, SIDE))).astype("u2")
    mask = None if request.param == "plain" else rng.random((SIDE, SIDE)) < 0.1
    info = {name: {"nodata": 0} for name in ("a", "b")} if request.param == "nodata" else {}
    ours, theirs = folder / f"{request.param}.tif", folder / f"{request.param}-gdal.tif"
    with ours.open("wb") as sink:
        GeoTIFF().encode(Image(array, ["a", "b"], mask, BOX, bandinfo=info), Options(), sink)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        rasterio.shutil.copy(
            ours, theirs, driver="COG", COMPRESS="DEFLATE", PREDICTOR="YES", OVERVIEW_RESAMPLING="NEAREST"
        )
    return ours.name, theirs.name


@pytest.mark.slow
def test_gdal_needs_no_more_requests_than_for_its_own_file(server, pair):
    """Nor many more bytes: DEFLATE by another library differs by a few in a hundred."""
    _, url, log = server
    code = textwrap.dedent(READ).format(reads=READS)
    subprocess.run([sys.executable, "-W", "ignore", "-c", code, url, *pair], check=True)
    lines = [line.split() for line in log.read_text().splitlines()]
    for read in READS:
        sizes = [[int(size) for path, size in lines if path == f"/{read}/{name}"] for name in pair]
        (count, total), (their_count, their_total) = ((len(one), sum(one)) for one in sizes)
        assert 1 <= count <= their_count
        assert total <= 1.1 * their_total


@pytest.mark.slow
def test_odc_geo_reads_it(server, pair):
    """Its grid from the dataset; and its overviews are those grids, zoomed out."""
    folder, _, _ = server
    with rasterio.open(folder / pair[0]) as file:
        assert GeoBox.from_rio(file) == BOX
    for level, factor in enumerate((2, 4)):
        with rasterio.open(folder / pair[0], overview_level=level) as smaller:
            assert GeoBox.from_rio(smaller) == BOX.zoom_out(factor)
