"""Write an image by our own COG writer, or by GDAL."""

from unittest.mock import patch

from bourn_formats.geotiff import GeoTIFF, cog


def write_here(image, options, sink):
    return GeoTIFF().encode(image, options, sink)


def write_by_gdal(image, options, sink):
    with patch.object(cog, "can_write", lambda _: False):
        return GeoTIFF().encode(image, options, sink)
