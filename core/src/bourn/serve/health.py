"""Whether the server can do its work."""

from __future__ import annotations

import asyncio
import logging
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING

from bourn.serve.answers import json_response

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from bourn.serve.session import Serving

__all__ = ["DEADLINE_SECONDS", "Health"]

DEADLINE_SECONDS = 0.8
"""How long a check may take; load balancers give the whole request a second."""

_log = logging.getLogger(__name__)


class Health:
    """The checks of a server; each runs once at a time, however many clients ask."""

    def __init__(self, session: Serving) -> None:
        self._checks: dict[str, Callable[[], object]] = {
            "database": lambda: session.links.check(),  # noqa: PLW0108  # opening the ledger is part of the check
            "store": lambda: session.store.size("health"),
        }
        self._running: dict[str, Future[bool]] = {}

    async def respond(self, _request: Request) -> Response:
        """Return ``{"status": "ok", "database": "ok", "store": "ok"}``, or 503 with what fails; why is in the log."""
        works = await asyncio.gather(*(self._in_time(name) for name in self._checks))
        parts = dict(zip(self._checks, works, strict=True))
        words = {name: "ok" if well else "failing" for name, well in {"status": all(works), **parts}.items()}
        return json_response(words, status=200 if all(works) else 503)

    async def _in_time(self, name: str) -> bool:
        check = asyncio.wrap_future(self._started(name))
        try:
            return await asyncio.wait_for(asyncio.shield(check), DEADLINE_SECONDS)
        except TimeoutError:
            _log.error("the %s does not answer within %s s", name, DEADLINE_SECONDS)  # no news in it
            return False

    def _started(self, name: str) -> Future[bool]:
        running = self._running.get(name)
        if running is None or running.done():
            running = self._running[name] = Future()
            # A thread of its own, not one of a pool: a store that hangs must not hold the process back at its end.
            threading.Thread(target=self._check, args=(name, running), name=f"bourn-{name}", daemon=True).start()
        return running

    def _check(self, name: str, result: Future[bool]) -> None:
        try:
            self._checks[name]()
        except Exception:  # noqa: BLE001  # any error of a driver is the answer
            _log.exception("the %s fails", name)
            result.set_result(False)
        else:
            result.set_result(True)
