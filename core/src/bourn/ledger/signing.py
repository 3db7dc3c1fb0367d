"""The keys that links are signed with; kept in the shared database, so that every process knows them."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import sqlalchemy as sa

from bourn.ledger.schema import lock_schema
from bourn.ledger.tables import keys

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from bourn.ledger.database import Database

__all__ = ["SigningKeys"]


class SigningKeys:
    """Signing keys, the oldest first; made on first use, and never shown."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self, *, now: datetime) -> list[str]:
        """The keys that a signature may be of; the last one signs."""
        found = self._database.query(lambda connection: self._valid(connection, now))
        return found or self._database.write(lambda connection: self._first(connection, now))

    def rotate(self, *, now: datetime, grace: timedelta) -> None:
        """Sign with a new key from now on; links signed with older ones work for `grace`."""

        def work(connection: sa.Connection) -> None:
            connection.execute(keys.update().where(keys.c.retired_at.is_(None)).values(retired_at=now + grace))
            _make(connection, now)

        self._database.write(work)

    def _first(self, connection: sa.Connection, now: datetime) -> list[str]:
        lock_schema(connection)  # of processes that start at once one makes the key
        return self._valid(connection, now) or [_make(connection, now)]

    @staticmethod
    def _valid(connection: sa.Connection, now: datetime) -> list[str]:
        valid = sa.or_(keys.c.retired_at.is_(None), keys.c.retired_at > now)
        return list(connection.scalars(sa.select(keys.c.secret).where(valid).order_by(keys.c.id)))


def _make(connection: sa.Connection, now: datetime) -> str:
    secret = secrets.token_urlsafe(48)
    connection.execute(keys.insert().values(secret=secret, created_at=now))
    return secret
