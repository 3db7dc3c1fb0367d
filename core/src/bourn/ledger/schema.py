"""Schema of the ledger's database: tables of core and of plugins, created on first use and migrated by Alembic."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import sqlalchemy as sa

from bourn.errors import LedgerError
from bourn.ledger.database_errors import display_url
from bourn.ledger.tables import metadata

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, MetaData

__all__ = ["LEDGER_MIGRATIONS", "Migrations", "lock_schema"]

_SCHEMA_LOCK = 0x626F75726E  # "bourn": the key of PostgreSQL's advisory lock


def lock_schema(connection: Connection) -> None:
    """Let one transaction at a time change the schema or the keys; SQLite has one writer at a time anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_SCHEMA_LOCK)))


@attrs.frozen(kw_only=True)
class Migrations:
    """Tables and the revisions that lead to them.

    Attributes
    ----------
    name : str
        The owner, such as ``bourn_catalog``; the table ``{name}_version`` holds the revision of the tables.
    metadata : sqlalchemy.MetaData
        The current tables. Indexes that only one database supports are DDL events of their tables.
    head : str
        The newest revision in `folder`.
    folder : Path
        An Alembic environment, whose ``env.py`` runs over ``context.config.attributes["connection"]``.

    Examples
    --------
    >>> from pathlib import Path
    >>> tables = sa.MetaData()
    >>> shelf = sa.Table("shelf", tables, sa.Column("delivery", sa.String(64), primary_key=True))
    >>> Migrations(name="shelves", metadata=tables, head="0001", folder=Path("migrations")).name
    'shelves'
    """

    name: str
    metadata: MetaData
    head: str
    folder: Path

    def version(self, connection: Connection) -> str | None:
        """Return the revision of the tables in the database; None if there are none."""
        table = f"{self.name}_version"
        if not sa.inspect(connection).has_table(table):
            return None
        found: str | None = connection.scalar(sa.select(sa.column("version_num")).select_from(sa.table(table)))
        return found

    def ensure_schema(self, engine: Engine) -> None:
        """Create or migrate the tables; safe when several processes do it at once.

        Raises
        ------
        LedgerError
            The tables are of a later version, or of no version.
        """
        with engine.connect() as connection:
            found = self.version(connection)
        if found is not None and found > self.head:
            msg = (
                f"the ledger at {display_url(engine.url)} was made by a later version of {self.name}: "
                f"its tables are at revision {found}, this version knows {self.head}"
            )
            raise LedgerError(msg)
        if found != self.head:
            with engine.begin() as connection:  # BEGIN IMMEDIATE keeps other SQLite processes out
                lock_schema(connection)
                version = self.version(connection)
                if version is not None:
                    self.upgrade(connection)
                elif set(sa.inspect(connection).get_table_names()).isdisjoint(self.metadata.tables):
                    self._create(connection)
        self._check(engine)

    def _check(self, engine: Engine) -> None:
        with engine.connect() as connection:
            try:
                for table in self.metadata.sorted_tables:
                    # Qualified names: SQLite reads an unknown unqualified name in double quotes as a string.
                    names = ", ".join(f'"{table.name}"."{column.name}"' for column in table.c)
                    connection.execute(sa.text(f'select {names} from "{table.name}" limit 0'))  # noqa: S608  # names of our tables
            except sa.exc.DBAPIError as error:
                connection.rollback()
                missing = self._missing(connection)
                if not missing:
                    raise
                msg = (
                    f"the ledger at {display_url(engine.url)} has tables that no version of {self.name} made: "
                    f"{', '.join(missing)}. Move it away or set database_url to another database: "
                    "a ledger that does not exist is created."
                )
                raise LedgerError(msg) from error

    def _missing(self, connection: Connection) -> list[str]:
        inspector = sa.inspect(connection)
        missing = []
        for table in self.metadata.sorted_tables:
            if not inspector.has_table(table.name):
                missing.append(f"there is no table {table.name}")
                continue
            existing = {column["name"] for column in inspector.get_columns(table.name)}
            missing += [
                f"{table.name} has no column {column.name}" for column in table.c if column.name not in existing
            ]
        return missing

    def upgrade(self, connection: Connection) -> None:
        """Run the revisions that the tables lack."""
        from alembic import command, config  # 100 ms, needed once a version

        settings = config.Config()
        settings.set_main_option("script_location", str(self.folder))
        settings.attributes["connection"] = connection
        command.upgrade(settings, "head")

    def _create(self, connection: Connection) -> None:
        """Create all tables at once: Alembic takes 100 ms, and reads the metadata of every distribution."""
        self.metadata.create_all(connection)
        version = sa.Table(
            f"{self.name}_version",
            sa.MetaData(),
            sa.Column("version_num", sa.String(32), nullable=False),
            sa.PrimaryKeyConstraint("version_num", name=f"{self.name}_version_pkc"),
        )
        version.create(connection)
        connection.execute(version.insert().values(version_num=self.head))


LEDGER_MIGRATIONS = Migrations(
    name="bourn_core", metadata=metadata, head="0004", folder=Path(__file__).parent / "migrations"
)
"""The ledger's own tables; a test keeps `head` at the newest revision in ``migrations/versions``."""
