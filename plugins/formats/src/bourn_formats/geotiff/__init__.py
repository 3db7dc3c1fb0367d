"""The format geotiff: an image as a cloud optimized GeoTIFF."""

from bourn_formats.geotiff.options import Options
from bourn_formats.geotiff.plugin import GeoTIFF

__all__ = ["GeoTIFF", "Options"]
