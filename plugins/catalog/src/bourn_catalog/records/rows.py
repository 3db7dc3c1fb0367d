"""What the tables say of a product and of an image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from bourn_catalog.access import may

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from bourn_catalog.access import Right

__all__ = ["ImageRow", "ProductRow"]


@attrs.frozen(kw_only=True)
class ProductRow:
    """A saved product.

    Attributes
    ----------
    document : mapping
        The product as JSON.
    bands_digest : str
        Of what the stored pixels of its images depend on.
    revision : int
        How often it was saved.
    """

    document: Mapping[str, Any] = attrs.field(repr=False)
    bands_digest: str
    revision: int
    created_at: datetime
    updated_at: datetime

    @property
    def id(self) -> str:
        """Its id."""
        return str(self.document["id"])

    def may(self, principal: str, right: Right) -> bool:
        """Whether `principal` has that right."""
        return may(self.document, principal, right)


@attrs.frozen(kw_only=True)
class ImageRow:
    """A published image.

    Attributes
    ----------
    delivery_id : str
        By which it came: another delivery, another file.
    key : str
        Of its file in the store.
    sha256 : str
        In hex.
    revision : int
        That of the product when it was published.
    item : mapping
        Its STAC Item, without the thumbnail.
    """

    product_id: str
    name: str
    delivery_id: str
    principal: str
    key: str
    size_bytes: int
    sha256: str
    revision: int
    acquired_at: datetime
    created_at: datetime
    properties: Mapping[str, Any]
    item: Mapping[str, Any] = attrs.field(repr=False)
