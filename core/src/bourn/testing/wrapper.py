"""A destination as it is, but for what happens around one step of it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bourn.plugin import Artifact, Context, Destination, Receipt

__all__ = ["Around", "wrap_deliver"]

Around = Callable[..., "Receipt"]
"""``around(deliver, artifact, options, context)``: calls `deliver` with the other three as often as it likes."""


def wrap_deliver(plugin: Destination[Any], around: Around) -> Destination[Any]:
    """A copy of `plugin` whose `deliver` passes through `around`; in everything else it is the plugin."""
    cls = type(plugin)

    def deliver(self: Destination[Any], artifact: Artifact, options: Any, context: Context) -> Receipt:
        return around(partial(cls.deliver, self), artifact, options, context)

    body = {"deliver": deliver, "Options": cls.Options, "__doc__": cls.__doc__, "__module__": cls.__module__}
    other = copy.copy(plugin)
    other.__class__ = type(cls.__name__, (cls,), body)
    return other
