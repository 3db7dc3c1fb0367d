"""Context of the catalog outside of a job: database, store, clock, settings and principal of a session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bourn.plugin import services

if TYPE_CHECKING:
    from bourn.plugin import Context, Session

__all__ = ["NAME", "OWNER", "plugin_context"]

NAME = "catalog"
"""Name of the destination and of its settings."""

OWNER = "catalog"
"""Owner of the holds on files of images."""


def plugin_context(session: Session | None) -> Context:
    """Return the context of a session, by default of the functions of `bourn`, with the catalog's tables created."""
    from bourn_catalog.records.schema import MIGRATIONS  # SQLAlchemy: 0.25 s

    context = services(NAME, session)
    context.database.ensure_schema(MIGRATIONS)
    return context
