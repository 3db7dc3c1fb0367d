"""Files of images that nobody sees any more: given up once whoever held them open has had time to end."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bourn_catalog.records.tables import deliveries, images

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

__all__ = ["forget_deliveries", "forget_image", "give_up", "stale_deliveries"]

REMEMBERED = timedelta(days=100)
"""How long it is known what became of a delivery: longer than the ledger knows its job."""


def stale_deliveries(connection: Connection, *, before: datetime) -> Sequence[str]:
    """The deliveries whose images were superseded or deleted before that."""
    over = sa.select(images.c.delivery_id).where(images.c.superseded_at <= before).order_by(images.c.row)
    return list(connection.scalars(over))


def give_up(connection: Connection, delivery_id: str, *, before: datetime) -> bool:
    """Whether it is stale still; from then on it is seen never again, whoever takes his overwriting back."""
    stale = images.update().where(images.c.delivery_id == delivery_id, images.c.superseded_at <= before)
    return bool(connection.execute(stale.values(superseded_by=None)).rowcount)


def forget_image(connection: Connection, delivery_id: str, *, before: datetime) -> None:
    """Forget a stale image; after its file was given up."""
    connection.execute(images.delete().where(images.c.delivery_id == delivery_id, images.c.superseded_at <= before))


def forget_deliveries(connection: Connection, *, now: datetime) -> None:
    """Forget what became of deliveries long ago, but of those whose images are still there."""
    kept = sa.exists().where(images.c.delivery_id == deliveries.c.id)
    connection.execute(deliveries.delete().where(deliveries.c.decided_at <= now - REMEMBERED, ~kept))
