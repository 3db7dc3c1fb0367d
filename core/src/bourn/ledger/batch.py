"""Statements as values: like ones of many callers go to the driver at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import sqlalchemy as sa

__all__ = ["BatchedStatement", "RowNotFound", "run_together"]


class RowNotFound(Exception):  # what it means is the caller's to say
    """A row that was to be there is not."""


@attrs.frozen(eq=False)
class BatchedStatement:
    """A statement, and what it is to do.

    Attributes
    ----------
    statement : insert or update
        The same object for the same deed, so that like statements are known by it.
    rows : sequence of mapping
        Its parameters, once for each row. Those of an update that must hit are of one row.
    must_hit : bool
        Whether it is an error where there is no such row.
    """

    statement: sa.Insert | sa.Update | sa.Delete
    rows: Sequence[Mapping[str, Any]]
    must_hit: bool = False

    def run(self, connection: sa.Connection) -> None:
        """Do it.

        Raises
        ------
        RowNotFound
        """
        found = connection.execute(self.statement, self.rows)
        if self.must_hit and found.rowcount != len(self.rows):
            raise RowNotFound


def run_together(connection: sa.Connection, sequences: Iterable[Sequence[BatchedStatement]]) -> None:
    """Do what several callers want, none of which depends on another one's; each one's statements in their order.

    Raises
    ------
    RowNotFound
        At least one of them missed its row.
    """
    merged: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for statements in sequences:
        for place, statement in enumerate(statements):
            key = (place, statement.statement, statement.must_hit, *statement.rows[0])
            merged.setdefault(key, []).extend(statement.rows)
    for (_, statement, must_hit, *_), rows in sorted(merged.items(), key=_place):
        BatchedStatement(statement, rows, must_hit).run(connection)


def _place(item: tuple[tuple[Any, ...], Any]) -> int:
    place: int = item[0][0]
    return place
