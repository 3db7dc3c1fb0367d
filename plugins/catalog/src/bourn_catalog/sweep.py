"""Remove the files of images that were overwritten or deleted, after the grace time."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from bourn.plugin import services

from bourn_catalog.context import NAME, OWNER
from bourn_catalog.records.garbage_collection import delete_image, delete_old_deliveries, expired_deliveries, mark_final
from bourn_catalog.records.schema import MIGRATIONS

if TYPE_CHECKING:
    from datetime import datetime

    from bourn.plugin import Session

__all__ = ["sweep"]


def sweep(session: Session, now: datetime) -> int:
    """Remove what was overwritten or deleted longer ago than the grace time; return the number of files.

    The file goes first, then its row: if the process is killed in between, the next sweep repeats it.
    """
    context = services(NAME, session)
    database = context.database
    if not database.has_schema(MIGRATIONS):
        return 0
    before = now - timedelta(minutes=context.settings.grace_minutes)
    with database.read() as connection:
        expired = expired_deliveries(connection, before=before)
    for delivery_id in expired:
        if not database.write(partial(mark_final, delivery_id=delivery_id, before=before)):
            continue  # its replacement was retracted just now
        context.release(delivery_id, OWNER, discard=True)
        database.write(partial(delete_image, delivery_id=delivery_id, before=before))
    database.write(partial(delete_old_deliveries, now=now))
    return len(expired)
