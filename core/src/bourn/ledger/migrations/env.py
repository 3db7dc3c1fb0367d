"""Runs the history over the connection that the ledger hands in; there is no offline mode."""

from alembic import context

from bourn.ledger.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table="bourn_core_version",
    render_as_batch=True,
)
context.run_migrations()
