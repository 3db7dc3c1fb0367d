"""Items and collections, held against the schemas of STAC 1.1 and of the extensions that they declare."""

import json
from datetime import UTC, datetime

import numpy as np
import pystac
import pytest
from affine import Affine
from bourn_catalog import ClassBand, GenericBand, Image, MaskBand, MicrowaveBand, Product, SpectralBand
from bourn_catalog.stac import collection, item
from bourn_catalog.stac.common import NAMES, unfit
from jsonschema import Draft7Validator
from odc.geo.crs import CRS as ODC
from pyproj import CRS
from pystac.extensions.projection import ProjectionExtension
from pystac.validation.stac_validator import JsonSchemaSTACValidator
from rasterio.crs import CRS as RASTERIO
from schemas import SCHEMAS

GRID = {"shape": (30, 40), "transform": Affine(10, 0, 500_000, 0, -10, 4_000_000), "crs": CRS(32613)}

PRODUCT = Product(
    id="org:ndvi", description="What grows.",
    bands=[
        SpectralBand(
            name="b4", data_type="UInt16", nodata=0, common_name="red", wavelength_nm_center=665,
            wavelength_nm_fwhm=38, data_range=(0, 10000), physical_range=(0, 1), unit="1",
        ),
        SpectralBand(name="b9", data_type="UInt16", nodata=0, common_name="very red"),
        ClassBand(
            name="cover", data_type="UInt16", nodata=0, class_labels=("", "Forest", "Bare soil"),
            colormap=((0, 0, 0, 0), (0, 128, 0, 255), (200, 100, 0, 255)), description="Land cover.",
        ),
        MicrowaveBand(name="vv", data_type="UInt16", nodata=0),
        MaskBand(name="alpha", data_type="UInt16", is_alpha=True, data_range=(0, 65535)),
    ],
)  # fmt: skip

IMAGE = Image(
    name="t1", product_id="org:ndvi", acquired=datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC),
    properties={"cloud": 0.25, "title": "mine", "datetime": "never", "proj:code": "mine"},
)  # fmt: skip

STATISTICS = [{"minimum": 1.0, "maximum": 9.0, "mean": 4.5, "stddev": 2.0, "valid_percent": 75.0}, None, None, None, {}]


def made(product=PRODUCT, image=IMAGE, **more):
    given = {
        "href": "s3://bucket/key.tif", "size": 1234, "sha256": "ab" * 32,
        "created": datetime(2021, 1, 1, 12, tzinfo=UTC), "statistics": STATISTICS, "thumbnail_href": "./t1.png",
    }  # fmt: skip
    return item(product, image, **{**GRID, **given, **more})


def validated(document):
    """By pystac's own schemas, and by those of every extension that is declared."""
    document = json.loads(json.dumps(document, allow_nan=False))
    validator = JsonSchemaSTACValidator()
    validator.schema_cache.update(SCHEMAS)
    with pytest.MonkeyPatch.context() as patch:
        # Without a network: what is not at hand is an error.
        patch.setattr("pystac.StacIO.default", lambda: pytest.fail("a schema was looked for in the network"))
        validator.validate_core(document, pystac.STACObjectType(document["type"]), "1.1.0")
    for uri in document["stac_extensions"]:
        problems = [problem.message for problem in Draft7Validator(SCHEMAS[uri]).iter_errors(document)]
        assert problems == [], uri
    return document


def test_an_item_is_valid_with_every_extension_it_declares():
    document = validated(made())
    assert [uri.split("/")[3] for uri in document["stac_extensions"]] == [
        "classification", "eo", "file", "projection", "raster"
    ]  # fmt: skip


UNFIT = {
    "gsd": "10 m", "instruments": "msi", "license": "CC BY 4.0", "providers": "ESA", "bands": 3, "updated": "yesterday",
    "start_datetime": "2020-01-01T00:00:00Z", "nodata": [], "statistics": 1, "keywords": "a", "roles": "b",
}  # fmt: skip


def test_properties_that_stac_would_have_otherwise_are_left_out_of_the_item():
    """An xarray object may have any attributes; one that is as STAC would have it stays."""
    image = Image(
        name="t1", product_id="org:ndvi", acquired=IMAGE.acquired, properties={**UNFIT, "platform": "S2A", "cloud": 1}
    )
    properties = validated(made(image=image))["properties"]
    assert set(properties) & set(UNFIT) == set()
    assert (properties["platform"], properties["cloud"]) == ("S2A", 1)
    assert set(unfit(image.properties)) == set(UNFIT)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_name_that_stac_has_a_meaning_for_is_known(name):
    """No item is refused by STAC's own schema for a property of any of them."""
    image = Image(name="t1", product_id="org:ndvi", acquired=IMAGE.acquired, properties={name: {"any": ["thing"]}})
    validated(made(image=image))


def test_what_an_item_says_of_the_image():
    document = made()
    assert (document["id"], document["collection"]) == ("org:ndvi:t1", "org:ndvi")
    assert document["properties"] == {
        "datetime": "2020-01-02T03:04:05Z", "created": "2021-01-01T12:00:00Z", "title": "t1", "cloud": 0.25,
        "proj:code": "EPSG:32613", "proj:shape": [30, 40], "proj:transform": [10.0, 0.0, 5e5, 0.0, -10.0, 4e6],
        "proj:bbox": [500_000.0, 3_999_700.0, 500_400.0, 4_000_000.0],
    }  # fmt: skip
    assert [link["rel"] for link in document["links"]] == ["collection"]


def test_the_asset_says_what_the_file_is():
    asset = made()["assets"]["data"]
    assert asset["roles"] == ["data"]
    assert asset["type"] == "image/tiff; application=geotiff; profile=cloud-optimized"
    assert (asset["file:size"], asset["file:checksum"]) == (1234, "1220" + "ab" * 32)
    assert made()["assets"]["thumbnail"] == {"href": "./t1.png", "type": "image/png", "roles": ["thumbnail"]}
    assert "thumbnail" not in made(thumbnail_href=None)["assets"]


def test_the_bands_of_the_asset_are_those_of_the_file_in_its_order():
    asset = made()["assets"]["data"]
    assert [band["name"] for band in asset["bands"]] == ["b4", "b9", "cover", "vv", "alpha"]
    assert asset["bands"][0] == {
        "name": "b4", "data_type": "uint16", "nodata": 0, "unit": "1", "statistics": STATISTICS[0],
        "raster:scale": 0.0001, "raster:offset": 0.0, "raster:sampling": "area",
    }  # fmt: skip
    assert asset["bands"][4] == {"name": "alpha", "data_type": "uint16", "raster:sampling": "area"}


def test_names_for_clients_that_read_eo_bands_only():
    assert made()["assets"]["data"]["eo:bands"] == [
        {"name": "b4", "common_name": "red", "center_wavelength": 0.665, "full_width_half_max": 0.038},
        {"name": "b9"}, {"name": "cover"}, {"name": "vv"}, {"name": "alpha"},
    ]  # fmt: skip


def test_classes_have_names_that_stac_allows_and_their_titles_and_colours():
    assert made()["assets"]["data"]["bands"][2]["classification:classes"] == [
        {"value": 0, "name": "class_0", "color_hint": "000000"},
        {"value": 1, "name": "Forest", "color_hint": "008000"},
        {"value": 2, "name": "Bare_soil", "title": "Bare soil", "color_hint": "C86400"},
    ]


@pytest.mark.parametrize(("nodata", "expected"), [(np.nan, "nan"), (-9999.0, -9999.0), (-np.inf, "-inf")])
def test_a_nodata_value_that_json_has_no_digits_for_goes_by_its_name(nodata, expected):
    product = Product(id="p", bands=[GenericBand(name="a", data_type="Float32", nodata=nodata)])
    document = validated(made(product, Image(name="t", product_id="p", acquired=IMAGE.acquired), statistics=[None]))
    assert document["assets"]["data"]["bands"][0]["nodata"] == expected


def test_statistics_that_are_no_numbers_are_left_out():
    document = validated(made(statistics=[{"mean": float("nan"), "valid_percent": 0.0}, *STATISTICS[1:]]))
    assert document["assets"]["data"]["bands"][0]["statistics"] == {"valid_percent": 0.0}


def test_a_crs_without_a_code_is_written_as_projjson():
    crs = CRS.from_proj4("+proj=laea +lat_0=12 +lon_0=34 +datum=WGS84")
    properties = validated(made(crs=crs))["properties"]
    assert properties["proj:code"] is None
    assert CRS.from_json_dict(properties["proj:projjson"]) == crs


@pytest.mark.parametrize("crs", [RASTERIO.from_epsg(32613), ODC("EPSG:32613")], ids=["rasterio", "odc"])
def test_a_crs_of_another_library_is_the_same(crs):
    assert made(crs=crs) == made()


def test_a_product_is_a_valid_collection():
    document = validated(collection(PRODUCT))
    assert (document["id"], document["description"]) == ("org:ndvi", "What grows.")
    assert [band["name"] for band in document["item_assets"]["data"]["bands"]] == ["b4", "b9", "cover", "vv", "alpha"]
    assert document["extent"]["spatial"]["bbox"] == [[-180.0, -90.0, 180.0, 90.0]]


def test_a_collection_has_an_extent_if_it_is_given():
    interval = (datetime(2020, 1, 1, tzinfo=UTC), None)
    document = validated(collection(PRODUCT, bbox=[1, 2, 3, 4], interval=interval))
    assert document["extent"] == {
        "spatial": {"bbox": [[1, 2, 3, 4]]}, "temporal": {"interval": [["2020-01-01T00:00:00Z", None]]}
    }  # fmt: skip


def test_pystac_reads_back_what_was_written():
    read = pystac.Item.from_dict(made())
    assert read.datetime == IMAGE.acquired
    assert ProjectionExtension.ext(read).code == "EPSG:32613"
    assert pystac.Collection.from_dict(collection(PRODUCT)).id == "org:ndvi"
