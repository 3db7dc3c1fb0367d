"""Target of the mail, parsed from a URL: a mail server, with or without TLS, or a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urlsplit

import attrs
from bourn.plugin import Secret

if TYPE_CHECKING:
    from bourn_email.options import Settings

__all__ = ["Folder", "Server", "secret_problem", "target_of", "transport_problem", "url_problem"]

PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
"""Default ports (RFC 8314 for those with TLS)."""

OUTBOX = "outbox"


@attrs.frozen(kw_only=True)
class Server:
    """A mail server and the settings of a connection to it."""

    scheme: str
    host: str
    port: int
    user: Secret
    password: Secret
    timeout_seconds: float
    ca_file: str | None

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}"


@attrs.frozen(kw_only=True)
class Folder:
    """A folder of .eml files."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)


def url_problem(url: Secret) -> str | None:
    """What is wrong with the URL; None where nothing is. PermanentFailure quotes it: it may hold a password."""
    try:
        _parts(url.reveal())
    except ValueError as error:
        return str(error)
    return None


def secret_problem(secret: Secret) -> str | None:
    """Return what is wrong with a user or password, or None."""
    text = secret.reveal()
    return None if text.isascii() and text.isprintable() else "expected printable ASCII characters"


def transport_problem(settings: Settings) -> str | None:
    """Return what is wrong with URL, user and password together, or None."""
    if not settings.url.reveal():
        return None
    target = target_of(settings, Path())
    if isinstance(target, Folder):
        return None
    if bool(target.user.reveal()) != bool(target.password.reveal()):
        return "expected both a user and a password, or neither"
    if target.user.reveal() and target.scheme == "smtp" and not _is_local(target.host):
        return "a password is never sent over an unencrypted connection: use smtp+starttls:// or smtps://"
    return None


def target_of(settings: Settings, home: Path) -> Server | Folder:
    """Return where these settings send mail; by default the outbox of the home."""
    url = settings.url.reveal()
    if not url:
        return Folder(path=home / OUTBOX)
    parts = _parts(url)
    if parts.scheme == "file":
        return Folder(path=Path(unquote(parts.path)))
    return Server(
        scheme=parts.scheme,
        host=str(parts.hostname),
        port=parts.port or PORTS[parts.scheme],
        user=Secret(unquote(parts.username)) if parts.username else settings.user,
        password=Secret(unquote(parts.password)) if parts.password else settings.password,
        timeout_seconds=settings.timeout,
        ca_file=None if settings.ca_file is None else str(settings.ca_file),
    )


def _parts(url: str) -> SplitResult:
    """Return the validated parts of the URL; an empty URL stands for the default."""
    if not url:
        return urlsplit("file:///")
    if not (url.isascii() and url.isprintable()) or " " in url:
        msg = "expected a URL of printable ASCII characters without spaces; write others as %XX"
        raise ValueError(msg)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        # The original error may quote the URL, which may hold a password.
        msg = "expected a URL with a host and a port from 1 to 65535, such as smtps://mail.example.org:465"
        raise ValueError(msg) from None
    if parts.scheme == "file":
        if parts.netloc or not parts.path.startswith("/") or parts.query or parts.fragment:
            msg = "expected file:///FOLDER, with three slashes and the whole path"
            raise ValueError(msg)
        return parts
    if parts.scheme not in PORTS:
        msg = f"expected a URL of smtp://, smtp+starttls://, smtps:// or file:///, got the scheme {parts.scheme[:40]!r}"
        raise ValueError(msg)
    if not parts.hostname or port == 0 or parts.path not in {"", "/"} or parts.query or parts.fragment:
        msg = f"expected {parts.scheme}://HOST or {parts.scheme}://HOST:PORT, and nothing after it"
        raise ValueError(msg)
    for part in (parts.username, parts.password):
        problem = secret_problem(Secret(unquote(part or "")))
        if problem:
            msg = f"user and password: {problem}"
            raise ValueError(msg)
    return parts


def _is_local(host: str) -> bool:
    return host in {"localhost", "::1"} or host.startswith("127.")
