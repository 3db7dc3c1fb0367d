"""What the catalog works with outside of a job: the session's database, store, clock, settings, and who asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bourn.plugin import services

if TYPE_CHECKING:
    from bourn.plugin import Context, Session

__all__ = ["NAME", "OWNER", "lent"]

NAME = "catalog"
"""The destination's name, and its part of the settings."""

OWNER = "catalog"
"""In whose name the files of images are held."""


def lent(session: Session | None) -> Context:
    """The services of a session, by default those of the functions of `bourn`; the catalog's tables are there."""
    from bourn_catalog.records.schema import MIGRATIONS  # SQLAlchemy: 0.25 s

    context = services(NAME, session)
    context.database.ensure_schema(MIGRATIONS)
    return context
