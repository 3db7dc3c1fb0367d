"""The author's door: all that a plugin imports."""

from typing import TYPE_CHECKING, Any

from bourn.contract.answers import Note, Receipt, Transient
from bourn.contract.artifact import Artifact
from bourn.contract.context import Context
from bourn.contract.destination import ANY, PLUGIN_API, Destination, Example
from bourn.contract.format import Format, Sink
from bourn.contract.option import NoOptions, Secret, option
from bourn.errors import DeliveryError, DeliveryRefused, EncodeError, Problem, ResultRefused
from bourn.result.info import ResultInfo

if TYPE_CHECKING:
    from bourn.discovery.hookspecs import hookimpl
    from bourn.result.as_image import as_image
    from bourn.result.image import Image

__all__ = [
    "ANY",
    "PLUGIN_API",
    "Artifact",
    "Context",
    "DeliveryError",
    "DeliveryRefused",
    "Destination",
    "EncodeError",
    "Example",
    "Format",
    "Image",
    "NoOptions",
    "Note",
    "Problem",
    "Receipt",
    "ResultInfo",
    "ResultRefused",
    "Secret",
    "Sink",
    "Transient",
    "as_image",
    "hookimpl",
    "option",
]

# These need numpy or pluggy, which a destination that only moves bytes does not.
_LATER = {
    "Image": "bourn.result.image",
    "as_image": "bourn.result.as_image",
    "hookimpl": "bourn.discovery.hookspecs",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    from importlib import import_module  # on first use

    value = globals()[name] = getattr(import_module(_LATER[name]), name)
    return value
