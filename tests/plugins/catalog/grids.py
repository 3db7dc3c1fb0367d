"""Grids for tests."""

from affine import Affine
from odc.geo.geobox import GeoBox


def grid(height=60, width=70, *, crs="EPSG:32613", left=407_840, top=3_952_640, step=10):
    return GeoBox((height, width), Affine(step, 0, left, 0, -step, top), crs)
