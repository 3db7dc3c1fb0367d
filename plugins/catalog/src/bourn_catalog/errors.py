"""What may be wrong with a question to the catalog.

::

    CatalogError (BournError)
    ├── UnknownProduct (LookupError)    there is none of that id, or it is not yours to see
    ├── UnknownImage (LookupError)      the same
    ├── AccessDenied (PermissionError)  you may see it, and not change it
    └── ProductInUse (ValueError)       what is asked would harm images that are there
"""

from __future__ import annotations

from bourn.plugin import BournError, BournWarning

__all__ = ["AccessDenied", "CatalogError", "LossWarning", "ProductInUse", "UnknownImage", "UnknownProduct"]


class CatalogError(BournError):
    """Something about the catalog."""

    code = "catalog-error"


class UnknownProduct(CatalogError, LookupError):
    """There is no product of that id, or it is not yours to see."""

    code = "unknown-product"


class UnknownImage(CatalogError, LookupError):
    """There is no image of that id, or it is not yours to see."""

    code = "unknown-image"


class AccessDenied(CatalogError, PermissionError):
    """You may see it, and not change it."""

    code = "access-denied"


class ProductInUse(CatalogError, ValueError):
    """What is asked would harm images that are there."""

    code = "product-in-use"


class LossWarning(BournWarning):
    """Pixels could not be kept as they were: how many, in which band and why."""
