"""The request: signed in the form of Standard Webhooks, sent as a stream to an address that was looked at."""

from __future__ import annotations

import base64
import http.client
import socket
import ssl
from contextlib import contextmanager
from hashlib import sha256
from hmac import HMAC
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bourn.plugin import DeliveryError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bourn.plugin import Artifact, Context, Secret

__all__ = ["headers_of", "pieces_of", "port_of", "posted"]

TIMEOUT_SECONDS = 30
PIECE_BYTES = 1 << 16


def port_of(url: str) -> int:
    """The port of a URL."""
    parts = urlsplit(url)
    return parts.port or (443 if parts.scheme == "https" else 80)


@contextmanager
def posted(
    url: str, addresses: Sequence[str], headers: dict[str, str], body: Iterator[bytes]
) -> Iterator[http.client.HTTPResponse]:
    """The answer to a POST; its body is not read.

    Raises
    ------
    OSError, http.client.HTTPException
        No answer came.
    """
    parts = urlsplit(url)
    assert parts.hostname is not None  # the option's check has seen to it
    sock = _connected(addresses, port_of(url))
    connection = http.client.HTTPConnection(parts.hostname, port_of(url), timeout=TIMEOUT_SECONDS)
    try:
        # The certificate is for the name, whichever of its addresses this is.
        secure = parts.scheme == "https"
        connection.sock = (
            ssl.create_default_context().wrap_socket(sock, server_hostname=parts.hostname) if secure else sock
        )
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", target, body, {"Host": parts.netloc, **headers})
        with connection.getresponse() as answer:
            yield answer
    finally:
        sock.close()
        connection.close()


def _connected(addresses: Sequence[str], port: int) -> socket.socket:
    """A connection to the first of the addresses that answers."""
    for address in addresses[:-1]:
        try:
            return socket.create_connection((address, port), TIMEOUT_SECONDS)
        except OSError:
            continue  # the last one's failure is reported
    return socket.create_connection((addresses[-1], port), TIMEOUT_SECONDS)


def headers_of(artifact: Artifact, secret: Secret | None, context: Context) -> dict[str, str]:
    """The headers, the signature among them where there is a secret."""
    headers = {
        "Content-Type": artifact.media_type,
        "Content-Length": str(artifact.size_bytes),
        "Content-Digest": f"sha-256=:{base64.b64encode(bytes.fromhex(artifact.sha256)).decode()}:",  # RFC 9530
        "User-Agent": "bourn-webhook/1.0",
        "webhook-id": str(context.delivery_id),  # the same at every try
        "webhook-timestamp": str(int(context.clock().timestamp())),
    }
    if secret is not None:
        # https://www.standardwebhooks.com: the key is what stands behind whsec_, the text is id.time.body.
        signed = HMAC(base64.b64decode(secret.reveal().removeprefix("whsec_")), digestmod=sha256)
        signed.update(f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode())
        with artifact.open() as file:
            while piece := file.read(PIECE_BYTES):
                signed.update(piece)
        headers["webhook-signature"] = f"v1,{base64.b64encode(signed.digest()).decode()}"
    return headers


def pieces_of(artifact: Artifact, context: Context) -> Iterator[bytes]:
    """The artifact's bytes; counted as they go out."""
    done = 0
    with artifact.open() as file:
        while piece := file.read(PIECE_BYTES):
            if context.cancelled():
                raise DeliveryError("cancelled while it was sent")
            yield piece
            done += len(piece)
            context.progress(done, artifact.size_bytes)
