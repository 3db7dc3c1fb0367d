"""An image of a product: a request to upload it, and the published image."""

from __future__ import annotations

import base64
import copy
import html
from datetime import datetime  # noqa: TC003  # attrs resolves it at run time
from typing import TYPE_CHECKING, Any

import attrs
from bourn.plugin import RequestError, normalize, option

from bourn_catalog.context import plugin_context
from bourn_catalog.errors import AccessDenied, CatalogError, UnknownImage
from bourn_catalog.model.definition import Definition
from bourn_catalog.model.search_query import parse_search_query, utc
from bourn_catalog.names import checked_id, image_id, image_name_fault, product_id_fault
from bourn_catalog.properties import MOST

if TYPE_CHECKING:
    from collections.abc import Mapping

    import bourn
    from bourn.plugin import Context, Session
    from sqlalchemy import Connection

    from bourn_catalog.records.rows import ImageRow

__all__ = ["CatalogImage"]


@attrs.frozen(kw_only=True, repr=False)
class CatalogImage:
    """An image of a product, to be uploaded or already published; ``destination=`` takes it for the catalog.

    Parameters
    ----------
    name : str
        Letters, digits, ``.``, ``_`` and ``-``, at most 200; unique within the product.
    product_id : str
    acquired : datetime, optional
        When the pixels were taken; naive is UTC. By default ``properties["date"]`` of the computed image, else the
        time of the upload.
    properties : mapping, optional
        Any JSON; the properties of the computed image are added.

    Raises
    ------
    RequestError
        With every problem and its path.

    Examples
    --------
    >>> image = CatalogImage(name="t1", product_id="org:ndvi")
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
        factory=dict, max_length=MOST, help="Any JSON; the properties of the result are added."
    )
    # An ImageRow, a Context, or None; types here are read at run time.
    _row: Any = attrs.field(default=None, init=False, eq=False)
    _context: Any = attrs.field(default=None, init=False, eq=False)

    def __attrs_post_init__(self) -> None:
        problems = normalize(self)
        if problems:
            raise RequestError(problems, about="the catalog.Image")
        if self.acquired is not None:
            object.__setattr__(self, "acquired", utc(self.acquired))

    @classmethod
    def from_row(cls, row: ImageRow, context: Context) -> CatalogImage:
        """Return a published image."""
        image = cls(name=row.name, product_id=row.product_id, acquired=row.acquired_at, properties=dict(row.properties))
        object.__setattr__(image, "_row", row)
        object.__setattr__(image, "_context", context)
        return image

    # -- finding ----------------------------------------------------------------------------------------------------

    @classmethod
    def get(cls, id: str, *, session: Session | None = None) -> CatalogImage:
        """Return the image of an id.

        Raises
        ------
        UnknownImage
            There is none, or none that you may see.
        RequestError
            `id` is not a str.
        """
        from bourn_catalog.records.images import get_image  # SQLAlchemy, on first use

        id = checked_id(id)  # noqa: A001  # see above
        context = plugin_context(session)
        with context.database.read() as connection:
            return cls.from_row(get_image(connection, id, context.principal), context)

    @classmethod
    def search(
        cls,
        product_id: str | None = None,
        *,
        start: Any = None,
        end: Any = None,
        geometry: Any = None,
        properties: Mapping[str, Any] | None = None,
        limit: int | None = None,
        session: Session | None = None,
    ) -> list[CatalogImage]:
        """Return images that you may see, sorted by `acquired`, then by id.

        Parameters
        ----------
        product_id : str, optional
        start, end : datetime, date or ISO 8601 text, optional
            Of `acquired`, both included; a date as `end` includes the whole day.
        geometry : GeoJSON, shapely or odc geometry, GeoBox or tile, optional
            Images that intersect it; longitudes beyond 180 degrees continue on the other side.
        properties : mapping, optional
            Values that an image's properties must have.
        limit : int, optional

        Raises
        ------
        RequestError
            With every problem of the query.
        UnknownProduct
            There is no product of that id, or none that you may see.
        """
        from bourn_catalog.records.images import Search, search_images  # SQLAlchemy, on first use

        search = Search(
            **parse_search_query(product_id=product_id, start=start, end=end, geometry=geometry,
                                 properties={} if properties is None else properties, limit=limit)
        )  # fmt: skip
        context = plugin_context(session)
        with context.database.read() as connection:
            return [cls.from_row(row, context) for row in search_images(connection, search, context.principal)]

    # -- using --------------------------------------------------------------------------------------------------------

    def open(self, *, scaled: bool = False) -> bourn.Image:
        """Open the stored pixels of all bands with their mask; they are read when needed.

        Parameters
        ----------
        scaled : bool
            Whether to return physical values, as floats, of bands with a ``physical_range``.

        Raises
        ------
        UnknownImage
            It is not in the catalog.
        """
        from bourn_catalog.reading import open_image  # rasterio, SQLAlchemy: 0.5 s
        from bourn_catalog.records.images import get_image
        from bourn_catalog.records.products import get_product

        context = self._context or plugin_context(None)
        with context.database.read() as connection:
            row = self._row or get_image(connection, self.id, context.principal)
            product = Definition.from_row(get_product(connection, row.product_id, context.principal))
        path = context.store.local_path(row.key)
        try:
            return open_image(path or context.store.open(row.key), product, row, scaled=scaled)
        except FileNotFoundError as error:
            msg = f"the file of {self.id!r} is gone: the image was overwritten or deleted"
            raise UnknownImage(msg) from error

    def delete(self) -> None:
        """Delete it; its file is removed after the grace time.

        Raises
        ------
        UnknownImage
            There is none, or none that you may see.
        AccessDenied
            You may not write to the product.
        """
        from bourn_catalog.records.images import get_image  # SQLAlchemy, on first use
        from bourn_catalog.records.products import get_product
        from bourn_catalog.records.publish import supersede

        context = self._context or plugin_context(None)

        def work(connection: Connection) -> None:
            get_image(connection, self.id, context.principal)
            if not get_product(connection, self.product_id, context.principal).may(context.principal, "write"):
                msg = f"{context.principal!r} may not write to the product {self.product_id!r}"
                raise AccessDenied(msg)
            if not supersede(connection, self.id, now=context.clock(), by=None):
                msg = f"the image {self.id!r} was deleted at the same time by another user"
                raise UnknownImage(msg)

        context.database.write(work)

    def thumbnail(self) -> bytes | None:
        """Return a small PNG; None before it is published and after it is deleted.

        Raises
        ------
        UnknownProduct
            You may not read the product now.
        """
        from bourn_catalog.records.images import thumbnail_of  # SQLAlchemy, on first use

        if self._row is None:
            return None
        context = self._context or plugin_context(None)
        with context.database.read() as connection:
            return thumbnail_of(connection, self._row, context.principal)

    def stac_with_thumbnail(self) -> Mapping[str, Any] | None:
        """Return its STAC Item with the thumbnail as a ``data:`` URI (10 to 100 kB); None before it is published.

        STAC browsers show it without a server.
        """
        item = self.stac
        if item is not None and (png := self.thumbnail()) is not None:
            item["assets"]["thumbnail"] = {"href": _uri(png), "type": "image/png", "roles": ["thumbnail"]}
        return item

    # -- attributes -------------------------------------------------------------------------------------------------

    @property
    def id(self) -> str:
        """``{product_id}:{name}``."""
        return image_id(self.product_id, self.name)

    @property
    def created(self) -> datetime | None:
        """Time of publication; None before."""
        return None if self._row is None else self._row.created_at

    @property
    def size_bytes(self) -> int | None:
        """Size of its file; None before publication."""
        return None if self._row is None else self._row.size_bytes

    @property
    def sha256(self) -> str | None:
        """SHA-256 of its file in hex; None before publication."""
        return None if self._row is None else self._row.sha256

    @property
    def stac(self) -> Mapping[str, Any] | None:
        """Its STAC Item; None before publication. See `stac_with_thumbnail`."""
        if self._row is None:
            return None
        document: dict[str, Any] = copy.deepcopy(self._row.item)
        return document

    def __repr__(self) -> str:
        return "\n".join([f"Image: {self.name}", *(f"  {key}: {value}" for key, value in self._summary().items())])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th style='text-align:left'>{key}</th><td style='text-align:left'>{html.escape(value)}</td></tr>"
            for key, value in {"image": self.name, **self._summary()}.items()
        )
        try:
            png = self.thumbnail()
        except CatalogError:
            png = None
        picture = (
            "" if png is None else f"<img alt='{html.escape(self.name)}' style='max-width:256px' src='{_uri(png)}'>"
        )
        return f"<div style='display:flex;gap:1em;align-items:flex-start'>{picture}<table>{rows}</table></div>"

    def _summary(self) -> dict[str, str]:
        when = self.created
        created = "not yet" if when is None else f"{when:%a %b} {when.day:2} {when:%H:%M:%S %Y} UTC"
        return {"id": self.id, "product": self.product_id, "created": created}


def _uri(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"
