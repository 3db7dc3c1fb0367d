"""The Alembic history of the ledger's tables."""
