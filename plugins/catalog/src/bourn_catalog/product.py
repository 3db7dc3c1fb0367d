"""A product that can be saved, found, and asked for its images."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import attrs
from bourn.plugin import RequestError

from bourn_catalog.errors import CatalogError
from bourn_catalog.image import Image
from bourn_catalog.lent import lent
from bourn_catalog.model.definition import Definition

if TYPE_CHECKING:
    from bourn.plugin import Session
    from sqlalchemy import Connection

__all__ = ["Product"]


@attrs.frozen(kw_only=True, repr=False)
class Product(Definition):
    """Images of one kind, with the same bands; see `Definition` for what it takes.

    Examples
    --------
    >>> from bourn_catalog import GenericBand
    >>> Product(id="org:ndvi", bands=[GenericBand(name="ndvi", data_type="Int16", nodata=-32768)])
    Product: org:ndvi
      bands: ndvi (Int16, nodata -32768)
    """

    def save(self, *, session: Session | None = None) -> Product:
        """Create it, or replace the one of its id where that harms no image; gives it as it is kept.

        Raises
        ------
        AccessDenied
            The one that is there is somebody else's.
        ProductInUse
            It has images, and the bands would be others.
        RequestError
            It could not be read again: the principal's name is none that can be an owner's, or the class is not ours.
        """
        from bourn_catalog.records.products import save_product  # SQLAlchemy, on first use

        context = lent(session)
        document, principal, now = self.as_mapping(), context.principal, context.clock()

        def work(connection: Connection) -> Product:
            row = save_product(connection, document, principal, now)
            try:
                Product.from_mapping(row.document)
            except RequestError as error:  # nothing is written then
                raise RequestError(error.problems, about="the product as it would be kept") from error
            return Product.from_row(row)

        return context.database.write(work)

    @classmethod
    def get(cls, id: str, *, session: Session | None = None) -> Product:
        """The product of that id.

        Raises
        ------
        UnknownProduct
            There is none, or none that you may see.
        """
        from bourn_catalog.records.products import get_product  # SQLAlchemy, on first use

        context = lent(session)
        with context.database.read() as connection:
            return cls.from_row(get_product(connection, id, context.principal))

    @classmethod
    def search(cls, text: str = "", *, session: Session | None = None) -> list[Product]:
        """Those that you may see, by id; with `text` only those whose id or name has it in it."""
        from bourn_catalog.records.products import list_products  # SQLAlchemy, on first use

        context = lent(session)
        with context.database.read() as connection:
            rows = list(list_products(connection, context.principal, text=text))
        found = []
        for row in rows:
            try:
                found.append(cls.from_row(row))
            except CatalogError as error:  # one product hides no other
                warnings.warn(str(error), stacklevel=2)
        return found

    def images(self, *, session: Session | None = None, **wanted: Any) -> list[Image]:
        """Its images; takes what `Image.search` takes."""
        return Image.search(self.id, session=session, **wanted)
