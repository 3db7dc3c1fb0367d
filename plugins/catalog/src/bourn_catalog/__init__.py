"""The catalog destination: an image becomes part of a product, and every pixel is accounted for.

>>> import bourn_catalog as catalog
>>> catalog.Image(name="t1", product_id="org:ndvi").id
'org:ndvi:t1'
"""

from __future__ import annotations

from bourn_catalog.errors import (
    AccessDenied,
    CatalogError,
    LossWarning,
    ProductInUse,
    UnknownImage,
    UnknownProduct,
)
from bourn_catalog.image import CatalogImage as Image
from bourn_catalog.model.bands import ClassBand, GenericBand, MaskBand, MicrowaveBand, SpectralBand
from bourn_catalog.product import Product

__all__ = [
    "AccessDenied",
    "CatalogError",
    "ClassBand",
    "GenericBand",
    "Image",
    "LossWarning",
    "MaskBand",
    "MicrowaveBand",
    "Product",
    "ProductInUse",
    "SpectralBand",
    "UnknownImage",
    "UnknownProduct",
]
