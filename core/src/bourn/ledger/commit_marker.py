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
    """Signs each transaction of this process with its number, in a row of its own.

    The number of a transaction that the server itself gives is no proof: after a crash it gives the same again.
    One thread at a time.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._id = secrets.token_hex(16)
        self._number = 0
        self._sign = writers.update().where(writers.c.id == self._id).values(number=sa.bindparam("b_number"))
        with engine.begin() as connection:
            connection.execute(writers.insert().values(id=self._id, number=0))

    def number(self) -> None:
        """Give the next transaction its number; before it begins, or one that never began is taken for the last one."""
        self._number += 1

    def sign(self, connection: sa.Connection) -> None:
        """Make the transaction known."""
        connection.execute(self._sign, {"b_number": self._number})

    def happened(self) -> bool:
        """Whether the transaction that was signed last has been committed; waits for one that is still going on."""
        mine = sa.select(writers.c.number).where(writers.c.id == self._id).with_for_update()
        with self._engine.begin() as connection:
            numbers: Sequence[int] = connection.scalars(mine).all()
        return numbers == [self._number]

    def forget(self) -> None:
        """Nothing of this process is on its way any more."""
        with self._engine.begin() as connection:
            connection.execute(writers.delete().where(writers.c.id == self._id))
