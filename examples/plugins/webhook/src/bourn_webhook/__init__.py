"""The webhook destination: a result is POSTed to a URL, signed if one wishes, and retried while that makes sense."""

from __future__ import annotations

import base64
import binascii
import http.client
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import attrs
from bourn.plugin import (
    Artifact,
    Context,
    DeliveryError,
    Destination,
    Example,
    Note,
    Problem,
    Receipt,
    ResultInfo,
    Secret,
    Transient,
    option,
)

from bourn_webhook.address import Forbidden, addresses_of, fault_of_network
from bourn_webhook.post import headers_of, pieces_of, port_of, posted

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Options", "Settings", "Webhook"]

LONGEST_PAUSE_SECONDS = 86_400

KEY_BYTES = range(24, 65)
"""How long a key is, in Standard Webhooks."""


def _fault_of_url(url: str) -> str | None:
    """What no pattern says: a URL becomes a request line, and is shown in plans and receipts."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is not a URL"
    if not host or not url.isascii() or not url.isprintable() or " " in url:
        return "expected a URL of printable ASCII characters without spaces, with a host"
    return "must not hold a password, since a URL is shown; give `secret`" if parts.username is not None else None


def _fault_of_secret(secret: Secret) -> str | None:
    try:
        key = base64.b64decode(secret.reveal().removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        return "expected whsec_ and the key in base64"
    return None if len(key) in KEY_BYTES else "expected a key of 24 to 64 bytes"


@attrs.frozen
class Options:
    """Where a result is POSTed to."""

    url: str = option(help="Where to POST the result.", pattern="^https?://", max_length=2000, check=_fault_of_url)
    retries: int = option(default=3, ge=0, le=10, help="How often to try again when the receiver can't take it now.")
    secret: Secret | None = option(
        default=None, pattern="^whsec_", max_length=100, check=_fault_of_secret,
        help="Signs the delivery as Standard Webhooks has it: `whsec_` and the key in base64.",
    )  # fmt: skip


@attrs.frozen
class Settings:
    """Where the webhooks of this installation may go."""

    internal: list[str] = option(
        factory=list, check=fault_of_network, examples=[["10.20.0.0/16"]],
        help="Networks of one's own that results may be POSTed to; without any only addresses of the internet.",
    )  # fmt: skip


class Webhook(Destination[Options]):
    """POST a result to a URL."""

    plugin_api = 1
    Settings = Settings
    formats = ("json", "msgpack")
    examples = (Example("JSON to a URL of yours", destination={"type": "webhook", "url": "https://example.org/in"}),)

    def preflight(self, options: Options, info: ResultInfo, context: Context) -> Iterator[Problem | Note]:
        """Whether the host is one that results may go to."""
        try:
            _addresses(options, context)
        except Forbidden as error:
            yield Problem("url", str(error))
        except OSError:
            yield Note("its host can't be resolved now", "url")

    def deliver(self, artifact: Artifact, options: Options, context: Context) -> Receipt:
        """POST the artifact as a stream; the receiver knows by `webhook-id` what it has already."""
        try:
            # Anew at each try: a name may lead elsewhere by now.
            addresses = _addresses(options, context)
            headers = headers_of(artifact, options.secret, context)
            with posted(options.url, addresses, headers, pieces_of(artifact, context)) as answer:
                status, later = answer.status, answer.getheader("Retry-After")
        except Forbidden as error:
            raise DeliveryError(str(error)) from error
        except (OSError, http.client.HTTPException) as error:
            raise _again(f"the receiver can't be reached: {type(error).__name__}", None, options, context) from error
        if status // 100 == 2:  # noqa: PLR2004  # as HTTP has it
            return Receipt(url=options.url, detail={"status": status, "id": context.delivery_id})
        message = f"the receiver answered {status} {http.client.responses.get(status, '')}".rstrip()
        # "Request timeout" and "too many requests" pass, and so do the server's own faults; other 4xx are ours, and a
        # redirect is not followed: what was meant for one host goes to no other.
        if status in {408, 429} or status >= 500:  # noqa: PLR2004  # as HTTP has it
            raise _again(message, later, options, context)
        raise DeliveryError(message)


def _addresses(options: Options, context: Context) -> list[str]:
    host = urlsplit(options.url).hostname
    assert host is not None  # the option's check has seen to it
    return list(addresses_of(host, port_of(options.url), context.settings.internal))


def _again(message: str, later: str | None, options: Options, context: Context) -> Transient | DeliveryError:
    """What to raise now: try again, and when, unless that was the last time."""
    if context.attempt > options.retries:
        return DeliveryError(f"{message}; tried {context.attempt} times")
    return Transient(message, retry_after=_seconds(later, context))


def _seconds(later: str | None, context: Context) -> float | None:
    """What Retry-After says: seconds or a date (RFC 9110, 10.2.3), at most a day; None where that means nothing."""
    if later is None or later.isdecimal():
        return None if later is None else min(float(later), LONGEST_PAUSE_SECONDS)
    try:
        return min((parsedate_to_datetime(later) - context.clock()).total_seconds(), LONGEST_PAUSE_SECONDS)
    except (TypeError, ValueError):  # no date either, or one without its zone
        return None
