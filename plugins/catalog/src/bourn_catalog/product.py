"""A product that can be saved and found, and its images."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import attrs
from bourn.plugin import RequestError

from bourn_catalog.context import plugin_context
from bourn_catalog.errors import CatalogError
from bourn_catalog.image import CatalogImage
from bourn_catalog.model.definition import Definition
from bourn_catalog.names import checked_id

if TYPE_CHECKING:
    from bourn.plugin import Session
    from sqlalchemy import Connection

__all__ = ["Product"]


@attrs.frozen(kw_only=True, repr=False)
class Product(Definition):
    """Images with the same bands; see `Definition` for the parameters.

    Examples
    --------
    >>> from bourn_catalog import GenericBand
    >>> Product(id="org:ndvi", bands=[GenericBand(name="ndvi", data_type="Int16", nodata=-32768)])
    Product: org:ndvi
      bands: ndvi (Int16, nodata -32768)
    """

    def save(self, *, session: Session | None = None) -> Product:
        """Create the product, or replace the one of its id where that harms no image; return it as saved.

        Raises
        ------
        AccessDenied
            The product exists and you do not own it.
        ProductInUse
            It has images, and its bands would change.
        RequestError
            It could not be read again: the principal's name can't be an owner's, or a band class is unknown.
        """
        from bourn_catalog.records.products import save_product  # SQLAlchemy, on first use

        context = plugin_context(session)
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
        """Return the product of an id.

        Raises
        ------
        UnknownProduct
            There is none, or none that you may see.
        RequestError
            `id` is not a str.
        """
        from bourn_catalog.records.products import get_product  # SQLAlchemy, on first use

        id = checked_id(id)  # noqa: A001  # the parameter of the public interface

        context = plugin_context(session)
        with context.database.read() as connection:
            return cls.from_row(get_product(connection, id, context.principal))

    @classmethod
    def search(cls, text: str = "", *, session: Session | None = None) -> list[Product]:
        """Return the products that you may see, sorted by id; with `text` those whose id or name contains it."""
        from bourn_catalog.records.products import list_products  # SQLAlchemy, on first use

        text = checked_id(text, "text")

        context = plugin_context(session)
        with context.database.read() as connection:
            rows = list(list_products(connection, context.principal, text=text))
        found = []
        for row in rows:
            try:
                found.append(cls.from_row(row))
            except CatalogError as error:  # one product hides no other
                warnings.warn(str(error), stacklevel=2)
        return found

    def images(self, *, session: Session | None = None, **wanted: Any) -> list[CatalogImage]:
        """Return its images; takes the arguments of `Image.search`."""
        return CatalogImage.search(self.id, session=session, **wanted)
