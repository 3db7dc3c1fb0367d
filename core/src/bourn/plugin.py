"""The author's door: all that a plugin imports.

Its version is `PLUGIN_API`; docs/plugins says what may change within a version, and how a version ends.

>>> from bourn.plugin import PLUGIN_API, Destination, Receipt
>>> class Nowhere(Destination):
...     '''Let the result go.'''
...
...     plugin_api = PLUGIN_API
...
...     def deliver(self, artifact, options, context):
...         return Receipt()
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from bourn.contract.answers import Note, Receipt, Transient
from bourn.contract.artifact import Artifact
from bourn.contract.context import Context, Database
from bourn.contract.destination import ANY, PLUGIN_API, Destination, Example
from bourn.contract.format import Format, Sink
from bourn.contract.option import NoOptions, Secret, option
from bourn.errors import (
    BournError,
    DeliveryError,
    DeliveryRefused,
    EncodeError,
    Problem,
    RequestError,
    ResultRefused,
)
from bourn.results.info import ResultInfo

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
    """What a plugin works with outside of any job: its settings, the principal, the clock, the database, the store.

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


# Names on their way out: what to use instead, and the first version of bourn-core that may do without.
_DEPRECATED: dict[str, tuple[str, str]] = {}


def __getattr__(name: str) -> Any:
    if name in _DEPRECATED:
        import warnings  # where there is something to warn of

        instead, until = _DEPRECATED[name]
        told = f"bourn.plugin.{name} goes with bourn-core {until}; use bourn.plugin.{instead}"
        warnings.warn(told, DeprecationWarning, stacklevel=2)
        return getattr(import_module(__name__), instead)
    if name not in _LATER:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    value = globals()[name] = getattr(import_module(_LATER[name]), name)
    return value
