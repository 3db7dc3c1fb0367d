"""Hundreds of files of every kind, and what GDAL's own validator and rio-cogeo have to say of them: nothing.

GDAL's comes with its Python bindings, of which Debian has a build of its own beside the one in rasterio: another
process, another version of GDAL. It follows every block by the hidden header. With BOURN_DEEP=1 ten times as many.
"""

import json
import os
import subprocess
import textwrap

import numpy as np
import pytest
import rasterio
from bourn.plugin import Image
from bourn_formats.geotiff import GeoTIFF, Options
from plugins.formats.geotiff.writers import write_by_gdal, write_here
from programs import skip
from rio_cogeo.cogeo import cog_validate

pytestmark = [
    pytest.mark.deep,
    pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning"),
    pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning"),
]

COUNT = 3000 if os.environ.get("BOURN_DEEP") else 300
PYTHON = "/usr/bin/python3"
VALIDATE = """
    import json, sys
    from osgeo import gdal
    from osgeo_utils.samples.validate_cloud_optimized_geotiff import validate

    gdal.UseExceptions()
    found = {}
    for path in sys.stdin.read().split("\\n"):
        warnings, errors, details = validate(path, full_check=True)
        if warnings or errors:
            found[path] = [warnings, errors]
    print(json.dumps(found))
"""

# int8 is new in GDAL 3.7.
DTYPES = ("u1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8", "c8")


@pytest.fixture(scope="module")
def gdal():
    """A Python that has GDAL's bindings."""
    code = "import osgeo_utils.samples.validate_cloud_optimized_geotiff"
    if not os.path.exists(PYTHON) or subprocess.run([PYTHON, "-c", code], capture_output=True, check=False).returncode:  # noqa: PTH110
        skip("GDAL's Python bindings are not installed: apt-get install python3-gdal")
    return PYTHON


def some_image(rng):
    shape = (int(rng.integers(1, 6)), *map(int, rng.integers(2, [700, 2000][rng.random() < 0.05], 2)))
    dtype = np.dtype(rng.choice(DTYPES))
    array = (rng.normal(100, 20, shape) if rng.random() < 0.8 else np.zeros(shape)).astype(dtype)
    masked = rng.choice(["no", "image", "bands"])
    mask = None if masked == "no" else rng.random(shape if masked == "bands" else shape[1:]) < rng.choice([0.1, 1])
    bands = [f"b{index}" for index in range(shape[0])]
    if shape[0] in {3, 4} and rng.random() < 0.5:
        bands = ["red", "green", "blue", "alpha"][: shape[0]]
    nodata = rng.choice([-1, 0, 7])
    info = {} if nodata < 0 else {band: {"nodata": int(nodata)} for band in bands}
    if shape[0] == 1 and rng.random() < 0.2:
        info[bands[0]] = {"kind": "class"}
    properties = {"colormap": [[1, 2, 3], [200, 0, 9]], "date": "2020-01-02", "note": "x" * int(rng.integers(0, 5000))}
    return Image(array, bands, mask, bandinfo=info, properties=properties)


def some_options(rng, image):
    kinds = {image.bandinfo[band]["kind"] for band in image.bands}
    resamplers = ["nearest", "mode"] if kinds != {"data"} else ["nearest", "average", "mode"]
    return Options(
        compression=str(rng.choice(["DEFLATE", "DEFLATE", "ZSTD", "none"])),
        blocksize=int(rng.choice([64, 128, 256, 512])),
        overview_resampler="nearest" if image.dtype.kind == "c" else str(rng.choice(resamplers)),
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    paths = []
    for index in range(COUNT):
        rng = np.random.default_rng(index)
        image = some_image(rng)
        paths.append(folder / f"{index}.tif")
        with paths[-1].open("wb") as sink:
            GeoTIFF().encode(image, some_options(rng, image), sink)
    return paths


def test_gdals_own_validator_finds_nothing(gdal, files):
    """No error, no warning, each block where its size says."""
    done = subprocess.run(
        [gdal, "-c", textwrap.dedent(VALIDATE)], input="\n".join(map(str, files)), capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert json.loads(done.stdout) == {}


def test_it_finds_what_is_wrong(gdal, files, tmp_path):
    """A byte of a trailer is not what it should be."""
    path = tmp_path / "broken.tif"
    data = bytearray(files[0].read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    done = subprocess.run(
        [gdal, "-c", textwrap.dedent(VALIDATE)], input=str(path), capture_output=True, text=True, check=True
    )
    assert "trailer bytes are invalid" in done.stdout


UNTILED = (False, ["The file is greater than 512xH or 512xW, but is not tiled"], [])


def test_rio_cogeo_finds_nothing(files):
    """But what it finds in GDAL's files too, see below."""
    found = {path: said for path in files if (said := cog_validate(path, strict=True, quiet=True)) != (True, [], [])}
    for path in found:
        with rasterio.open(path) as file:
            assert file.width == file.block_shapes[0][1]
    assert [said for said in found.values() if said != UNTILED] == []


def test_it_takes_a_file_as_wide_as_a_tile_for_untiled(tmp_path):
    """Of any writer: it knows strips by their width."""
    image = Image(np.ones((1, 520, 256), "u1"))
    for way in (write_here, write_by_gdal):
        with (tmp_path / "a.tif").open("wb") as sink:
            way(image, Options(blocksize=256), sink)
        assert cog_validate(tmp_path / "a.tif", strict=True, quiet=True) == UNTILED
