"""What a database has against it: whether another try may do, and how it is told."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

import sqlalchemy as sa

from bourn.errors import LedgerError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["display_url", "is_connection_lost", "is_transient", "raise_unusable_url", "translate_errors"]

_CLASSES_GONE = ("08", "57P", "53300")
"""SQLSTATEs of a server that goes, comes or has no room: connection exception, shutdown, too many connections."""

_GIVES_WAY = ("40001", "40P01")
"""Serialization failure and deadlock: this transaction had to give way to another one, and is to be done again."""


def is_connection_lost(error: BaseException | None) -> bool:
    """Whether the connection is gone, or there was none to be had: another one may do."""
    if not isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError):
        return isinstance(error, sa.exc.DBAPIError) and error.connection_invalidated
    state = _state(error)
    # A driver has no SQLSTATE for a server that it could not speak to.
    unspoken = state == "" and error.statement is None and type(error.orig).__module__ != "sqlite3"
    return error.connection_invalidated or unspoken or state.startswith(_CLASSES_GONE)


def is_transient(error: BaseException) -> bool:
    """Whether the same may work in a moment."""
    return is_connection_lost(error) or (isinstance(error, sa.exc.DBAPIError) and _state(error) in _GIVES_WAY)


def _state(error: sa.exc.DBAPIError) -> str:
    return str(getattr(error.orig, "sqlstate", None) or "")


@contextmanager
def translate_errors(url: sa.URL) -> Iterator[None]:
    """Whatever the database raises comes out as a `LedgerError`, in the driver's words, without the statement.

    Among the parameters of a statement may be secrets.
    """
    try:
        yield
    except sa.exc.SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).strip() or type(error).__name__
        msg = f"the ledger at {display_url(url)} fails: {reason}"
        raise LedgerError(msg) from error


def display_url(url: sa.URL) -> str:
    """Which ledger it is, without what is nobody's business."""
    return url.set(query={}).render_as_string(hide_password=True)


def raise_unusable_url(error: Exception, url: sa.URL | None = None) -> NoReturn:
    """The URL of the ledger means nothing, or its driver is not installed."""
    if url is None:
        msg = "settings.database_url is no URL of a database, such as postgresql+psycopg://user:password@host/name"
    elif isinstance(error, ImportError):
        extra = ": pip install 'bourn-core[postgresql]'" if error.name == "psycopg" else ""
        msg = f"the ledger at {display_url(url)} needs the driver {error.name!r}, which is not installed{extra}"
    else:
        msg = f"the ledger at {display_url(url)} can't be opened: {error}"
    raise SettingsError(msg) from error
