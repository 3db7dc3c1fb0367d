"""The end of files that nobody sees any more: after a grace time, for those who read them just then."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from bourn.plugin import services

from bourn_catalog.context import NAME, OWNER
from bourn_catalog.records.schema import MIGRATIONS
from bourn_catalog.records.stale import forget_deliveries, forget_image, give_up, stale_deliveries

if TYPE_CHECKING:
    from datetime import datetime

    from bourn.plugin import Session

__all__ = ["sweep"]


def sweep(session: Session, now: datetime) -> int:
    """Give up what was overwritten or deleted longer ago than the grace time; gives the number of files.

    The file first, then the note of it: killed in between, the next one does it again.
    """
    context = services(NAME, session)
    database = context.database
    if not database.has_schema(MIGRATIONS):
        return 0
    before = now - timedelta(minutes=context.settings.grace_minutes)
    with database.read() as connection:
        stale = stale_deliveries(connection, before=before)
    for delivery_id in stale:
        if not database.write(partial(give_up, delivery_id=delivery_id, before=before)):
            continue  # what had replaced it was taken back just now
        context.release(delivery_id, OWNER, discard=True)
        database.write(partial(forget_image, delivery_id=delivery_id, before=before))
    database.write(partial(forget_deliveries, now=now))
    return len(stale)
