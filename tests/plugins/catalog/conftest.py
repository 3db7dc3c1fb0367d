"""What tests of the catalog share: a product, an image on a grid, and sessions of several principals."""

import sys
from pathlib import Path

import bourn
import bourn_catalog as catalog
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from grids import grid


def pytest_configure(config):
    config.addinivalue_line("markers", "backends(*names): runs over each of these: home, servers")


@pytest.fixture
def product():
    """Two bands of radar, stored as integers."""
    scaled = {"data_type": "UInt16", "nodata": 0, "data_range": (1, 10_001), "physical_range": (0, 1)}
    bands = [catalog.MicrowaveBand(name="vv", **scaled), catalog.MicrowaveBand(name="vh", **scaled)]
    return catalog.Product(id="org:radar", bands=bands)


@pytest.fixture
def composite():
    """Physical values, a few of them masked."""
    pixels = np.random.default_rng(5).random((2, 60, 70))
    mask = np.zeros(pixels.shape, dtype=bool)
    mask[0, :5] = mask[1, 50:] = True
    return bourn.Image(pixels, bands=["vv", "vh"], mask=mask, geobox=grid())


@pytest.fixture
def to():
    """A destination as a mapping, with what most uploads need."""

    def to(name="t1", product_id="org:radar", **options):
        image = {"product_id": product_id, "name": name}
        return {"type": "catalog", "image": image, "rescale": True, "change_dtype": True, **options}

    return to


@pytest.fixture
def session_as(session_of):
    """Sessions of the same installation for other people."""
    return lambda principal, clock=None, **settings: session_of(
        clock=clock, settings={"principal": principal, **settings}
    )
