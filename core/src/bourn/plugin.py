"""The plugin API: everything that a plugin imports.

Its version is `PLUGIN_API`; docs/plugins states what may change within a version.

>>> from bourn.plugin import PLUGIN_API, Destination, Receipt
>>> class Nowhere(Destination):
...     '''Discard the result.'''
...
...     plugin_api = PLUGIN_API
...
...     def deliver(self, artifact, options, context):
...         return Receipt()
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from bourn.contract.artifact import Artifact
from bourn.contract.context import Context, Database
from bourn.contract.destination import ANY, PLUGIN_API, Destination, Example
from bourn.contract.format import Format, Sink
from bourn.contract.option import NoOptions, Secret, option
from bourn.contract.receipt import Note, Receipt, Transient
from bourn.errors import (
    BournError,
    BournWarning,
    DeliveryError,
    DeliveryRefused,
    EncodeError,
    Problem,
    RequestError,
    ResultRefused,
)
from bourn.results.info import ResultInfo
from bourn.warn import warn

if TYPE_CHECKING:
    from bourn.image.image import Image
    from bourn.ledger.schema import Migrations
    from bourn.ledger.tables import Instant
    from bourn.options.serialization import normalize, read, write
    from bourn.plugins.hookspecs import hookimpl
    from bourn.results.as_image import as_image
    from bourn.session import Session

__all__ = [
    "ANY",
    "PLUGIN_API",
    "Artifact",
    "BournError",
    "BournWarning",
    "Context",
    "Database",
    "DeliveryError",
    "DeliveryRefused",
    "Destination",
    "EncodeError",
    "Example",
    "Format",
    "Image",
    "Instant",
    "Migrations",
    "NoOptions",
    "Note",
    "Problem",
    "Receipt",
    "RequestError",
    "ResultInfo",
    "ResultRefused",
    "Secret",
    "Session",
    "Sink",
    "Transient",
    "as_image",
    "hookimpl",
    "normalize",
    "option",
    "read",
    "services",
    "warn",
    "write",
]

# These need numpy, pluggy or SQLAlchemy, which a destination that only moves bytes does not.
_LATER = {
    "Migrations": "bourn.ledger.schema",
    "Image": "bourn.image.image",
    "Instant": "bourn.ledger.tables",
    "Session": "bourn.session",
    "as_image": "bourn.results.as_image",
    "hookimpl": "bourn.plugins.hookspecs",
    "read": "bourn.options.serialization",
    "normalize": "bourn.options.serialization",
    "write": "bourn.options.serialization",
}


def services(destination: str, session: Session | None = None) -> Context:
    """Return the context of a destination outside of any job: settings, principal, clock, database, store.

    Parameters
    ----------
    destination : str
        The plugin's own name.
    session : Session, optional
        By default the one that the functions of `bourn` use.

    Raises
    ------
    UnknownPlugin
        No such destination is installed there.

    Examples
    --------
    >>> from bourn.testing import session_with
    >>> with session_with() as session:
    ...     services("download", session).job_id
    ''
    """
    if session is None:
        from bourn.session import default_session  # on first use

        session = default_session()
    return session.lend(destination)


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    value = globals()[name] = getattr(import_module(_LATER[name]), name)
    return value
