"""An image's pixels as those of a product: what must fit, and what is changed and counted while they are read."""

from bourn_catalog.pixels.band_spec import BandSpec, band_specs
from bourn_catalog.pixels.check import problems
from bourn_catalog.pixels.prepare import prepare
from bourn_catalog.pixels.report import warnings

__all__ = ["BandSpec", "band_specs", "prepare", "problems", "warnings"]
