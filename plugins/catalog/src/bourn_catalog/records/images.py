"""Images as they are seen: one by its id, or those of a product, a time, an area."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import sqlalchemy as sa

from bourn_catalog.errors import UnknownImage
from bourn_catalog.names import image_name_fault, split_image_id
from bourn_catalog.records.boxes import boxes_of, found_in
from bourn_catalog.records.products import find_product, get_product, list_products
from bourn_catalog.records.rows import ImageRow
from bourn_catalog.records.tables import boxes, images

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from sqlalchemy import Connection

__all__ = ["Search", "find_image", "get_image", "published_image", "search_images", "thumbnail_of"]

_COLUMNS = [column for column in images.c if column.name != "thumbnail"]
_SEEN = sa.select(*_COLUMNS).where(images.c.superseded_at.is_(None))


@attrs.frozen(kw_only=True)
class Search:
    """What is looked for; None and empty say nothing.

    Attributes
    ----------
    product_id : str or None
    start, end : datetime or None
        Of `acquired`, both included.
    geometry : mapping or None
        GeoJSON in degrees; what it touches is found.
    properties : mapping
        What an image's properties must say.
    limit : int or None
    """

    product_id: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    geometry: Mapping[str, Any] | None = None
    properties: Mapping[str, Any] = attrs.field(factory=dict)
    limit: int | None = None


def find_image(connection: Connection, image_id: str, principal: str) -> ImageRow | None:
    """Return the image of an id; None if there is none, or `principal` may not read its product."""
    if (
        image_name_fault(split_image_id(image_id)[1]) is not None
        or find_product(connection, split_image_id(image_id)[0], principal) is None
    ):
        return None
    row = connection.execute(_SEEN.where(images.c.id == image_id)).one_or_none()
    return None if row is None else _image(row)


def get_image(connection: Connection, image_id: str, principal: str) -> ImageRow:
    """Return the image of an id, or raise UnknownImage."""
    image = find_image(connection, image_id, principal)
    if image is None:
        msg = f"there is no image {image_id!r}, or none that {principal!r} may see"
        raise UnknownImage(msg)
    return image


def published_image(connection: Connection, delivery_id: str, image_id: str, principal: str) -> ImageRow | None:
    """Return the image that a delivery has published, superseded or not, else the one of the id.

    None if both are gone, or if `principal` may not read the product now.
    """
    if find_product(connection, split_image_id(image_id)[0], principal) is None:
        return None
    chosen = sa.select(*_COLUMNS).where(images.c.delivery_id == delivery_id)
    row = connection.execute(chosen).one_or_none()
    return find_image(connection, image_id, principal) if row is None else _image(row)


def search_images(connection: Connection, search: Search, principal: str) -> Iterator[ImageRow]:
    """Those that `principal` may see, by time, then by id; UnknownProduct where it asks for one of those."""
    if search.product_id is not None:
        visible = [get_product(connection, search.product_id, principal).id]
    else:
        visible = [product.id for product in list_products(connection, principal)]
    chosen = _SEEN.where(images.c.product_id.in_(visible)).order_by(images.c.acquired_at, images.c.id)
    if search.start is not None:
        chosen = chosen.where(images.c.acquired_at >= search.start)
    if search.end is not None:
        chosen = chosen.where(images.c.acquired_at <= search.end)
    touches = None
    if search.geometry is not None:
        touches = _toucher(search.geometry)
        lies = found_in(connection.dialect, boxes_of(search.geometry), search.start, search.end)
        chosen = chosen.where(images.c.row.in_(sa.select(boxes.c.image).where(lies)))
    left = search.limit
    if touches is None and not search.properties:
        chosen = chosen.limit(left)
    with connection.execute(chosen.execution_options(yield_per=500)) as rows:
        for row in rows:
            if left is not None and left <= 0:
                return
            if _says(row.properties, search.properties) and (touches is None or touches(row.item["geometry"])):
                left = None if left is None else left - 1
                yield _image(row)


def _says(properties: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether the properties say all that is wanted; True is not 1."""
    return all(
        key in properties and properties[key] == value and isinstance(properties[key], bool) == isinstance(value, bool)
        for key, value in wanted.items()
    )


def _toucher(geometry: Mapping[str, Any]) -> Any:
    from shapely import prepare  # GEOS: 0.1 s
    from shapely.geometry import shape

    area = shape(geometry)
    prepare(area)
    return lambda other: area.intersects(shape(other))


def thumbnail_of(connection: Connection, row: ImageRow, principal: str) -> bytes | None:
    """Return the PNG of an image; None if the image is gone.

    Raises
    ------
    UnknownProduct
        `principal` may not read the product now.
    """
    get_product(connection, row.product_id, principal)
    chosen = sa.select(images.c.thumbnail).where(images.c.delivery_id == row.delivery_id)
    found: bytes | None = connection.scalar(chosen)
    return found


def _image(row: sa.Row[Any]) -> ImageRow:
    values = row._mapping  # noqa: SLF001  # the documented way to a row by column
    return ImageRow(**{name: values[images.c[name]] for name in attrs.fields_dict(ImageRow)})
