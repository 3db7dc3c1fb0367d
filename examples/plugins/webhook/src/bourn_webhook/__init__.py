"""The webhook destination: a result is POSTed to a URL, signed if one wishes, and retried while that makes sense."""

from __future__ import annotations

import base64
import hmac
import http.client
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

import attrs
from bourn.plugin import Artifact, Context, DeliveryError, Destination, Example, Receipt, Secret, Transient, option

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Options", "Webhook"]

TIMEOUT_SECONDS = 30
PIECE_BYTES = 1 << 16


def _fault(url: str) -> str | None:
    """What no pattern says: a URL becomes a request line, and is shown in plans and receipts."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is not a URL"
    if not host or not url.isascii() or not url.isprintable() or " " in url:
        return "expected a URL of printable ASCII characters without spaces, with a host"
    return "must not hold a password, since a URL is shown; give `secret`" if parts.username is not None else None


@attrs.frozen
class Options:
    """Where a result is POSTed to."""

    url: str = option(help="Where to POST the result.", pattern="^https?://", max_length=2000, check=_fault)
    retries: int = option(default=3, ge=0, le=10, help="How often to try again when the receiver can't take it now.")
    secret: Secret | None = option(
        default=None,
        min_length=8,
        max_length=256,
        pattern="^[ -~]*$",
        help="Signs the delivery: HMAC-SHA256 of `{delivery id}.{sha256}`.",
    )


class Webhook(Destination[Options]):
    """POST a result to a URL."""

    formats = ("json", "msgpack")
    examples = (Example("JSON to a URL of yours", destination={"type": "webhook", "url": "https://example.org/in"}),)

    def deliver(self, artifact: Artifact, options: Options, context: Context) -> Receipt:
        """POST the artifact as a stream; the receiver knows by `Idempotency-Key` what it has already."""
        request = Request(options.url, _pieces(artifact, context), _headers(artifact, options, context), method="POST")
        try:
            with build_opener(_Stay).open(request, timeout=TIMEOUT_SECONDS) as answer:
                return Receipt(url=options.url, detail={"status": answer.status, "key": context.delivery_id})
        except HTTPError as error:
            with error:  # it is the answer, too
                message = f"the receiver answered {error.code} {http.client.responses.get(error.code, '')}".rstrip()
                later = error.headers.get("Retry-After")
            # "Request timeout" and "too many requests" pass, and so do the server's own faults; other 4xx are ours.
            if error.code in {408, 429} or error.code >= 500:
                raise _again(message, later, options, context) from error
            raise DeliveryError(message) from error
        except (OSError, http.client.HTTPException) as error:
            raise _again(f"the receiver can't be reached: {type(error).__name__}", None, options, context) from error


class _Stay(HTTPRedirectHandler):
    """Takes a redirect for an error: what was meant for one host goes to no other, and no POST becomes a GET."""

    def redirect_request(self, *_: Any) -> None:
        """Not followed."""


def _headers(artifact: Artifact, options: Options, context: Context) -> dict[str, str]:
    headers = {
        "Content-Type": artifact.media_type,
        "Content-Length": str(artifact.size_bytes),
        "Content-Digest": f"sha-256=:{base64.b64encode(bytes.fromhex(artifact.sha256)).decode()}:",  # RFC 9530
        "Idempotency-Key": str(context.delivery_id),
        "User-Agent": "bourn-webhook/1.0",
    }
    if options.secret is not None:
        signed = f"{context.delivery_id}.{artifact.sha256}".encode()
        headers["X-Bourn-Signature"] = f"sha256={hmac.digest(options.secret.reveal().encode(), signed, 'sha256').hex()}"
    return headers


def _pieces(artifact: Artifact, context: Context) -> Iterator[bytes]:
    done = 0
    with artifact.open() as file:
        while piece := file.read(PIECE_BYTES):
            if context.cancelled():
                raise DeliveryError("cancelled while it was sent")
            yield piece
            done += len(piece)
            context.progress(done, artifact.size_bytes)


def _again(message: str, later: str | None, options: Options, context: Context) -> Transient | DeliveryError:
    """What to raise now: try again, and when, unless that was the last time."""
    if context.attempt > options.retries:
        return DeliveryError(f"{message}; tried {context.attempt} times")
    return Transient(message, retry_after=_seconds(later, context))


def _seconds(later: str | None, context: Context) -> float | None:
    """What Retry-After says: seconds or a date (RFC 9110, 10.2.3), at most a day; None where that means nothing."""
    if later is None or later.isdecimal():
        return None if later is None else min(float(later), 86_400)
    try:
        return min((parsedate_to_datetime(later) - context.clock()).total_seconds(), 86_400)
    except (TypeError, ValueError):  # no date either, or one without its zone
        return None
