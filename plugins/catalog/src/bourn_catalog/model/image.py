"""An image of a product: what one asks for, and once it is published what the catalog knows of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import attrs
from bourn.plugin import RequestError, option, settle

from bourn_catalog.model.names import image_id, image_name_fault, product_id_fault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bourn.plugin import Session

__all__ = ["Image", "ImageRecord"]


@attrs.frozen(kw_only=True)
class ImageRecord:
    """What the catalog knows of a published image.

    Attributes
    ----------
    created : datetime
    delivery_id : str
        By which it came; another one, another file.
    key : str
        Of its file in the store.
    size_bytes : int
    sha256 : str
        In hex.
    item : mapping
        Its STAC Item.
    revision : int
        That of the product whose bands it was made for.
    """

    created: datetime
    delivery_id: str
    key: str
    size_bytes: int
    sha256: str
    item: Mapping[str, Any] = attrs.field(repr=False)
    revision: int = 1
    session: Session | None = attrs.field(default=None, repr=False, eq=False)


@attrs.frozen(kw_only=True, repr=False)
class Image:
    """An image of a product, to be uploaded or published already; as ``destination=`` it stands for the catalog.

    Parameters
    ----------
    name : str
        Letters, digits, ``.``, ``_`` and ``-``, at most 200; unique within the product.
    product_id : str
    acquired : datetime, optional
        When the pixels were taken; naive is UTC. By default what the computed image says in
        ``properties["date"]``, else the time of the upload.
    properties : mapping, optional
        Anything else that is to be known of it, as JSON.

    Raises
    ------
    RequestError
        With everything that is wrong, each with its path.

    Examples
    --------
    >>> image = Image(name="t1", product_id="org:ndvi")
    >>> image.id
    'org:ndvi:t1'
    >>> image
    Image: t1
      id: org:ndvi:t1
      product: org:ndvi
      created: not yet
    """

    name: str = option(help="Its name, unique within the product.", check=image_name_fault)
    product_id: str = option(help="The id of a saved product.", check=product_id_fault)
    acquired: datetime | None = option(
        default=None, help="When the pixels were taken; by default `properties['date']` of the result, else now."
    )
    properties: dict[str, Any] = option(
        factory=dict, max_length=1000, help="Anything else that is to be known of it, as JSON."
    )
    _record: ImageRecord | None = attrs.field(default=None, init=False, eq=False)

    def __attrs_post_init__(self) -> None:
        problems = settle(self)
        if problems:
            raise RequestError(problems, about="the catalog.Image")
        if self.acquired is not None:
            aware = self.acquired if self.acquired.tzinfo else self.acquired.replace(tzinfo=UTC)
            object.__setattr__(self, "acquired", aware.astimezone(UTC))

    @property
    def id(self) -> str:
        """``{product_id}:{name}``."""
        return image_id(self.product_id, self.name)

    @property
    def published(self) -> bool:
        """Whether it came from the catalog, and not from a caller."""
        return self._record is not None

    @property
    def created(self) -> datetime | None:
        """When it was published; None before."""
        return None if self._record is None else self._record.created

    @property
    def size_bytes(self) -> int | None:
        """Of its file."""
        return None if self._record is None else self._record.size_bytes

    @property
    def sha256(self) -> str | None:
        """Of its file, in hex."""
        return None if self._record is None else self._record.sha256

    @property
    def stac(self) -> Mapping[str, Any] | None:
        """Its STAC Item."""
        return None if self._record is None else self._record.item

    def __repr__(self) -> str:
        created = (
            "not yet"
            if self.created is None
            else f"{self.created:%a %b} {self.created.day:2} {self.created:%H:%M:%S %Y}"
        )
        return f"Image: {self.name}\n  id: {self.id}\n  product: {self.product_id}\n  created: {created}"
