"""Statements as values: equal ones of many callers go to the driver in one call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import sqlalchemy as sa

__all__ = ["BatchedStatement", "RowNotFound", "run_batched"]


class RowNotFound(Exception):  # the caller says what it means
    """A row that an update requires does not exist."""


@attrs.frozen(eq=False)
class BatchedStatement:
    """A statement and its parameters.

    Attributes
    ----------
    statement : insert, update or delete
        The same object for the same operation, so that equal ones are batched.
    rows : sequence of mapping
        Its parameters, one mapping for each row; exactly one for an update that requires its row.
    requires_row : bool
        Whether it is an error where there is no such row.
    """

    statement: sa.Insert | sa.Update | sa.Delete
    rows: Sequence[Mapping[str, Any]]
    requires_row: bool = False

    def run(self, connection: sa.Connection) -> None:
        """Execute it.

        Raises
        ------
        RowNotFound
        """
        found = connection.execute(self.statement, self.rows)
        if self.requires_row and found.rowcount != len(self.rows):
            raise RowNotFound


def run_batched(connection: sa.Connection, sequences: Iterable[Sequence[BatchedStatement]]) -> None:
    """Execute the statements of several independent callers, each caller's in their order.

    Raises
    ------
    RowNotFound
        A required row of at least one caller does not exist.
    """
    merged: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for statements in sequences:
        for place, each in enumerate(statements):
            key = (place, each.statement, each.requires_row, *each.rows[0])
            merged.setdefault(key, []).extend(each.rows)
    for (_, statement, requires_row, *_), rows in sorted(merged.items(), key=lambda item: int(item[0][0])):
        BatchedStatement(statement, rows, requires_row).run(connection)
