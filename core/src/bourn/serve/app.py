"""The application: its routes, those of plugins, limits on requests, and the sweep in the background."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import posixpath
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import anyio
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from bourn.errors import LedgerError
from bourn.serve import download, registry
from bourn.serve.answers import SAFE, error_response
from bourn.serve.health import Health
from bourn.wording import hide_credentials

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from bourn.serve.session import Serving

__all__ = ["application"]

SWEEP_EVERY = timedelta(minutes=5)

LINK_THREADS = 40
"""How many links are looked up at a time; other pages have threads of their own, which a store that hangs leaves."""

LINK_SECONDS = 15.0
"""How long to look up a link before the answer is 503."""

MOST_BODY_BYTES = 1024 * 1024
BODY_SECONDS = 60.0
"""How long a client may send nothing of the body that it has announced."""

CORS_SECONDS = 86_400

_READ = ["Range", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range", "Cache-Control"]
_EXPOSED = [
    "Accept-Ranges", "Content-Disposition", "Content-Length", "Content-Range", "ETag", "Last-Modified", "Repr-Digest",
]  # fmt: skip

_log = logging.getLogger(__name__)

_ERRORS = {
    404: ("not-found", "No such page", "There is no such page."),
    405: ("method-not-allowed", "Method not allowed", "Only GET and HEAD are answered here."),
    413: ("content-too-large", "Too large", "The body of a request may have 1 MiB."),
    500: ("internal-error", "Internal error", "The reason is in the server's log."),
    503: ("unavailable", "Unavailable", "The ledger or the store does not answer. Nothing is lost: try again soon."),
}


def application(session: Serving, *, sweep_every: timedelta = SWEEP_EVERY) -> Starlette:
    """Return the application of the server over a session.

    Parameters
    ----------
    session : Session
    sweep_every : timedelta
        How often what has expired is erased, in the background.
    """

    def page(path: str, respond: Callable[[Serving, Request], Response]) -> Route:
        # Not async: it waits for the registry, so Starlette calls it in a thread.
        def endpoint(request: Request) -> Response:
            return respond(session, request)

        return Route(path, endpoint, methods=["GET"], name=path)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        sweeping = asyncio.create_task(_sweep_forever(session, sweep_every))
        try:
            yield
        finally:
            sweeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sweeping

    app = Starlette(
        routes=[
            *_link_routes(session),
            page("/registry", registry.html),
            page("/registry.json", registry.machine),
            page("/request.schema.json", registry.request_schema),
            page("/openapi.json", registry.openapi),
            page("/file_formats", registry.file_formats),
            Route("/healthz", Health(session).respond, methods=["GET"]),
            # Relative: behind a proxy this address is below another path.
            page("/", lambda _session, _request: RedirectResponse("registry", 307, SAFE)),
            *_plugin_routes(session),
        ],
        middleware=[Middleware(_Limits)],
        exception_handlers={
            HTTPException: _refused,
            LedgerError: _unavailable,
            OSError: _unavailable,
            Exception: _internal_error,
        },
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False  # it redirects to whatever host the request names
    return app


def _link_routes(session: Serving) -> list[BaseRoute]:
    """Return the routes of links: a page of any origin that the settings allow reads them, parts of them, too."""
    origins = session.settings.cors_origins
    cors = Middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=["GET", "HEAD", "OPTIONS"],
        allow_headers=_READ,
        expose_headers=_EXPOSED,
        max_age=CORS_SECONDS,
    )
    limiter: list[anyio.CapacityLimiter] = []

    async def endpoint(request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(status_code=204, headers={**SAFE, "Allow": "GET, HEAD, OPTIONS"})
        if not limiter:
            limiter.append(anyio.CapacityLimiter(LINK_THREADS))  # belongs to the running loop
        work = partial(download.answer, session, request)
        with anyio.fail_after(LINK_SECONDS):
            return await anyio.to_thread.run_sync(work, limiter=limiter[0], abandon_on_cancel=True)

    return [
        Route(path, endpoint, methods=["GET", "HEAD", "OPTIONS"], middleware=[cors] if origins else None)
        for path in ("/d/{token}/{filename:path}", "/d/{token}")
    ]


def _plugin_routes(session: Serving) -> list[BaseRoute]:
    """Return the routes of plugins; they come last, so none of them can take the place of a link."""
    routes: list[BaseRoute] = []
    for distribution, added in session.registry.hooks.call("bourn_routes", session=session):
        try:
            given = list(added)
            wrong = [each for each in given if not isinstance(each, BaseRoute)]
            if wrong:
                msg = f"expected routes of Starlette, got an object of type {type(wrong[0]).__name__}"
                raise TypeError(msg)  # noqa: TRY301  # logged like any other error of the plugin
        except Exception:  # noqa: BLE001  # third-party code: the other routes go on working
            _log.exception("the routes of %s are left out", distribution)
        else:
            routes += given
    return routes


async def _sweep_forever(session: Serving, every: timedelta) -> None:
    while True:
        try:
            await run_in_threadpool(session.sweep)
        except Exception:  # noqa: BLE001  # the next one may succeed; the server goes on
            _log.exception("the sweep failed")
        await asyncio.sleep(every.total_seconds())


class _Limits:
    """Bounds the body of a request in size and time, and keeps redirects on this host and below the path of a proxy."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers, taken = Headers(scope=scope), 0

        async def bounded_receive() -> Message:
            nonlocal taken
            try:
                async with asyncio.timeout(None if taken < 0 else BODY_SECONDS):
                    message = await receive()
            except TimeoutError as error:
                raise HTTPException(408) from error
            taken += len(message.get("body", b""))
            if taken > MOST_BODY_BYTES:
                raise HTTPException(413)
            if message["type"] == "http.request" and not message.get("more_body", False):
                taken = -1  # what comes now is that the client goes away, whenever that is
            return message

        async def local_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                answered = MutableHeaders(scope=message)
                if "location" in answered:
                    answered["location"] = _local(answered["location"], scope["path"], headers.get("host"))
            await send(message)

        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length[:20]) > MOST_BODY_BYTES:
            from starlette.requests import Request as Given

            response = error_response(Given(scope), 413, *_ERRORS[413], {"Connection": "close"})
            await response(scope, receive, send)
            return
        await self._app(scope, bounded_receive, local_send)


def _local(location: str, path: str, host: str | None) -> str:
    """Return a redirect to the host that the request names as a relative one: that host is the client's word."""
    parts = urlsplit(location)
    if not parts.netloc or parts.netloc != host:
        return location
    relative = posixpath.relpath(parts.path or "/", posixpath.dirname(path) or "/")
    relative += "/" if parts.path.endswith("/") and not relative.endswith("/") else ""
    return parts._replace(scheme="", netloc="", path=relative).geturl()


def _refused(request: Request, error: Any) -> Response:
    known = (f"http-{error.status_code}", "Refused", str(error.detail))
    return error_response(request, error.status_code, *_ERRORS.get(error.status_code, known), dict(error.headers or {}))


def _unavailable(request: Request, error: Exception) -> Response:
    reason = hide_credentials(str(error)) or type(error).__name__
    _log.error("the ledger or the store does not answer: %s", reason)
    return error_response(request, 503, *_ERRORS[503], {"Retry-After": "10"})


def _internal_error(request: Request, _error: Exception) -> Response:
    return error_response(request, 500, *_ERRORS[500])
