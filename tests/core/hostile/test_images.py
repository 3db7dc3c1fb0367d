"""Every kind of bad image is refused at its birth, or when its plan is made, with all that is wrong with it."""

import dask.array as da
import numpy as np
import pytest
import xarray as xr
from affine import Affine
from bourn import Image, errors
from odc.geo.geobox import GeoBox


class Unprintable:
    def __repr__(self):
        raise RuntimeError


def image(array=None, **facts):
    """Of two bands of bytes, 3 x 5, unless something else is said."""
    return Image(np.zeros((2, 3, 5), "u1") if array is None else array, **facts)


def grid(transform=(10, 0, 5e5, 0, -10, 4e6), shape=(3, 5)):
    return GeoBox(shape, Affine(*transform), "EPSG:32613")


def info(**facts):
    """An image whose band "n" is said to be so."""
    return image(bands=["r", "n"], bandinfo={"n": facts})


def zeros(*shape, dtype="u1"):
    return np.zeros(shape, dtype)


TWO_DATES = xr.DataArray(
    zeros(2, 3, 4),
    dims=("time", "y", "x"),
    coords={"y": [3.0, 2, 1], "x": [1.0, 2, 3, 4], "time": np.array(["2020-01-01", "2020-01-02"], "M8[ns]")},
)
BROKEN = Image(da.map_blocks(lambda block: 1 // 0, da.zeros((1, 4, 4)), dtype="f8", meta=np.zeros((0, 0, 0))))

# By its kind: how it is made, and what is said.
AT_BIRTH = {
    "a list of lists": (
        lambda: Image([[1, 2], [3, 4]]),
        "2 problems in the image:\n  image.array[0]  expected a numpy or dask array, got a list of 2\n  image.array[1]  expected a numpy or dask array, got a list of 2",
    ),
    "nothing": (lambda: Image(None), "image.array: expected a numpy or dask array, got None"),
    "a name": (lambda: Image("scene.tif"), "image.array: expected a numpy or dask array, got 'scene.tif'"),
    "one dimension": (lambda: Image(zeros(3)), "image.array: expected the dimensions (band, y, x) or (y, x), got 1"),
    "four dimensions": (
        lambda: Image(zeros(1, 2, 3, 4)),
        "image.array: expected the dimensions (band, y, x) or (y, x), got 4",
    ),
    "no bands": (
        lambda: Image(zeros(0, 3, 5)),
        "image.array: an image has one pixel at least, got the shape (0, 3, 5)",
    ),
    "no rows": (lambda: Image(zeros(2, 0, 5)), "image.array: an image has one pixel at least, got the shape (2, 0, 5)"),
    "objects": (lambda: Image(zeros(1, 2, 2, dtype=object)), "image.array: expected numbers or bool, got dtype object"),
    "times": (
        lambda: Image(zeros(1, 2, 2, dtype="M8[s]")),
        "image.array: expected numbers or bool, got dtype datetime64[s]",
    ),
    "texts": (lambda: Image(zeros(1, 2, 2, dtype="U1")), "image.array: expected numbers or bool, got dtype <U1"),
    "fields": (
        lambda: Image(zeros(1, 2, 2, dtype=[("a", "i4")])),
        "image.array: expected numbers or bool, got dtype [('a', '<i4')]",
    ),
    "a shape that is not known": (
        lambda: Image(da.zeros((4, 2, 2))[da.ones(4, dtype=bool)]),
        "image.array: its shape is not known before it is computed: call compute_chunk_sizes()",
    ),
    "an xarray object": (
        lambda: Image(xr.DataArray(zeros(2, 2))),
        "image.array: expected a numpy or dask array, got an object of type xarray.core.dataarray.DataArray; use Image.from_xarray for an xarray object",
    ),
    "layers of unlike shapes": (
        lambda: Image([zeros(2, 2), zeros(3, 2)]),
        "image.array: expected (y, x) arrays of one shape, got (2, 2), (3, 2)",
    ),
    "no layers": (lambda: Image([]), "image.array: an image has one band at least"),
    "layers with bands": (
        lambda: Image([zeros(1, 2, 2)]),
        "image.array: expected (y, x) arrays of one shape, got (1, 2, 2)",
    ),
    "an object whose repr raises": (
        lambda: Image(Unprintable()),
        "image.array: expected a numpy or dask array, got an object of type {here}.Unprintable",
    ),
    "too few names": (lambda: image(bands=["a"]), "image.bands: 1 names for 2 bands"),
    "too many names": (lambda: image(bands=["a", "b", "c"]), "image.bands: 3 names for 2 bands"),
    "a name twice": (lambda: image(bands=["a", "a"]), "image.bands[1]: 'a' is the name of bands[0] already"),
    "a text for names": (lambda: image(bands="ab"), "image.bands: expected a list of names, got 'ab'"),
    "a set of names": (lambda: image(bands={"a", "b"}), "image.bands: expected a list of names, got a set of 2"),
    "names None": (lambda: image(bands=[None, "a"]), "image.bands[0]: expected a name, got None"),
    "names empty": (lambda: image(bands=["", "a"]), "image.bands[0]: expected a name of printable characters, got ''"),
    "names with a line end": (
        lambda: image(bands=["a\n", "b"]),
        "image.bands[0]: expected a name of printable characters, got 'a\\n'",
    ),
    "names with bidi": (
        lambda: image(bands=["a\u202e", "b"]),
        "image.bands[0]: expected a name of printable characters, got 'a\\u202e'",
    ),
    "names with a surrogate": (
        lambda: image(bands=["\ud800", "b"]),
        "image.bands[0]: expected a name of printable characters, got '\\ud800'",
    ),
    "names int": (lambda: image(bands=[1, "b"]), "image.bands[0]: expected a name, got 1"),
    "names bytes": (lambda: image(bands=[b"a", "b"]), "image.bands[0]: expected a name, got b'a'"),
    "a mask turned": (
        lambda: image(mask=zeros(5, 3, dtype=bool)),
        "image.mask: expected the shape (2, 3, 5) or (3, 5), got (5, 3)",
    ),
    "a mask of numbers": (
        lambda: image(mask=zeros(3, 5)),
        "image.mask: expected bool, True where masked, got dtype uint8 (255 may mean valid elsewhere)",
    ),
    "a mask of floats": (
        lambda: image(mask=zeros(3, 5, dtype="f8")),
        "image.mask: expected bool, True where masked, got dtype float64 (255 may mean valid elsewhere)",
    ),
    "a mask of one band": (
        lambda: image(mask=zeros(1, 3, 5, dtype=bool)),
        "image.mask: expected the shape (2, 3, 5) or (3, 5), got (1, 3, 5)",
    ),
    "a mask that is a list": (
        lambda: image(mask=[[True]]),
        "image.mask: expected a bool array, True where masked, got a list of 1",
    ),
    "a grid turned": (
        lambda: image(geobox=grid(shape=(5, 3))),
        "image.geobox: expected the array's shape (3, 5), got (5, 3)",
    ),
    "a grid of zeros": (
        lambda: image(geobox=grid((0, 0, 0, 0, 0, 0))),
        "image.geobox: its transform is singular, all pixels lie on one line: (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)",
    ),
    "a grid on a line": (
        lambda: image(geobox=grid((1, 2, 0, 2, 4, 0))),
        "image.geobox: its transform is singular, all pixels lie on one line: (1.0, 2.0, 0.0, 2.0, 4.0, 0.0)",
    ),
    "a grid with NaN": (
        lambda: image(geobox=grid((float("nan"), 0, 0, 0, 1, 0))),
        "image.geobox: its transform is not finite: (nan, 0.0, 0.0, 0.0, 1.0, 0.0)",
    ),
    "a grid with infinity": (
        lambda: image(geobox=grid((float("inf"), 0, 0, 0, 1, 0))),
        "image.geobox: its transform is not finite: (inf, 0.0, 0.0, 0.0, 1.0, 0.0)",
    ),
    "a transform for a grid": (
        lambda: image(geobox=Affine(1, 0, 0, 0, 1, 0)),
        "image.geobox: expected an odc.geo GeoBox, got an object of type affine.Affine",
    ),
    "a CRS for a grid": (
        lambda: image(geobox="EPSG:4326"),
        "image.geobox: expected an odc.geo GeoBox, got 'EPSG:4326'",
    ),
    "properties that are a list": (
        lambda: image(properties=[1]),
        "image.properties: expected a mapping, got a list of 1",
    ),
    "properties without names": (lambda: image(properties={1: 2}), "image.properties[1]: expected a name, got 1"),
    "properties that are objects": (
        lambda: image(properties={"a": Unprintable()}),
        'image.properties["a"]: expected a plain value, got an object of type {here}.Unprintable',
    ),
    "a date that is none": (
        lambda: image(properties={"date": "yesterday"}),
        "image.properties[\"date\"]: expected a datetime, a numpy datetime64 or an ISO 8601 string, got 'yesterday'",
    ),
    "a date that is a number": (
        lambda: image(properties={"date": 20200101}),
        'image.properties["date"]: expected a datetime, a numpy datetime64 or an ISO 8601 string, got 20200101',
    ),
    "a date that is NaT": (
        lambda: image(properties={"date": np.datetime64("NaT")}),
        "image.properties[\"date\"]: expected a date within the years 1 to 9999, got 'NaT'",
    ),
    "a date before all": (
        lambda: image(properties={"date": "0000-01-01"}),
        "image.properties[\"date\"]: expected a datetime, a numpy datetime64 or an ISO 8601 string, got '0000-01-01'",
    ),
    "facts of no band": (
        lambda: image(bands=["red", "nir"], bandinfo={"nri": {}}),
        "image.bandinfo[\"nri\"]: no band has this name; did you mean 'nir'?",
    ),
    "facts unknown": (lambda: info(nodat=0), 'image.bandinfo["n"]["nodat"]: unknown key; did you mean \'nodata\'?'),
    "facts that are a list": (
        lambda: image(bandinfo=[{}]),
        "image.bandinfo: expected a mapping of band to facts, got a list of 1",
    ),
    "facts None": (lambda: image(bandinfo={"band_1": None}), 'image.bandinfo["band_1"]: expected a mapping, got None'),
    "a kind with a space": (
        lambda: info(kind="class "),
        'image.bandinfo["n"]["kind"]: expected one of class, data, mask, got \'class \'',
    ),
    "nodata 256": (
        lambda: info(nodata=256),
        'image.bandinfo["n"]["nodata"]: 256 is no value of uint8, which holds whole numbers from 0 to 255',
    ),
    "nodata -1": (
        lambda: info(nodata=-1),
        'image.bandinfo["n"]["nodata"]: -1 is no value of uint8, which holds whole numbers from 0 to 255',
    ),
    "nodata 0.5": (
        lambda: info(nodata=0.5),
        'image.bandinfo["n"]["nodata"]: 0.5 is no value of uint8, which holds whole numbers from 0 to 255',
    ),
    "nodata NaN": (
        lambda: info(nodata=float("nan")),
        'image.bandinfo["n"]["nodata"]: nan is no value of uint8, which holds whole numbers from 0 to 255',
    ),
    "nodata a text": (lambda: info(nodata="0"), 'image.bandinfo["n"]["nodata"]: expected a number, got \'0\''),
    "nodata a bool": (lambda: info(nodata=True), 'image.bandinfo["n"]["nodata"]: expected a number, got True'),
    "nodata beyond float32": (
        lambda: Image(zeros(2, 2, dtype="f4"), bandinfo={"band_1": {"nodata": 1e39}}),
        'image.bandinfo["band_1"]["nodata"]: 1e+39 is not exact in float32; the nearest value is inf',
    ),
    "nodata 2^63": (
        lambda: Image(zeros(2, 2, dtype="i8"), bandinfo={"band_1": {"nodata": 2.0**63}}),
        'image.bandinfo["band_1"]["nodata"]: 9.223372036854776e+18 is no value of int64, which holds whole numbers from -9223372036854775808 to 9223372036854775807',
    ),
    "scale 0": (lambda: info(scale=0), 'image.bandinfo["n"]["scale"]: a scale of 0 makes all pixels equal'),
    "scale NaN": (lambda: info(scale=float("nan")), 'image.bandinfo["n"]["scale"]: expected a finite number, got nan'),
    "offset a text": (lambda: info(offset="1"), 'image.bandinfo["n"]["offset"]: expected a finite number, got \'1\''),
    "unit a number": (lambda: info(unit=3), 'image.bandinfo["n"]["unit"]: expected a text, got 3'),
    "everything": (
        lambda: image(bands=["a"], mask=zeros(3), geobox=grid(shape=(1, 1)), properties={1: 2}, bandinfo={"x": {}}),
        '6 problems in the image:\n  image.mask           expected bool, True where masked, got dtype uint8 (255 may mean valid elsewhere)\n  image.mask           expected the shape (2, 3, 5) or (3, 5), got (3,)\n  image.bands          1 names for 2 bands\n  image.geobox         expected the array\'s shape (3, 5), got (1, 1)\n  image.properties[1]  expected a name, got 1\n  image.bandinfo["x"]  no band has this name; the bands are band_1, band_2',
    ),
    "from a series in time": (
        lambda: Image.from_xarray(xr.DataArray(zeros(2, 3, 4), dims=("time", "y", "x"))),
        "image.array: it has 2 steps along 'time', and an image has one: select one, such as .isel(time=0)",
    ),
    "from a line": (
        lambda: Image.from_xarray(xr.DataArray(zeros(3), dims="x")),
        "image.array: which of the dimensions x are y and x? name the spatial ones y and x",
    ),
    "from unlike names": (
        lambda: image().select(["band_3"]),
        "bands[0]: no band is called 'band_3'; did you mean 'band_2'?",
    ),
}

PLANNED = {
    "two dates": (
        lambda: TWO_DATES,
        {},
        errors.IncompatiblePair,
        "image.array: it has 2 steps along 'time', and an image has one: select one, such as .isel(time=0) or .sel(time='2020-01-01')",
    ),
    "JPEG of uint16": (
        lambda: image(zeros(1, 16, 16, dtype="u2")),
        {"compression": "JPEG"},
        errors.Refused,
        "format.compression: JPEG holds uint8 only, the image is uint16; these hold it: DEFLATE, LZW, ZSTD, LERC, NONE",
    ),
    "JPEG of floats": (
        lambda: image(zeros(1, 16, 16, dtype="f4")),
        {"compression": "JPEG"},
        errors.Refused,
        "format.compression: JPEG holds uint8 only, the image is float32; these hold it: DEFLATE, LZW, ZSTD, LERC, NONE",
    ),
    "WEBP of uint16": (
        lambda: image(zeros(3, 16, 16, dtype="u2")),
        {"compression": "WEBP"},
        errors.Refused,
        "format.compression: WEBP holds uint8 only, the image is uint16; these hold it: DEFLATE, LZW, ZSTD, LERC, NONE",
    ),
    "unlike dtypes": (
        lambda: Image([zeros(2, 2), zeros(2, 2, dtype="f4")]),
        {},
        errors.Refused,
        "format: the bands of a GeoTIFF are of one dtype, these are of several: float32, uint8",
    ),
    "classes on average": (
        lambda: image(zeros(1, 600, 600), bandinfo={"band_1": {"kind": "class"}}),
        {"overview_resampler": "average"},
        errors.Refused,
        "format.overview_resampler: expected nearest or mode for the class band 'band_1', got 'average'",
    ),
    "a level of LZW": (
        image,
        {"compression": "LZW", "level": 3},
        errors.Refused,
        "format.level: LZW has no levels; DEFLATE and ZSTD have",
    ),
    "level 22 of DEFLATE": (
        image,
        {"level": 22},
        errors.Refused,
        "format.level: expected 1 to 12 for DEFLATE, got 22",
    ),
    "a number": (
        lambda: 2,
        {},
        errors.IncompatiblePair,
        "result: 'download' with 'geotiff' takes image; this is value (int). Formats that fit: json, msgpack, pyarrow",
    ),
    "an array": (
        lambda: zeros(2, 2),
        {},
        errors.IncompatiblePair,
        (
            "result: 'download' with 'geotiff' takes image; this is array (numpy.ndarray). Formats that fit: json, msgpack, "
            "netcdf, pyarrow. An array becomes an image by bourn.Image(array, bands=[...], geobox=...)"
        ),
    ),
    "a line": (
        lambda: xr.DataArray(zeros(3)),
        {},
        errors.IncompatiblePair,
        (
            "result: 'download' with 'geotiff' takes image; this is array (xarray.DataArray). Formats that fit: json, "
            "msgpack, netcdf, pyarrow. It becomes an image with a grid: odc.geo.xr.assign_crs, or bourn.Image(..., geobox=...)"
        ),
    ),
}

COMPUTED = {
    "long doubles": (
        lambda: image(zeros(1, 2, 2, dtype="f16")),
        {},
        errors.ResultRefused,
        "a GeoTIFF holds no float128",
    ),
    "long complex": (
        lambda: image(zeros(1, 2, 2, dtype="c32")),
        {},
        errors.ResultRefused,
        "a GeoTIFF holds no complex256",
    ),
    "complex cubic": (
        lambda: image(zeros(1, 600, 600, dtype="c8")),
        {"overview_resampler": "cubic"},
        errors.ResultRefused,
        "complex numbers have no cubic: take nearest or average",
    ),
    "a block that fails": (
        lambda: BROKEN,
        {},
        errors.EncodeError,
        "encoding as 'geotiff' failed: ZeroDivisionError: integer division or modulo by zero",
    ),
}


@pytest.mark.parametrize("name", AT_BIRTH)
def test_an_image_that_exists_is_whole(name):
    make, message = AT_BIRTH[name]
    with pytest.raises(errors.RequestError) as caught:
        make()
    assert message.replace("{here}", __name__) == str(caught.value)


@pytest.mark.parametrize("name", PLANNED)
def test_an_image_that_a_geotiff_does_not_hold_is_refused_before_anything_is_computed(session, home, name):
    make, options, error_type, message = PLANNED[name]
    with pytest.raises(errors.RequestError) as caught:
        session.plan(make(), format={"type": "geotiff", **options})
    assert (error_type, message) == (type(caught.value), str(caught.value))
    assert not home.exists()


@pytest.mark.parametrize("name", COMPUTED)
def test_an_image_that_fails_later_leaves_nothing(session, name):
    make, options, error_type, message = COMPUTED[name]
    with pytest.raises(errors.JobFailed) as caught:
        session.compute(make(), format={"type": "geotiff", **options})
    assert (error_type, message) == (type(caught.value), str(caught.value))
    assert list(session.store.keys()) == []
