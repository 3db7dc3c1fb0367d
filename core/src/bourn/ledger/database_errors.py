"""Errors of the database: which are transient, and how they become errors of bourn."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

import sqlalchemy as sa

from bourn.errors import LedgerError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["display_url", "is_connection_lost", "is_transient", "raise_unusable_url", "translate_errors"]

_CONNECTION_STATES = ("08", "57P", "53300", "25006", "25P03", "25P05")
"""SQLSTATEs after which another connection may work: connection exception, shutdown or start of the server, too many
connections, read-only transaction (a primary that was demoted), session ended after an idle time-out."""

_RETRY_STATES = ("40001", "40P01", "55P03", "57014")
"""SQLSTATEs after which the same transaction may work: serialization failure, deadlock, lock not available, query
cancelled by an operator."""


def is_connection_lost(error: BaseException | None) -> bool:
    """Return whether the connection is of no use any more, or could not be made: a new one may work."""
    if not isinstance(error, sa.exc.DBAPIError):
        return False
    if error.connection_invalidated or _sqlstate(error).startswith(_CONNECTION_STATES):
        return True
    # A driver has no SQLSTATE for a server that it could not reach.
    unreachable = isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError) and error.statement is None
    return unreachable and not _sqlstate(error) and type(error.orig).__module__ != "sqlite3"


def is_transient(error: BaseException) -> bool:
    """Return whether the same operation may work in a moment."""
    return is_connection_lost(error) or (isinstance(error, sa.exc.DBAPIError) and _sqlstate(error) in _RETRY_STATES)


def _sqlstate(error: sa.exc.DBAPIError) -> str:
    return str(getattr(error.orig, "sqlstate", None) or "")


@contextmanager
def translate_errors(url: sa.URL) -> Iterator[None]:
    """Raise errors of the database as `LedgerError`, in the driver's words, without statement and parameters.

    Parameters may hold secrets.
    """
    try:
        yield
    except sa.exc.SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).strip() or type(error).__name__
        msg = f"the ledger at {display_url(url)} fails: {reason}"
        raise LedgerError(msg) from error


def display_url(url: sa.URL) -> str:
    """Return the URL without password and query."""
    return url.set(query={}).render_as_string(hide_password=True)


def raise_unusable_url(error: Exception, url: sa.URL | None = None) -> NoReturn:
    """Raise `SettingsError`: the URL of the ledger is not valid, or its driver is not installed."""
    if url is None:
        msg = "settings.database_url is no URL of a database, such as postgresql+psycopg://user:password@host/name"
    elif isinstance(error, ImportError):
        extra = ": pip install 'bourn-core[postgresql]'" if error.name == "psycopg" else ""
        msg = f"the ledger at {display_url(url)} needs the driver {error.name!r}, which is not installed{extra}"
    else:
        msg = f"the ledger at {display_url(url)} can't be opened: {error}"
    raise SettingsError(msg) from error
