"""Whether the server can do its work."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from bourn.serve.answers import json_answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from bourn.serve.serving import Serving

__all__ = ["answer"]

_log = logging.getLogger(__name__)


def answer(session: Serving, request: Request) -> Response:  # noqa: ARG001  # every answer takes one
    """``{"status": "ok", "database": "ok", "store": "ok"}``, or 503 with what fails; the reason stands in the log."""
    parts = {
        "database": _works("database", session.links.check),
        "store": _works("store", lambda: session.store.size("health")),
    }
    well = all(parts.values())
    told = {name: "ok" if works else "failing" for name, works in {"status": well, **parts}.items()}
    return json_answer(told, status=200 if well else 503)


def _works(what: str, look: Callable[[], object]) -> bool:
    try:
        look()
    except Exception:  # noqa: BLE001  # whatever a driver raises is the answer
        _log.exception("the %s fails", what)
        return False
    return True
