"""The ledger's own tables as a history: made in a new database, brought up to date in an old one."""

from __future__ import annotations

from pathlib import Path

from bourn.ledger.history import History
from bourn.ledger.tables import metadata

__all__ = ["OWN"]

OWN = History(name="bourn_core", metadata=metadata, head="0002", folder=Path(__file__).parent / "migrations")
"""The head is the newest revision in ``migrations/versions``; a test holds it there."""
