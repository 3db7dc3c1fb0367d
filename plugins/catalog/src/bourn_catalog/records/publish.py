"""Images in their table: published whole or not at all, taken back, superseded, given up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import sqlalchemy as sa
from bourn.plugin import DeliveryRefused

from bourn_catalog.names import image_id
from bourn_catalog.records.boxes import boxes_of
from bourn_catalog.records.insert import insert_new
from bourn_catalog.records.products import find_product
from bourn_catalog.records.tables import boxes, deliveries, images

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from bourn_catalog.records.rows import ImageRow, ProductRow

__all__ = ["Publication", "publish", "retract"]

MOST_TRIES = 100
"""How often an overwrite is beaten by another one of the same image before it gives up."""


@attrs.frozen(kw_only=True)
class Publication:
    """All that is written down of an image at its birth.

    Attributes
    ----------
    image : ImageRow
        As it is to be written down, its `revision` apart.
    bands_digest : str
        Of the product whose bands the pixels were made for.
    thumbnail : bytes or None
        A PNG.
    overwrite : bool
    now : datetime
    """

    image: ImageRow
    bands_digest: str
    thumbnail: bytes | None = attrs.field(repr=False)
    overwrite: bool
    now: datetime

    @property
    def id(self) -> str:
        """Of the image."""
        return image_id(self.image.product_id, self.image.name)


def publish(connection: Connection, publication: Publication) -> datetime:
    """Let the image be seen, in one transaction with every check; gives when it was first written down.

    Done twice under one delivery id it is done once, whatever has become of the image meanwhile.

    Raises
    ------
    DeliveryRefused
        Access was withdrawn, the product was changed or deleted, the image exists, or this delivery was retracted.
    """
    image = publication.image
    delivery = {"id": image.delivery_id, "retracted": False, "decided_at": publication.now}
    if not insert_new(connection, deliveries, delivery):
        return _done_before(connection, publication)
    product = _checked_product(connection, publication)
    values = {**attrs.asdict(image, recurse=False), "id": publication.id, "thumbnail": publication.thumbnail}
    values["revision"] = product.revision
    for _ in range(MOST_TRIES):
        if insert_new(connection, images, values):
            show_boxes(connection, image.delivery_id)
            return publication.now
        if not publication.overwrite:
            msg = f"the image {publication.id!r} exists already; overwrite=True replaces it"
            raise DeliveryRefused(msg)
        supersede(connection, publication.id, now=publication.now, by=image.delivery_id)
    msg = f"the image {publication.id!r} was overwritten by others {MOST_TRIES} times in the meantime"
    raise DeliveryRefused(msg)


def _done_before(connection: Connection, publication: Publication) -> datetime:
    row = connection.execute(sa.select(deliveries).where(deliveries.c.id == publication.image.delivery_id)).one()
    if row.retracted:
        msg = f"this delivery of {publication.id!r} was taken back"
        raise DeliveryRefused(msg)
    decided_at: datetime = row.decided_at
    return decided_at


def _checked_product(connection: Connection, publication: Publication) -> ProductRow:
    """The product as it is now, which nobody changes until the end of this transaction."""
    product_id, principal = publication.image.product_id, publication.image.principal
    product = find_product(connection, product_id, principal, lock=True)
    if product is None:
        msg = f"there is no product {product_id!r} any more, or none that {principal!r} may see"
        raise DeliveryRefused(msg)
    if not product.may(principal, "write"):
        msg = f"{principal!r} may not write to the product {product_id!r} any more"
        raise DeliveryRefused(msg)
    if product.bands_digest != publication.bands_digest:
        msg = f"the bands of the product {product_id!r} were changed after the pixels were made for them"
        raise DeliveryRefused(msg)
    return product


def supersede(connection: Connection, image_id: str, *, now: datetime, by: str | None) -> bool:
    """Let the image that is seen be seen no more; False if there is none."""
    seen = sa.select(images.c.row).where(images.c.id == image_id, images.c.superseded_at.is_(None))
    row = connection.scalar(seen.with_for_update())
    if row is None:
        return False
    connection.execute(boxes.delete().where(boxes.c.image == row))
    connection.execute(images.update().where(images.c.row == row).values(superseded_at=now, superseded_by=by))
    return True


def show_boxes(connection: Connection, delivery_id: str) -> None:
    """Let the image be found by where it lies."""
    wanted = sa.select(images.c.row, images.c.item, images.c.acquired_at).where(images.c.delivery_id == delivery_id)
    row, item, acquired_at = connection.execute(wanted).one()
    for west, south, east, north in boxes_of(item["geometry"]):
        place = {"west": west, "south": south, "east": east, "north": north}
        connection.execute(boxes.insert().values(image=row, acquired_at=acquired_at, **place))


def retract(connection: Connection, delivery_id: str, *, now: datetime) -> None:
    """Take back what a delivery may have published, for good; an image that it had replaced is seen again."""
    if not insert_new(connection, deliveries, {"id": delivery_id, "retracted": True, "decided_at": now}):
        connection.execute(
            deliveries.update().where(deliveries.c.id == delivery_id).values(retracted=True, decided_at=now)
        )
    mine = sa.select(images).where(images.c.delivery_id == delivery_id)
    row = connection.execute(mine.with_for_update()).one_or_none()
    if row is None:
        return
    if row.superseded_at is None:
        supersede(connection, row.id, now=now, by=None)
        _show_replaced(connection, delivery_id)
    connection.execute(
        images.update().where(images.c.superseded_by == delivery_id).values(superseded_by=row.superseded_by)
    )
    connection.execute(images.delete().where(images.c.row == row.row))


def _show_replaced(connection: Connection, delivery_id: str) -> None:
    """Let the image that a delivery had replaced be seen again."""
    replaced = sa.select(images.c.row, images.c.delivery_id).where(images.c.superseded_by == delivery_id)
    found = connection.execute(replaced.with_for_update()).one_or_none()
    if found is not None:
        connection.execute(
            images.update().where(images.c.row == found.row).values(superseded_at=None, superseded_by=None)
        )
        show_boxes(connection, found.delivery_id)
