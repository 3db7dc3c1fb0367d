"""What a step may ask for and tell: the services that core lends to a plugin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from sqlalchemy import Connection, Engine

    from bourn.contract.artifact import Artifact, Source
    from bourn.ledger.schema import Migrations

__all__ = ["Clock", "Context", "Database"]

T = TypeVar("T")

Clock = Callable[[], datetime]
"""Gives the time now, with its zone (UTC)."""


class Database(Protocol):
    """The ledger's database, for a plugin that keeps tables of its own beside it.

    Its ways keep connections apart in forked children, and a commit is durable when it returns.

    Examples
    --------
    >>> from bourn.plugin import services
    >>> from bourn.testing import session_with
    >>> with session_with() as session:
    ...     services("download", session).database.engine.dialect.name
    'sqlite'
    """

    @property
    def engine(self) -> Engine:
        """SQLAlchemy's engine, for what the ways below don't do.

        Examples
        --------
        >>> import sqlalchemy as sa
        >>> from bourn.plugin import Destination, Migrations, Receipt
        >>> from bourn.testing import session_with
        >>> tables = sa.MetaData()
        >>> shelf = sa.Table("shelf", tables, sa.Column("delivery", sa.String(64), primary_key=True))
        >>> migrations = Migrations(name="shelves", metadata=tables, head="0001", folder="no version but the first")
        >>> class Shelf(Destination):
        ...     def deliver(self, artifact, options, context):
        ...         return Receipt(detail={"speaks": context.database.engine.dialect.name})
        >>> with session_with(destinations={"shelf": Shelf}) as session:
        ...     session.compute(2, destination="shelf", format="json", block=False).wait().receipt.detail
        {'speaks': 'sqlite'}
        """
        ...

    def ensure_schema(self, migrations: Migrations) -> None:
        """Have the plugin's tables there, up to date; costs nothing the second time.

        Examples
        --------
        >>> import sqlalchemy as sa
        >>> from bourn.plugin import Destination, Migrations, Receipt
        >>> from bourn.testing import session_with
        >>> tables = sa.MetaData()
        >>> shelf = sa.Table("shelf", tables, sa.Column("delivery", sa.String(64), primary_key=True))
        >>> migrations = Migrations(name="shelves", metadata=tables, head="0001", folder="no version but the first")
        >>> class Shelf(Destination):
        ...     def deliver(self, artifact, options, context):
        ...         context.database.ensure_schema(migrations)
        ...         return Receipt(detail={"there": context.database.has_schema(migrations)})
        >>> with session_with(destinations={"shelf": Shelf}) as session:
        ...     session.compute(2, destination="shelf", format="json", block=False).wait().receipt.detail
        {'there': True}
        """
        ...

    def has_schema(self, migrations: Migrations) -> bool:
        """Whether they are there; none are made. For a preflight, which touches nothing.

        Examples
        --------
        >>> import sqlalchemy as sa
        >>> from bourn.plugin import Destination, Migrations, Receipt
        >>> from bourn.testing import session_with
        >>> tables = sa.MetaData()
        >>> shelf = sa.Table("shelf", tables, sa.Column("delivery", sa.String(64), primary_key=True))
        >>> migrations = Migrations(name="shelves", metadata=tables, head="0001", folder="no version but the first")
        >>> class Shelf(Destination):
        ...     def deliver(self, artifact, options, context):
        ...         return Receipt(detail={"there": context.database.has_schema(migrations)})
        >>> with session_with(destinations={"shelf": Shelf}) as session:
        ...     session.compute(2, destination="shelf", format="json", block=False).wait().receipt.detail
        {'there': False}
        """
        ...

    def read(self) -> AbstractContextManager[Connection]:
        """A connection for looking; it sees one state from its first statement on.

        Examples
        --------
        >>> import sqlalchemy as sa
        >>> from bourn.plugin import Destination, Migrations, Receipt
        >>> from bourn.testing import session_with
        >>> tables = sa.MetaData()
        >>> shelf = sa.Table("shelf", tables, sa.Column("delivery", sa.String(64), primary_key=True))
        >>> migrations = Migrations(name="shelves", metadata=tables, head="0001", folder="no version but the first")
        >>> class Shelf(Destination):
        ...     def deliver(self, artifact, options, context):
        ...         with context.database.read() as connection:
        ...             return Receipt(detail={"three": connection.scalar(sa.select(sa.literal(1) + 2))})
        >>> with session_with(destinations={"shelf": Shelf}) as session:
        ...     session.compute(2, destination="shelf", format="json", block=False).wait().receipt.detail
        {'three': 3}
        """
        ...

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction; gives its answer once that is durable.

        What `work` raises takes back what it did. It may share its transaction with other threads' work, each in
        a savepoint of its own; and it may be run again.

        Examples
        --------
        >>> import sqlalchemy as sa
        >>> from bourn.plugin import Destination, Migrations, Receipt
        >>> from bourn.testing import session_with
        >>> tables = sa.MetaData()
        >>> shelf = sa.Table("shelf", tables, sa.Column("delivery", sa.String(64), primary_key=True))
        >>> migrations = Migrations(name="shelves", metadata=tables, head="0001", folder="no version but the first")
        >>> class Shelf(Destination):
        ...     def deliver(self, artifact, options, context):
        ...         context.database.ensure_schema(migrations)
        ...         row = {"delivery": context.delivery_id}
        ...         context.database.write(lambda connection: connection.execute(shelf.insert().values(row)))
        ...         return Receipt(detail={"well": True})
        >>> with session_with(destinations={"shelf": Shelf}) as session:
        ...     session.compute(2, destination="shelf", format="json", block=False).wait().receipt.detail
        {'well': True}
        """
        ...


class Context(Protocol):
    """The last argument of every step of a destination but `from_shorthand`.

    Attributes
    ----------
    job_id : str
        Empty in `preflight`.
    delivery_id : str or None
        None in `preflight`. The same at every try: what makes a delivery idempotent.
    attempt : int
        1 at the first try; 0 in `preflight`.
    settings : object
        The plugin's own `Settings`.
    format : mapping
        The format that was chosen: its ``type`` and all its options. Empty outside of a request.
    principal : str
        Who asks.
    clock : callable
        Gives the time now; use it instead of `datetime.now`.
    store : Source
        Where artifacts are read.
    database : Database
        The ledger's database, for a plugin that keeps tables of its own beside it.
    home : Path
        The installation's folder on this machine, for a plugin that keeps files of its own there.

    Examples
    --------
    >>> from bourn.plugin import Destination, Receipt
    >>> from bourn.testing import FakeClock, session_with
    >>> class Noting(Destination):
    ...     def deliver(self, artifact, options, context):
    ...         return Receipt(detail={"when": context.clock().isoformat(), "try": context.attempt})
    >>> with session_with(destinations={"noting": Noting}, clock=FakeClock()) as session:
    ...     session.compute(2, destination="noting", format="json", block=False).wait().receipt.detail
    {'when': '2026-01-01T12:00:00+00:00', 'try': 1}
    """

    @property
    def job_id(self) -> str: ...  # noqa: D102  # documented above
    @property
    def delivery_id(self) -> str | None: ...  # noqa: D102
    @property
    def attempt(self) -> int: ...  # noqa: D102
    @property
    def settings(self) -> Any: ...  # noqa: D102
    @property
    def format(self) -> Mapping[str, Any]: ...  # noqa: D102
    @property
    def principal(self) -> str: ...  # noqa: D102
    @property
    def clock(self) -> Clock: ...  # noqa: D102
    @property
    def store(self) -> Source: ...  # noqa: D102
    @property
    def database(self) -> Database: ...  # noqa: D102
    @property
    def home(self) -> Path: ...  # noqa: D102

    def link(self) -> str:
        """The artifact's link: signed, and working from now until ten days after the job's completion.

        Examples
        --------
        >>> from bourn.plugin import Destination, Receipt
        >>> from bourn.testing import session_with
        >>> class Doing(Destination):
        ...     def deliver(self, artifact, options, context):
        ...         return Receipt(url=context.link())
        >>> with session_with(destinations={"doing": Doing}) as session:
        ...     session.compute(2, destination="doing", format="json", block=False).wait().url.partition("/d/")[0]
        'http://127.0.0.1:8622'
        """
        ...

    def link_until(self) -> datetime:
        """Until when the link works at least, counted from when the artifact was stored: the job has not ended yet.

        Examples
        --------
        >>> from bourn.plugin import Destination, Receipt
        >>> from bourn.testing import FakeClock, session_with
        >>> class Doing(Destination):
        ...     def deliver(self, artifact, options, context):
        ...         return Receipt(detail={"until": f"{context.link_until():%d %B}"})
        >>> with session_with(destinations={"doing": Doing}, clock=FakeClock()) as session:
        ...     session.compute(2, destination="doing", format="json", block=False).wait().receipt.detail
        {'until': '11 January'}
        """
        ...

    def hold(self, artifact: Artifact, owner: str) -> None:
        """Exempt the artifact from expiry for as long as `owner` (a name of the plugin's) keeps it.

        Holding twice is holding once. The link expires all the same.

        Examples
        --------
        >>> from bourn.plugin import Destination, Receipt
        >>> from bourn.testing import session_with
        >>> class Doing(Destination):
        ...     def deliver(self, artifact, options, context):
        ...         context.hold(artifact, "shelf 7")
        ...         return Receipt()
        >>> with session_with(destinations={"doing": Doing}) as session:
        ...     session.compute(2, destination="doing", format="json", block=False).wait().receipt
        Receipt(url=None, detail={})
        """
        ...

    def release(self, delivery_id: str, owner: str, *, discard: bool = False) -> None:
        """End a hold; the artifact goes when its link's time is over.

        With `discard` the link ends with the last hold, and the bytes go with the next sweep.

        Examples
        --------
        >>> from bourn.plugin import Destination, Receipt
        >>> from bourn.testing import FakeClock, session_with
        >>> class Doing(Destination):
        ...     def deliver(self, artifact, options, context):
        ...         context.hold(artifact, "shelf 7")
        ...         context.release(context.delivery_id, "shelf 7")
        ...         return Receipt()
        >>> with session_with(destinations={"doing": Doing}, clock=FakeClock()) as session:
        ...     session.compute(2, destination="doing", format="json", block=False).wait().receipt.detail
        {}
        """
        ...

    @property
    def checkpoint(self) -> Mapping[str, Any]:
        """A small durable JSON of a delivery of several steps; empty at first. Set it after each step.

        Examples
        --------
        >>> from bourn.plugin import Destination, Receipt, Transient
        >>> from bourn.testing import session_with
        >>> class Doing(Destination):
        ...     def deliver(self, artifact, options, context):
        ...         if "page" not in context.checkpoint:
        ...             context.checkpoint = {"page": 7}  # a step that must not be done twice
        ...             raise Transient("not all done", retry_after=0)
        ...         return Receipt(detail=context.checkpoint)
        >>> with session_with(destinations={"doing": Doing}) as session:
        ...     session.compute(2, destination="doing", format="json", block=False).wait().receipt.detail
        {'page': 7}
        """
        ...

    @checkpoint.setter
    def checkpoint(self, value: Mapping[str, Any]) -> None: ...

    def cancelled(self) -> bool:
        """Whether somebody wants the job cancelled; a long step looks now and then.

        Examples
        --------
        >>> from bourn.plugin import Destination, Receipt
        >>> from bourn.testing import session_with
        >>> class Doing(Destination):
        ...     def deliver(self, artifact, options, context):
        ...         return Receipt(detail={"go on": not context.cancelled()})
        >>> with session_with(destinations={"doing": Doing}) as session:
        ...     session.compute(2, destination="doing", format="json", block=False).wait().receipt.detail
        {'go on': True}
        """
        ...

    def progress(self, done: int, total: int, note: str = "") -> None:
        """Tell how far the step is; cheap enough to call often.

        Examples
        --------
        >>> from bourn.plugin import Destination, Receipt
        >>> from bourn.testing import session_with
        >>> class Doing(Destination):
        ...     def deliver(self, artifact, options, context):
        ...         context.progress(1, 1, "sent")
        ...         return Receipt()
        >>> with session_with(destinations={"doing": Doing}) as session:
        ...     session.compute(2, destination="doing", format="json", block=False).wait().stage
        'SUCCEEDED'
        """
        ...
