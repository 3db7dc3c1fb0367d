"""Tables that a plugin keeps beside the ledger's: made on first use, brought up to date by their own history."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import sqlalchemy as sa

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection, Engine, MetaData

__all__ = ["History"]

_LOCK = 0x626F75726E  # the ledger's own: whoever changes tables does it alone


@attrs.frozen(kw_only=True)
class History:
    """The tables of a plugin and the way to them from any of their earlier forms.

    Attributes
    ----------
    name : str
        Whose they are, such as ``bourn_catalog``; the table ``{name}_version`` says which form they have.
    metadata : sqlalchemy.MetaData
        The tables as they are today. Indexes that only one database knows come as DDL events of their tables.
    head : str
        The newest revision in `folder`.
    folder : Path
        An Alembic environment, whose ``env.py`` runs over ``context.config.attributes["connection"]``.
    """

    name: str
    metadata: MetaData
    head: str
    folder: Path

    def version(self, connection: Connection) -> str | None:
        """The revision of the tables there; None if there are none."""
        table = f"{self.name}_version"
        if not sa.inspect(connection).has_table(table):
            return None
        found: str | None = connection.scalar(sa.select(sa.column("version_num")).select_from(sa.table(table)))
        return found

    def bring(self, engine: Engine) -> None:
        """Have the tables there as they are today; two processes at once do each other no harm."""
        with engine.connect() as connection:
            if self.version(connection) == self.head:
                return
        with engine.begin() as connection:  # BEGIN IMMEDIATE keeps other SQLite processes out
            if engine.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
            version = self.version(connection)
            if version is None:
                self._make(connection)
            elif version != self.head:
                self.upgrade(connection)

    def upgrade(self, connection: Connection) -> None:
        """Go through the history, from wherever the tables are."""
        from alembic import command, config  # 100 ms, once in the life of a version

        settings = config.Config()
        settings.set_main_option("script_location", str(self.folder))
        settings.attributes["connection"] = connection
        command.upgrade(settings, "head")

    def _make(self, connection: Connection) -> None:
        """All tables at once, as the history would leave them: Alembic is slow, and asks every distribution."""
        self.metadata.create_all(connection)
        version = sa.Table(
            f"{self.name}_version",
            sa.MetaData(),
            sa.Column("version_num", sa.String(32), nullable=False),
            sa.PrimaryKeyConstraint("version_num", name=f"{self.name}_version_pkc"),
        )
        version.create(connection)
        connection.execute(version.insert().values(version_num=self.head))
