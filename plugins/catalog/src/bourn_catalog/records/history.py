"""Which form the catalog's tables have today."""

from pathlib import Path

from bourn.plugin import History

from bourn_catalog.records.tables import metadata

__all__ = ["HISTORY"]

HISTORY = History(name="bourn_catalog", metadata=metadata, head="0001", folder=Path(__file__).parent / "migrations")
