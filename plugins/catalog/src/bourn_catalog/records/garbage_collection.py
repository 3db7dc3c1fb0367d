"""Garbage collection of images that were overwritten or deleted, after a grace time for their readers."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bourn_catalog.records.tables import deliveries, images

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

__all__ = ["delete_image", "delete_old_deliveries", "expired_deliveries", "mark_final"]

REMEMBERED = timedelta(days=100)
"""How long the outcome of a delivery is kept: longer than its job in the ledger."""


def expired_deliveries(connection: Connection, *, before: datetime) -> Sequence[str]:
    """Return the deliveries whose images were overwritten or deleted before a time."""
    over = sa.select(images.c.delivery_id).where(images.c.superseded_at <= before).order_by(images.c.row)
    return list(connection.scalars(over))


def mark_final(connection: Connection, delivery_id: str, *, before: datetime) -> bool:
    """Make sure that an expired image never becomes visible again; return False if it has become so meanwhile."""
    stale = images.update().where(images.c.delivery_id == delivery_id, images.c.superseded_at <= before)
    return bool(connection.execute(stale.values(superseded_by=None)).rowcount)


def delete_image(connection: Connection, delivery_id: str, *, before: datetime) -> None:
    """Delete the row of an expired image, after its file."""
    connection.execute(images.delete().where(images.c.delivery_id == delivery_id, images.c.superseded_at <= before))


def delete_old_deliveries(connection: Connection, *, now: datetime) -> None:
    """Delete the outcomes of old deliveries whose images are gone."""
    kept = sa.exists().where(images.c.delivery_id == deliveries.c.id)
    connection.execute(deliveries.delete().where(deliveries.c.decided_at <= now - REMEMBERED, ~kept))
