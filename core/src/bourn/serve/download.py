"""What a link answers: the bytes, or that there is no such link, or that it has expired."""

from __future__ import annotations

import logging
import re
from datetime import UTC, timedelta
from email.utils import format_datetime
from functools import partial
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from bourn.errors import BournError, LinkExpired, LinkInvalid
from bourn.serve.answers import SAFE, error_response
from bourn.serve.body import Body, BodyResponse, repr_digest
from bourn.serve.conditions import evaluate, is_unchanged
from bourn.serve.link_page import link_page, wants_page
from bourn.serve.ranges import ranges_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from bourn.ledger.links import Linked
    from bourn.ledger.record import StoredArtifact
    from bourn.serve.session import Serving

__all__ = ["answer"]

REDIRECT_FOR = timedelta(minutes=15)
"""How long a redirect to the object service is valid: for one download."""

_MEDIA_TYPE = re.compile(r"[A-Za-z0-9.+-]+/[A-Za-z0-9.+-]+(?:; ?[A-Za-z0-9-]+=[A-Za-z0-9.+-]+)*")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")

_log = logging.getLogger(__name__)


def answer(session: Serving, request: Request) -> Response:
    """Return the response to ``GET|HEAD /d/{token}/{filename}``; whether the link works is looked up now.

    ====  ============================================================================
    200   the bytes
    206   the parts that were asked for
    304   the client has them
    307   to the object service, which sends them
    404   forged, altered, unknown, deleted or revoked: one same answer
    410   rightly signed, and expired
    412   the client means other bytes
    416   no such part
    500   the bytes in the store are damaged
    ====  ============================================================================
    """
    try:
        found = session.links.resolve(request.path_params["token"])
    except LinkInvalid:
        return _no_such_link(request)
    except LinkExpired as error:
        return error_response(request, 410, error.code, "This link has expired", error.message)
    artifact = found.artifact
    if request.path_params.get("filename") != artifact.filename:
        # GDAL looks for overviews and masks in files beside this one, and would find this one again.
        return _no_such_link(request)
    if session.store.size(artifact.key) != artifact.size_bytes:
        _log.error("the object %s should be in the store, and is missing or cut short", artifact.key)
        return _no_such_link(request)
    return _represented(session, request, found)


def _represented(session: Serving, request: Request, found: Linked) -> Response:
    """Return what the conditions and ranges of a request select."""
    artifact = found.artifact
    if artifact.damaged_at is not None:
        return _damaged(request)
    if wants_page(request):
        return link_page(session, request, found)
    status = evaluate(request.headers, _etag(artifact), artifact.stored_at)
    if status is not None:
        return Response(status_code=status, headers=_headers(artifact))
    ranges = _ranges(request, artifact)
    if ranges == []:
        size = artifact.size_bytes
        place = {"Content-Range": f"bytes */{size}", "Accept-Ranges": "bytes"}
        return error_response(request, 416, "range-not-satisfiable", "No such part", f"There are {size} bytes.", place)
    return _sent(session, request, found, ranges)


def _no_such_link(request: Request) -> Response:
    message = "There is none like this: it was not copied whole, or it was revoked, or its data were deleted."
    return error_response(request, 404, LinkInvalid.code, "No such link", message)


def _damaged(request: Request) -> Response:
    message = "What is stored is not what was sent: the file is damaged, and is not given. Ask for it again."
    return error_response(request, 500, "link-damaged", "This file is damaged", message)


def _ranges(request: Request, artifact: StoredArtifact) -> list[tuple[int, int]] | None:
    asked = request.headers.get("range")
    if asked is None or not is_unchanged(request.headers.get("if-range"), _etag(artifact), artifact.stored_at):
        return None
    return ranges_of(asked, artifact.size_bytes)


def _sent(session: Serving, request: Request, found: Linked, ranges: list[tuple[int, int]] | None) -> Response:
    artifact = found.artifact
    body = Body(
        store=session.store,
        key=artifact.key,
        media_type=artifact.media_type if _MEDIA_TYPE.fullmatch(artifact.media_type) else "application/octet-stream",
        size_bytes=artifact.size_bytes,
        sha256=artifact.sha256,
        ranges=ranges,
    )
    headers = _headers(artifact)
    if request.method == "HEAD":
        return Response(status_code=body.status, headers=headers | body.headers)
    elsewhere = _presigned(session, found)
    if elsewhere is not None:
        return Response(status_code=307, headers={**SAFE, "Vary": "Accept", "Location": elsewhere})

    async def is_valid(thoroughly: bool) -> bool:  # called by position, by BodyResponse alone
        if found.stage.done and session.clock() >= artifact.expires_at:
            return False
        return not thoroughly or await run_in_threadpool(partial(_still_works, session, request.path_params["token"]))

    async def damaged() -> Response:
        _log.error("the object %s is damaged: it does not have the digest of what was stored", artifact.key)
        await run_in_threadpool(session.links.mark_damaged, artifact.key)
        return _damaged(request)

    return BodyResponse(body, headers, is_valid=is_valid, damaged=damaged)


def _still_works(session: Serving, token: str) -> bool:
    try:
        session.links.resolve(token)
    except (LinkInvalid, LinkExpired):
        return False
    except (BournError, OSError):  # the ledger does not answer now: the link worked at the start
        return True
    return True


def _headers(artifact: StoredArtifact) -> dict[str, str]:
    """Return the headers of a file to be saved, never a page: a result is not content of this server."""
    return {
        **SAFE,
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Content-Disposition": _disposition(artifact.filename),
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Vary": "Accept",
        "Accept-Ranges": "bytes",
        "ETag": _etag(artifact),
        "Repr-Digest": repr_digest(artifact.sha256),
        "Last-Modified": format_datetime(artifact.stored_at.astimezone(UTC), usegmt=True),
    }


def _disposition(filename: str) -> str:
    """Return a header of RFC 6266 with one name of safe letters: one of RFC 8187 could be read as another."""
    return f'attachment; filename="{_UNSAFE.sub("_", filename).lstrip(".") or "result"}"'


def _etag(artifact: StoredArtifact) -> str:
    return f'"{artifact.sha256}"'


def _presigned(session: Serving, found: Linked) -> str | None:
    """Return where the object service sends the bytes itself; never valid for longer than the link."""
    left = REDIRECT_FOR
    if found.stage.done:
        left = min(left, found.artifact.expires_at - session.clock())
    left = timedelta(seconds=left // timedelta(seconds=1))
    return session.store.presigned(found.artifact.key, left) if left else None
