"""A CRS is read back as it was, or refused before computing: all projections of PROJ, all compound EPSG codes."""

import io
import os

import bourn
import numpy as np
import pyproj
import pytest
import rasterio
import rasterio.shutil
from affine import Affine
from bourn.errors import RequestError
from bourn.plugin import Image, ResultRefused
from bourn_formats.geotiff import GeoTIFF, Options
from bourn_formats.geotiff.cog import EncodedCRS, encode_crs
from bourn_formats.geotiff.cog import crs as crs_module
from bourn_formats.geotiff.cog.crs import same_crs
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox
from rasterio.io import MemoryFile

DEEP = bool(os.environ.get("BOURN_DEEP"))

PARAMETERS = (
    "", "+lat_1=30 +lat_2=50 +lat_0=40", "+h=35785831", "+lat_1=20 +lon_1=-10 +lat_2=50 +lon_2=30", "+zone=33",
    "+n=0.5", "+lat_1=30", "+lat_1=10 +lon_1=0 +lat_2=30 +lon_2=10 +lat_3=50 +lon_3=20", "+tilt=10 +azi=5 +h=1000000",
    "+o_proj=moll +o_lat_p=40 +o_lon_p=10", "+W=2 +M=1", "+m=1 +n=2", "+lsat=1 +path=2", "+lat_ts=30",
    "+alpha=30 +lonc=10 +lat_0=20",
)  # fmt: skip
"""Of which each projection takes one."""

ROTATED_POLE = "+proj=ob_tran +o_proj=longlat +o_lon_p=-162 +o_lat_p=39.25 +lon_0=180 +to_meter=0.0174532925199433"


def projections():
    """CRSs of all projections that PROJ has and that give coordinates."""
    found = {}
    for name in sorted(pyproj.get_proj_operations_map()):
        for parameters in PARAMETERS:
            try:
                crs = pyproj.CRS(f"+proj={name} +lon_0=10 {parameters} +ellps=WGS84 +units=m")
                to_globe = pyproj.Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)
            except pyproj.exceptions.ProjError:
                continue
            if np.isfinite(to_globe.transform([1e5, -2e5, 0], [1e5, 5e4, -3e4])).all():
                found[name] = crs
                break
    return found


def compound_codes():
    codes = pyproj.database.query_crs_info("EPSG", pyproj.enums.PJType.COMPOUND_CRS)
    return [int(info.code) for info in codes]


def stored(image, **options):
    """The file of an image, opened."""
    sink = io.BytesIO()
    GeoTIFF().encode(image, Options(**options), sink)
    return MemoryFile(sink.getvalue()).open()


def image_in(crs, **facts):
    return Image(np.ones((1, 8, 9), "u1"), geobox=GeoBox((8, 9), Affine(100, 0, 500, 0, -100, 900), CRS(crs)), **facts)


@pytest.mark.slow
def test_all_projections_of_proj_are_kept():
    found = projections()
    assert len(found) > 130
    for name, crs in found.items():
        original = pyproj.CRS(crs.to_wkt())
        assert same_crs(original, pyproj.CRS(encode_crs(crs.to_wkt()).read_back)), name


@pytest.mark.slow
def test_all_compound_codes_are_kept():
    codes = compound_codes()
    assert len(codes) > 300
    for code in codes if DEEP else codes[::7]:
        crs = pyproj.CRS(code)
        read = pyproj.CRS(encode_crs(crs.to_wkt()).read_back)
        declared = read.to_json_dict().get("id", {}).get("code")
        assert code == declared or read.to_authority() == ("EPSG", str(code)), crs.name


@pytest.mark.parametrize("overviews", [True, False])
@pytest.mark.parametrize("point", [True, False])
@pytest.mark.parametrize(
    "crs", [ROTATED_POLE, "+proj=airy +lon_0=10", "ESRI:54009", "+proj=geos +h=35785831 +sweep=x", "EPSG:7415"]
)
def test_what_is_written_is_read_by_gdal(crs, point, overviews):
    image = image_in(crs, properties={"AREA_OR_POINT": "Point"} if point else {})
    with stored(image, overviews=overviews) as file:
        assert same_crs(pyproj.CRS(crs), pyproj.CRS(file.crs.to_wkt(version="WKT2_2019")))
        assert file.transform.almost_equals(image.geobox.affine)
        assert (file.tags().get("AREA_OR_POINT") == "Point") == point


def test_a_rotated_pole_comes_back_from_open(tmp_path):
    image = image_in(ROTATED_POLE)
    bourn.compute(image, format="geotiff", file=tmp_path / "a.tif")
    opened = bourn.Image.open(tmp_path / "a.tif").geobox
    assert opened.affine == image.geobox.affine
    assert same_crs(pyproj.CRS(ROTATED_POLE), opened.crs.proj)


def test_a_copy_by_gdal_still_has_it(tmp_path):
    """A copy of the file alone is enough: there is no .aux.xml."""
    with stored(image_in("+proj=airy +lon_0=10")) as file:
        assert file.files == [file.name]
        rasterio.shutil.copy(file, tmp_path / "copy.vrt", driver="VRT")
        with rasterio.open(tmp_path / "copy.vrt") as copy:
            assert copy.crs == file.crs


def test_a_plan_refuses_what_can_not_be_stored(monkeypatch):
    encode_crs.cache_clear()
    monkeypatch.setattr(crs_module, "_read_back", lambda *_, **__: None)
    with pytest.raises(RequestError, match="can't store the CRS 'unknown'"):
        bourn.plan(image_in("+proj=airy +lon_0=11"), format="geotiff")
    with pytest.raises(ResultRefused, match="can't store the CRS"):
        stored(image_in("+proj=airy +lon_0=11"))


@pytest.mark.parametrize("crs", ["EPSG:4978", 'LOCAL_CS["Südfeld",LOCAL_DATUM["x",0],UNIT["metre",1]]', "EPSG:3855"])
def test_what_is_no_place_on_the_map_is_kept_too(crs):
    """Geocentric, of a building site, vertical only: nobody can draw it, and everybody sees what it is."""
    original = pyproj.CRS(crs)
    assert same_crs(original, pyproj.CRS(encode_crs(original.to_wkt()).read_back))


@pytest.mark.parametrize(
    "options", [{"compression": "LZW"}, {"tiled": False}, {"compression": "JPEG"}, {"overview_resampler": "cubic"}]
)
def test_a_plan_says_which_option_does_not_go_with_it(options):
    with pytest.raises(RequestError, match=next(iter(options))):
        bourn.plan(image_in(ROTATED_POLE), format={"type": "geotiff", **options})
    with pytest.raises(ResultRefused, match=next(iter(options))):
        stored(image_in(ROTATED_POLE), **options)


@pytest.mark.parametrize("options", [{}, {"compression": "LZW"}])
def test_a_header_that_reads_otherwise_is_no_file(monkeypatch, options):
    def wrong(wkt):
        return EncodedCRS("EPSG:32634", citation=False, read_back=wkt)

    monkeypatch.setattr("bourn_formats.geotiff.profile.encode_crs", wrong)
    sink = io.BytesIO()
    with pytest.raises(bourn.errors.EncodeError, match="CRS would be"):
        GeoTIFF().encode(image_in("EPSG:32633"), Options(**options), sink)
    assert sink.getvalue() == b""
