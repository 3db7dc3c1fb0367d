"""What a link answers: the bytes, or that there is no such link, or that its time is over."""

from __future__ import annotations

import logging
import re
from datetime import UTC, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import TYPE_CHECKING

from starlette.responses import Response, StreamingResponse

from bourn.errors import LinkExpired, LinkInvalid
from bourn.serve.answers import SAFE, fault
from bourn.serve.body import Body
from bourn.serve.ranges import ranges_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from bourn.ledger.links import Linked
    from bourn.ledger.record import StoredArtifact
    from bourn.serve.serving import Serving

__all__ = ["answer"]

REDIRECT_FOR = timedelta(minutes=15)
"""How long a redirect to the object service is good: for one download."""

_MEDIA_TYPE = re.compile(r"[A-Za-z0-9.+-]+/[A-Za-z0-9.+-]+(?:; ?[A-Za-z0-9-]+=[A-Za-z0-9.+-]+)*")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")

_log = logging.getLogger(__name__)


def answer(session: Serving, request: Request) -> Response:
    """The answer to ``GET|HEAD /d/{token}/{filename}``; whether the link works is looked up now.

    ====  ============================================================================
    200   the bytes
    206   the parts that were asked for
    307   to the object service, which sends them
    404   forged, altered, unknown, deleted or revoked: one same answer
    410   rightly signed, and over
    416   no such part
    ====  ============================================================================
    """
    try:
        found = session.links.resolve(request.path_params["token"])
    except LinkInvalid:
        return _no_such_link(request)
    except LinkExpired as error:
        return fault(request, 410, error.code, "This link has expired", error.message)
    if request.path_params.get("filename") != found.artifact.filename:
        # Else GDAL, which looks for overviews and masks in files beside this one, would find this one again.
        return _no_such_link(request)
    if session.store.size(found.artifact.key) != found.artifact.size_bytes:
        _log.error("the object %s should be in the store, and is not, or not whole", found.artifact.key)
        return _no_such_link(request)
    ranges = _asked(request, found.artifact)
    if ranges == []:
        size = found.artifact.size_bytes
        place = {"Content-Range": f"bytes */{size}", "Accept-Ranges": "bytes"}
        return fault(request, 416, "range-not-satisfiable", "No such part", f"There are {size} bytes.", place)
    return _sent(session, request, found, ranges)


def _no_such_link(request: Request) -> Response:
    message = "There is none like this: it was not copied whole, or it was revoked, or its data were deleted."
    return fault(request, 404, LinkInvalid.code, "No such link", message)


def _asked(request: Request, artifact: StoredArtifact) -> list[tuple[int, int]] | None:
    asked = request.headers.get("range")
    if asked is None or not _unchanged(request.headers.get("if-range"), artifact):
        return None
    return ranges_of(asked, artifact.size_bytes)


def _sent(session: Serving, request: Request, found: Linked, ranges: list[tuple[int, int]] | None) -> Response:
    artifact = found.artifact
    body = Body(
        store=session.store,
        key=artifact.key,
        media_type=artifact.media_type if _MEDIA_TYPE.fullmatch(artifact.media_type) else "application/octet-stream",
        size_bytes=artifact.size_bytes,
        ranges=ranges,
    )
    headers = _headers(artifact) | body.headers
    if request.method == "HEAD":
        return Response(status_code=body.status, headers=headers)
    elsewhere = _elsewhere(session, found)
    if elsewhere is not None:
        return Response(status_code=307, headers={**SAFE, "Location": elsewhere})
    return StreamingResponse(body.pieces(), body.status, headers)


def _headers(artifact: StoredArtifact) -> dict[str, str]:
    """A file to be saved, never a page: what a stranger's data say is not said by this server."""
    return {
        **SAFE,
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Content-Disposition": _disposition(artifact.filename),
        "Accept-Ranges": "bytes",
        "ETag": _etag(artifact),
        "Last-Modified": format_datetime(artifact.stored_at.astimezone(UTC), usegmt=True),
    }


def _disposition(filename: str) -> str:
    """RFC 6266, with one name of safe letters: an extended one (RFC 8187) beside it could be read as another."""
    return f'attachment; filename="{_UNSAFE.sub("_", filename).lstrip(".") or "result"}"'


def _etag(artifact: StoredArtifact) -> str:
    return f'"{artifact.sha256}"'


def _unchanged(condition: str | None, artifact: StoredArtifact) -> bool:
    """Whether an If-Range condition holds: the very entity tag, or the very date (RFC 9110, section 13.1.5)."""
    if condition is None or condition == _etag(artifact):
        return True
    try:
        date = parsedate_to_datetime(condition)
    except ValueError:
        return False
    return date == artifact.stored_at.replace(microsecond=0) if date.tzinfo else False


def _elsewhere(session: Serving, found: Linked) -> str | None:
    """Where the object service sends the bytes itself; never longer than the link works."""
    left = REDIRECT_FOR
    if found.stage.done:
        left = min(left, found.artifact.expires_at - session.clock())
    left = timedelta(seconds=left // timedelta(seconds=1))
    return session.store.presigned(found.artifact.key, left) if left else None
