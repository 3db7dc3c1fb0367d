"""An insert that does nothing where the row is there already: the database itself decides who is first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

__all__ = ["insert_new"]


def insert_new(connection: Connection, table: Table, values: dict[str, Any]) -> bool:
    """Whether the row is new. Each of the two databases has its own class for it."""
    made: Any
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as into_postgresql  # one of the two is needed

        made = into_postgresql(table).on_conflict_do_nothing()
    else:
        from sqlalchemy.dialects.sqlite import insert as into_sqlite  # see above

        made = into_sqlite(table).on_conflict_do_nothing()
    # Not its rowcount, which not every driver gives for an insert.
    (key,) = table.primary_key.columns
    return connection.execute(made.values(values).returning(key)).one_or_none() is not None
