"""Runs the history over the connection that is handed in; there is no offline mode."""

from alembic import context

from bourn_catalog.records.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table="bourn_catalog_version",
    render_as_batch=True,
)
context.run_migrations()
