"""bourn puts the result of a computation where it should go, in the form it should have.

>>> import bourn
>>> bourn.compute(2, format="json")
b'2'
"""

from __future__ import annotations

# Not from typing: importing that would cost as much as everything else that Python does at its start.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any

    from bourn import errors
    from bourn.errors import BournWarning
    from bourn.image import tiles
    from bourn.image.image import Image
    from bourn.job.job import Job
    from bourn.public import compute, jobs, plan, registry
    from bourn.session import Session
    from bourn.settings import Settings

__all__ = [
    "BournWarning",
    "Image",
    "Job",
    "Session",
    "Settings",
    "compute",
    "errors",
    "jobs",
    "plan",
    "registry",
    "tiles",
]

__version__ = "0.1.0"

# Nothing is imported before it is used: `import bourn` costs next to nothing.
_HOMES = {
    "BournWarning": "bourn.errors",
    "Image": "bourn.image.image",
    "Job": "bourn.public",
    "Session": "bourn.session",
    "Settings": "bourn.settings",
    "compute": "bourn.public",
    "jobs": "bourn.public",
    "plan": "bourn.public",
    "registry": "bourn.public",
}
_ROOMS = {"errors": "bourn.errors", "tiles": "bourn.image.tiles"}


def __getattr__(name: str) -> Any:
    from importlib import import_module  # see above

    if name in _ROOMS:
        value: Any = import_module(_ROOMS[name])
    elif name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
    else:
        msg = f"module 'bourn' has no attribute {name!r}"
        raise AttributeError(msg)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
