"""What clients make of an item and its file: odc-stac, rio-tiler and rioxarray's way of reading, each by itself."""

from datetime import UTC, datetime

import numpy as np
import pystac
import pytest
import rasterio
from affine import Affine
from bourn.plugin import Image
from bourn_catalog import Image as CatalogImage
from bourn_catalog import MaskBand, Product, SpectralBand
from bourn_catalog.pixels import band_specs, prepare
from bourn_catalog.stac import item
from bourn_formats.geotiff import GeoTIFF, Options
from odc.geo.geobox import GeoBox

BOX = GeoBox((60, 80), Affine(10, 0, 5e5, 0, -10, 4e6), "EPSG:32613")

pytestmark = [pytest.mark.filterwarnings("ignore")]  # of clients, not ours


@pytest.fixture(params=["nodata", "alpha"])
def published(request, tmp_path):
    """(item, the stored pixels, where they are masked)."""
    nodata = 0 if request.param == "nodata" else None
    bands = [
        SpectralBand(
            name=name,
            data_type="UInt16",
            nodata=nodata,
            common_name=common,
            data_range=(0, 10000),
            physical_range=(0, 1),
        )
        for name, common in (("b4", "red"), ("b8", "nir"))
    ]
    if nodata is None:
        bands.append(MaskBand(name="alpha", data_type="UInt16", is_alpha=True))
    product = Product(id="org:p", bands=bands)
    array = np.random.default_rng(0).random((2, 60, 80)) * 0.9 + 0.05
    mask = array[0] < 0.2
    made = prepare(Image(array, ["b4", "b8"], mask, BOX), band_specs(product), rescale=True, change_dtype=True)
    with (tmp_path / "x.tif").open("wb") as sink:
        GeoTIFF().encode(made, Options(), sink)
    document = item(
        product, CatalogImage(name="t", product_id="org:p", acquired=datetime(2020, 1, 1, tzinfo=UTC)),
        href=str(tmp_path / "x.tif"), shape=(60, 80), crs=BOX.crs, transform=BOX.affine, size=1, sha256="00" * 32,
        created=datetime(2020, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    return pystac.Item.from_dict(document), made.compute().array[:2], mask


def test_odc_stac_loads_bands_by_name_on_the_same_pixels(published):
    stac = pytest.importorskip("odc.stac", reason="odc-stac is not installed")
    read, stored, mask = published
    loaded = stac.load([read], bands=["b4", "nir"], geobox=BOX)
    np.testing.assert_array_equal(np.where(mask, 0, stored[0]), np.where(mask, 0, loaded["b4"].values[0]))
    np.testing.assert_array_equal(np.where(mask, 0, stored[1]), np.where(mask, 0, loaded["nir"].values[0]))


def test_rio_tiler_reads_bands_by_their_own_names(published):
    tiler = pytest.importorskip("rio_tiler.io", reason="rio-tiler is not installed")
    read, stored, mask = published
    with tiler.STACReader(None, item=read) as reader:
        assert reader.assets == ["data"]
        found = reader.preview(assets=[{"name": "data", "bands": ["b8"]}], max_size=None)
    np.testing.assert_array_equal(stored[1][~mask], found.array.data[0][~mask])
    np.testing.assert_array_equal(mask, found.array.mask[0])


def test_scale_and_offset_give_the_physical_values(published):
    read, stored, mask = published
    band = read.assets["data"].extra_fields["bands"][0]
    with rasterio.open(read.assets["data"].href) as file:
        assert (file.scales[0], file.offsets[0]) == (band["raster:scale"], band["raster:offset"])
    physical = stored[0] * band["raster:scale"] + band["raster:offset"]
    expected = np.random.default_rng(0).random((2, 60, 80))[0] * 0.9 + 0.05
    np.testing.assert_allclose(physical[~mask], expected[~mask], atol=0.5e-4)
