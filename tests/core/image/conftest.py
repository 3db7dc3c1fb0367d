"""Grids that the tests of results share."""

import pytest


def pytest_configure(config):
    # odc-geo 0.5 multiplies transforms with *, which affine 3 wants to be @ one day.
    config.addinivalue_line("filterwarnings", "ignore:Use `@` matmul:PendingDeprecationWarning")
    # rasterio 1.4 silences this itself while it warps, in a way that threads undo for one another.
    config.addinivalue_line("filterwarnings", "ignore:Dataset has no geotransform")


@pytest.fixture
def utm():
    """A grid of 3 x 5 pixels of 10 m."""
    from affine import Affine
    from odc.geo.geobox import GeoBox

    return GeoBox((3, 5), Affine(10, 0, 500_000, 0, -10, 4_000_000), "EPSG:32613")
