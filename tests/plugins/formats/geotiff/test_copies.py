"""Files as they are found in public: opened, written again, and compared by rasterio with the original."""

import io
import itertools

import numpy as np
import pyproj
import pytest
import rasterio
import tifffile
from affine import Affine
from bourn.plugin import Image
from bourn_formats.geotiff import GeoTIFF, Options
from bourn_formats.geotiff.cog.crs import same_crs
from rasterio.enums import ColorInterp
from rasterio.io import MemoryFile

HEIGHT, WIDTH = 70, 90
UTM = Affine(10, 0, 500_000, 0, -10, 4_000_000)

GRIDS = {
    "utm": ("EPSG:32633", UTM),
    "degrees": ("EPSG:4326", Affine(0.01, 0, 10, 0, -0.01, 50)),
    "rotated": ("EPSG:32633", UTM * Affine.rotation(30)),
    "no CRS": (None, UTM),
    "compound": ("EPSG:7415", Affine(10, 0, 100_000, 0, -10, 450_000)),
    "sinusoidal": ("+proj=sinu +lon_0=0 +R=6371007.181 +units=m", Affine(500, 0, 1e6, 0, -500, 5e6)),
    "geostationary": ("+proj=geos +h=35785831 +lon_0=0 +sweep=y", Affine(3000, 0, -1e6, 0, -3000, 4e6)),
}

DTYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64", "complex64")

MASKS = ("none", "nodata", "nodata and mask", "mask", "alpha", "nan")

COLORS = {
    "gray": ["gray"],
    "two": ["gray", "undefined"],
    "rgb": ["red", "green", "blue"],
    "bgr": ["blue", "green", "red"],
    "nrg": ["undefined", "red", "green"],
    "palette": ["palette"],
}


def pixels(count, dtype):
    rng = np.random.default_rng(7)
    if np.dtype(dtype).kind in "iu":
        return rng.integers(0, 100, (count, HEIGHT, WIDTH)).astype(dtype)
    return rng.normal(50, 10, (count, HEIGHT, WIDTH)).astype(dtype)


def make(path, *, grid="utm", dtype="uint8", mask="none", colors="gray", scaled=False):
    """Write a file by rasterio alone."""
    crs, transform = GRIDS[grid]
    roles = COLORS[colors]
    count = len(roles) + (mask == "alpha")
    array = pixels(count, dtype)
    array[:, :20, :30] = 0
    facts = {"nodata": {"nodata": 0, "nodata and mask": 0, "nan": np.nan}.get(mask)}
    if mask == "nan":
        array[:, 5:9] = np.nan
    if mask == "alpha":
        array[-1] = np.where(np.arange(WIDTH) < 30, 0, np.iinfo(dtype).max)
    photometric = {"rgb": "RGB", "palette": "PALETTE"}.get(colors, "MINISBLACK")
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True, GDAL_PAM_ENABLED=False),
        rasterio.open(
            path, "w", driver="GTiff", width=WIDTH, height=HEIGHT, count=count, dtype=dtype, crs=crs,
            transform=transform, photometric=photometric, **facts,
        ) as file,
    ):  # fmt: skip
        if colors == "palette":
            file.write_colormap(1, {value: (value, 255 - value, 7, 255) for value in range(256)})
        else:
            interpretation = [ColorInterp[role] for role in roles]
            file.colorinterp = [*interpretation, ColorInterp.alpha] if mask == "alpha" else interpretation
        if scaled:
            file.scales, file.offsets = (
                [0.1 * (index + 1) for index in range(count)],
                [float(index) for index in range(count)],
            )
        file.write(array)
        if "mask" in mask:
            file.write_mask(np.where(np.arange(WIDTH) < 10, 0, 255)[None].repeat(HEIGHT, 0).astype("u1"))
    return path


def copied(path, **options):
    sink = io.BytesIO()
    GeoTIFF().encode(Image.open(path), Options(**options), sink)
    return sink.getvalue()


def check(path, **options):
    """Compare a copy with its original: grid, colors, masks, valid pixels, scales."""
    data = copied(path, **options)
    with rasterio.open(path) as original, MemoryFile(data) as memory, memory.open() as copy:
        if original.crs is None:
            assert copy.crs is None
        else:
            crs, again = (pyproj.CRS(file.crs.to_wkt(version="WKT2_2019")) for file in (original, copy))
            assert same_crs(crs, again)
        assert copy.transform.almost_equals(original.transform, 1e-9)
        alpha = ColorInterp.alpha in original.colorinterp
        bands = [number for number, role in enumerate(original.colorinterp, 1) if role != ColorInterp.alpha]
        assert [original.colorinterp[number - 1] for number in bands] == list(copy.colorinterp)
        assert copy.dtypes == tuple(original.dtypes[number - 1] for number in bands)
        assert [original.scales[number - 1] for number in bands] == list(copy.scales)
        assert [original.offsets[number - 1] for number in bands] == list(copy.offsets)
        valid = np.stack([original.read_masks(number) > 0 for number in bands])
        if np.dtype(copy.dtypes[0]).kind in "fc":
            valid &= ~np.isnan(original.read(bands))
        one_for_all = copy.nodata is None and (alpha or len({layer.tobytes() for layer in valid}) == 1)
        assert one_for_all or copy.nodata is not None or valid.all()
        np.testing.assert_array_equal(valid, copy.read_masks() > 0)
        np.testing.assert_array_equal(original.read(bands)[valid], copy.read()[valid])
        if copy.colorinterp[0] == ColorInterp.palette:
            # An entry that is black at the end is none.
            theirs, ours = original.colormap(1), copy.colormap(1)
            assert all(ours[value] == theirs[value] for value in theirs)
    page = tifffile.TiffFile(io.BytesIO(data)).pages[0]
    assert page.is_tiled
    assert page.shape[:2] == (HEIGHT, WIDTH)


@pytest.mark.parametrize(("grid", "mask"), list(itertools.product(GRIDS, MASKS)))
def test_grids_and_masks(tmp_path, grid, mask):
    check(make(tmp_path / "a.tif", grid=grid, mask=mask, dtype="float32" if mask == "nan" else "uint16"))


@pytest.mark.parametrize(("dtype", "mask"), list(itertools.product(DTYPES, ["none", "nodata", "mask"])))
def test_dtypes_and_masks(tmp_path, dtype, mask):
    check(make(tmp_path / "a.tif", dtype=dtype, mask=mask))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("colors", "mask", "dtype"),
    [
        case for case in itertools.product(COLORS, ["none", "nodata", "mask", "alpha"], ["uint8", "uint16"])
        # Of three bands GDAL does not take the alpha for a mask.
        if case[1] != "alpha" or case[0] not in {"palette", "two"}
    ],
)  # fmt: skip
def test_colors_and_masks(tmp_path, colors, mask, dtype):
    check(make(tmp_path / "a.tif", colors=colors, mask=mask, dtype=dtype))


@pytest.mark.parametrize(
    ("colors", "mask", "options"),
    list(
        itertools.product(
            ["gray", "rgb", "bgr"], ["none", "nodata", "mask"],
            [{"compression": "LZW"}, {"compression": "ZSTD"}, {"compression": "none"}, {"blocksize": 64}],
        )
    ),
)  # fmt: skip
def test_options_keep_all_of_it(tmp_path, colors, mask, options):
    check(make(tmp_path / "a.tif", colors=colors, mask=mask, scaled=True), **options)
