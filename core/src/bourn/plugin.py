"""The author's door: all that a plugin imports."""

from bourn.contract.answers import Note, Receipt, Transient
from bourn.contract.artifact import Artifact
from bourn.contract.context import Context
from bourn.contract.destination import ANY, PLUGIN_API, Destination, Example
from bourn.contract.format import Format, Sink
from bourn.contract.option import NoOptions, Secret, option
from bourn.errors import DeliveryError, DeliveryRefused, EncodeError, Problem, ResultRefused
from bourn.result.info import ResultInfo

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
    "NoOptions",
    "Note",
    "Problem",
    "Receipt",
    "ResultInfo",
    "ResultRefused",
    "Secret",
    "Sink",
    "Transient",
    "option",
]
