"""A raster file goes in by the command line, and its link gives a GeoTIFF of the same pixels to curl."""

import json
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from programs import require

pytestmark = pytest.mark.slow

BOURN = Path(sys.executable).with_name("bourn")


@pytest.fixture
def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def server(home, port, monkeypatch):
    monkeypatch.setenv("BOURN_PUBLIC_URL", f"http://127.0.0.1:{port}")
    process = subprocess.Popen([BOURN, "serve", "--port", str(port)], stderr=subprocess.DEVNULL)
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.05)
    yield process
    process.terminate()
    process.wait(20)


@pytest.fixture
def scene(tmp_path):
    """Four bands of uint16 with nodata, a description each, larger than a block and no multiple of one."""
    import rasterio
    from rasterio.transform import from_origin

    pixels = np.random.default_rng(7).integers(1, 9_000, (4, 700, 900)).astype("uint16")
    pixels[:, :100, :200] = 0
    path = tmp_path / "scene.tif"
    with rasterio.open(
        path, "w", driver="GTiff", count=4, height=700, width=900, dtype="uint16", crs="EPSG:32613",
        transform=from_origin(500_000, 4_000_000, 10, 10), nodata=0, photometric="MINISBLACK",
    ) as file:  # fmt: skip
        file.write(pixels)
        file.descriptions = ("red", "green", "blue", "nir")
    return path, pixels


def test_a_file_is_sent_and_its_link_fetched(server, scene, tmp_path):
    import rasterio
    from rio_cogeo.cogeo import cog_validate

    curl = require("curl")
    path, pixels = scene
    sent = subprocess.run(
        [BOURN, "send", path, "--format", "geotiff", "--json"], capture_output=True, text=True, check=True, timeout=120
    )
    output = json.loads(sent.stdout)
    fetched = tmp_path / "fetched.tif"
    subprocess.run([curl, "-sf", "-o", fetched, output["url"]], check=True, timeout=60)
    assert fetched.stat().st_size == output["size_bytes"]
    with rasterio.open(fetched) as file:
        assert np.array_equal(file.read(), pixels)
        assert (file.crs.to_epsg(), file.nodata, file.descriptions) == (32613, 0, ("red", "green", "blue", "nir"))
    assert cog_validate(fetched, strict=True) == (True, [], [])


def test_a_revoked_link_is_gone_and_a_bad_request_is_status_2(server, scene):
    path, _ = scene
    sent = subprocess.run(
        [BOURN, "send", path, "-F", "geotiff", "--json"], capture_output=True, check=True, timeout=120
    )
    output = json.loads(sent.stdout)
    subprocess.run([BOURN, "revoke", output["id"]], check=True, capture_output=True, timeout=60)
    import httpx

    assert httpx.get(output["url"]).status_code == 404
    bad = subprocess.run([BOURN, "send", path, "-F", "geotif"], capture_output=True, text=True, check=False, timeout=60)
    assert (bad.returncode, "Did you mean 'geotiff'?" in bad.stderr) == (2, True)


def test_gdal_and_bourn_read_a_link(server, scene):
    """In a process of its own: GDAL that waits for a server in a thread of the same one waits for ever."""
    path, pixels = scene
    sent = subprocess.run(
        [BOURN, "send", path, "-F", "geotiff", "--json"], capture_output=True, check=True, timeout=120
    )
    url = json.loads(sent.stdout)["url"]
    code = f"""
import numpy as np, rasterio
from bourn import Image
with rasterio.open({url!r}) as file:
    print(len(file.files), file.overviews(1), file.read().sum())
print(np.asarray(Image.open({url!r}).array).sum())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    total = pixels.sum(dtype="uint64")
    assert done.stdout.split("\n") == [f"1 [2] {total}", f"{total}", ""], done.stderr
