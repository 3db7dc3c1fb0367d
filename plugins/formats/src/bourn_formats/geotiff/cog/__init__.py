"""Write cloud optimized GeoTIFFs in one pass: strips of numpy arrays in, a file out. Imports nothing of bourn."""

from bourn_formats.geotiff.cog.crs import CRSNotSupported, EncodedCRS, encode_crs
from bourn_formats.geotiff.cog.metadata import HeaderMismatch, nodata_text
from bourn_formats.geotiff.cog.profile import Profile
from bourn_formats.geotiff.cog.spool import NoSpace
from bourn_formats.geotiff.cog.writer import Strip, can_write, write_cog

__all__ = [
    "CRSNotSupported", "EncodedCRS", "HeaderMismatch", "NoSpace", "Profile", "Strip", "can_write", "encode_crs",
    "nodata_text", "write_cog",
]  # fmt: skip
