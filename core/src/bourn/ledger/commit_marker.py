"""Markers of commits on a server: after a lost answer they show whether the commit took place."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bourn.ledger.tables import writers

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["CommitMarker"]


class CommitMarker:
    """Numbers the transactions of this process, in a row of its own.

    The server's own number of a transaction proves nothing: after a crash it is given again. For one thread at a time.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._id = secrets.token_hex(16)
        self._number = 0
        self._update = writers.update().where(writers.c.id == self._id).values(number=sa.bindparam("b_number"))
        with engine.begin() as connection:
            connection.execute(writers.insert().values(id=self._id, number=0))

    def next_transaction(self) -> None:
        """Count up; before the transaction begins, or one that never began would be taken for the last one."""
        self._number += 1

    def mark(self, connection: sa.Connection) -> None:
        """Write the number within the transaction."""
        connection.execute(self._update, {"b_number": self._number})

    def is_committed(self) -> bool:
        """Return whether the transaction that was marked last is committed; waits for one that is still running."""
        mine = sa.select(writers.c.number).where(writers.c.id == self._id).with_for_update()
        with self._engine.begin() as connection:
            numbers: Sequence[int] = connection.scalars(mine).all()
        return numbers == [self._number]

    def remove(self) -> None:
        """Delete the row; no transaction is under way any more."""
        with self._engine.begin() as connection:
            connection.execute(writers.delete().where(writers.c.id == self._id))
