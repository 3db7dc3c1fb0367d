"""Tables of the ledger, or of a plugin beside it: made on first use, brought up to date by their own history."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import sqlalchemy as sa

from bourn.errors import LedgerError
from bourn.ledger.fault import shown

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection, Engine, MetaData

__all__ = ["History", "alone"]

_ALONE = 0x626F75726E  # "bourn": the key of PostgreSQL's advisory lock


def alone(connection: Connection) -> None:
    """Until the end of this transaction no other one that says so goes on; SQLite has one writer at a time anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ALONE)))


@attrs.frozen(kw_only=True)
class History:
    """Tables and the way to them from any of their earlier forms.

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

    Examples
    --------
    >>> from pathlib import Path
    >>> tables = sa.MetaData()
    >>> shelf = sa.Table("shelf", tables, sa.Column("delivery", sa.String(64), primary_key=True))
    >>> History(name="shelves", metadata=tables, head="0001", folder=Path("migrations")).name
    'shelves'
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
        """Have the tables there as they are today; two processes at once do each other no harm.

        Raises
        ------
        LedgerError
            They are of a later version, or are not those of any.
        """
        with engine.connect() as connection:
            found = self.version(connection)
        if found is not None and found > self.head:
            msg = (
                f"the ledger at {shown(engine.url)} is of a later version of {self.name}: "
                f"its tables are at {found}, not {self.head}"
            )
            raise LedgerError(msg)
        if found != self.head:
            with engine.begin() as connection:  # BEGIN IMMEDIATE keeps other SQLite processes out
                alone(connection)
                version = self.version(connection)
                if version is not None:
                    self.upgrade(connection)
                elif set(sa.inspect(connection).get_table_names()).isdisjoint(self.metadata.tables):
                    self._make(connection)
        self._check(engine)

    def _check(self, engine: Engine) -> None:
        with engine.connect() as connection:
            try:
                for table in self.metadata.sorted_tables:
                    # With the table before each: SQLite takes the name of a column that does not exist for a text.
                    names = ", ".join(f'"{table.name}"."{column.name}"' for column in table.c)
                    connection.execute(sa.text(f'select {names} from "{table.name}" limit 0'))  # noqa: S608  # no stranger's
            except sa.exc.DBAPIError as error:
                connection.rollback()
                missing = self._missing(connection)
                if not missing:
                    raise
                msg = (
                    f"the ledger at {shown(engine.url)} has tables that no version of {self.name} has made: "
                    f"{', '.join(missing)}. Move it out of the way, or set database_url to another one: "
                    "a ledger that does not exist is made."
                )
                raise LedgerError(msg) from error

    def _missing(self, connection: Connection) -> list[str]:
        looked = sa.inspect(connection)
        missing = []
        for table in self.metadata.sorted_tables:
            if not looked.has_table(table.name):
                missing.append(f"there is no table {table.name}")
                continue
            there = {column["name"] for column in looked.get_columns(table.name)}
            missing += [f"{table.name} has no column {column.name}" for column in table.c if column.name not in there]
        return missing

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
