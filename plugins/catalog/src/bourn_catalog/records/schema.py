"""Which form the catalog's tables have today."""

from pathlib import Path

from bourn.plugin import Migrations

from bourn_catalog.records.tables import metadata

__all__ = ["MIGRATIONS"]

MIGRATIONS = Migrations(
    name="bourn_catalog", metadata=metadata, head="0001", folder=Path(__file__).parent / "migrations"
)
