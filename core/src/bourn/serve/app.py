"""The application: its routes, those of plugins, and the sweep in the background."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse
from starlette.routing import BaseRoute, Route

from bourn.errors import LedgerError
from bourn.serve import download, health, inventory
from bourn.serve.answers import SAFE, fault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from bourn.serve.serving import Serving

__all__ = ["application"]

SWEEP_EVERY = timedelta(minutes=5)

_log = logging.getLogger(__name__)

_FAULTS = {
    404: ("not-found", "No such page", "There is no such page."),
    405: ("method-not-allowed", "Not that way", "Only GET and HEAD are answered here."),
    500: ("internal-error", "Something went wrong", "The reason is in the server's log."),
    503: (
        "unavailable",
        "Not now",
        "What the data are kept in does not answer. Nothing is lost: try again in a moment.",
    ),
}


def application(session: Serving, *, sweep_every: timedelta = SWEEP_EVERY) -> Starlette:
    """The server's application over a session.

    Parameters
    ----------
    session : Session
    sweep_every : timedelta
        How often what is over is erased, in the background.
    """

    def route(path: str, answer: Callable[[Serving, Request], Response]) -> Route:
        # Not async: the ledger and the store block, so Starlette calls it in a thread.
        def endpoint(request: Request) -> Response:
            return answer(session, request)

        return Route(path, endpoint, methods=["GET"], name=path)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        sweeping = asyncio.create_task(_sweep_for_ever(session, sweep_every))
        try:
            yield
        finally:
            sweeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sweeping

    return Starlette(
        routes=[
            route("/d/{token}/{filename:path}", download.answer),
            route("/d/{token}", download.answer),
            route("/registry", inventory.html),
            route("/registry.json", inventory.machine),
            route("/request.schema.json", inventory.request_schema),
            route("/openapi.json", inventory.openapi),
            route("/file_formats", inventory.file_formats),
            route("/healthz", health.answer),
            route("/", lambda _session, _request: RedirectResponse("/registry", 307, SAFE)),
            *_plugin_routes(session),
        ],
        exception_handlers={HTTPException: _refused, LedgerError: _away, OSError: _away, Exception: _broken},
        lifespan=lifespan,
    )


def _plugin_routes(session: Serving) -> list[BaseRoute]:
    """What plugins serve besides; ours come first, so none of them can take a link's place."""
    routes: list[BaseRoute] = []
    for distribution, added in session.registry.hooks.call("bourn_routes", session=session):
        try:
            given = list(added)
            wrong = [each for each in given if not isinstance(each, BaseRoute)]
            if wrong:
                msg = f"expected routes of Starlette, got an object of type {type(wrong[0]).__name__}"
                raise TypeError(msg)  # noqa: TRY301  # told like any other fault of theirs
        except Exception:  # noqa: BLE001  # a stranger's code: it hurts nobody else
            _log.exception("the routes of %s are left out", distribution)
        else:
            routes += given
    return routes


async def _sweep_for_ever(session: Serving, every: timedelta) -> None:
    while True:
        try:
            await run_in_threadpool(session.sweep)
        except Exception:  # noqa: BLE001  # the next one may do better; the server goes on
            _log.exception("the sweep failed")
        await asyncio.sleep(every.total_seconds())


def _refused(request: Request, error: Any) -> Response:
    known = (f"http-{error.status_code}", "No", str(error.detail))
    return fault(request, error.status_code, *_FAULTS.get(error.status_code, known), dict(error.headers or {}))


def _away(request: Request, error: Exception) -> Response:
    _log.error("the ledger or the store is out of reach: %s", error)
    return fault(request, 503, *_FAULTS[503], {"Retry-After": "10"})


def _broken(request: Request, _error: Exception) -> Response:
    return fault(request, 500, *_FAULTS[500])
