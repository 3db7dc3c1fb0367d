"""The Alembic history of the catalog's tables."""
