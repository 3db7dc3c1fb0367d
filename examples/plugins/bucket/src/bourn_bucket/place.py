"""Where results may go: what is a URL of an object store, what is a key, and what an installation allows."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["SCHEMES", "fault_of_key", "fault_of_url", "is_allowed"]

SCHEMES = ("s3", "gs", "az", "abfs", "abfss", "file", "memory")

_LOCAL = ("file", "memory")


def fault_of_url(url: str) -> str | None:
    """What is wrong with a URL; it is shown in plans and receipts, so it may hold no secret.

    >>> fault_of_url("s3://maps/2026")
    >>> fault_of_url("s3://key:secret@maps")
    'must hold neither a password nor a query: it is shown; credentials stand in the settings'
    """
    if not url.isascii() or not url.isprintable() or " " in url:
        return "expected a URL of printable ASCII characters without spaces"
    try:
        parts = urlsplit(url)
    except ValueError:
        return "is not a URL"
    if parts.scheme not in SCHEMES:
        return f"expected one of {', '.join(f'{scheme}://' for scheme in SCHEMES)}"
    if parts.username is not None or parts.query or parts.fragment:
        return "must hold neither a password nor a query: it is shown; credentials stand in the settings"
    if parts.scheme not in _LOCAL and not parts.netloc:
        return f"names no bucket: {parts.scheme}://BUCKET/PREFIX"
    return "holds '..', '.' or an empty part" if _climbs(parts.path.strip("/")) else None


def fault_of_key(key: str) -> str | None:
    """What is wrong with a key.

    >>> fault_of_key("2026/ndvi.tif")
    >>> fault_of_key("../ndvi.tif")
    "holds '..', '.' or an empty part"
    """
    if not key.isprintable() or "\\" in key:
        return "expected printable characters, without a backslash"
    return "holds '..', '.' or an empty part" if _climbs(key) or not key.strip() else None


def is_allowed(url: str, allow: Collection[str]) -> bool:
    """Whether a result may go there.

    >>> is_allowed("s3://maps/2026", ["s3://maps"]), is_allowed("s3://maps-of-others", ["s3://maps"])
    (True, False)
    >>> is_allowed("s3://anything", []), is_allowed("file:///etc", [])
    (True, False)
    """
    if not allow:
        return urlsplit(url).scheme not in _LOCAL
    return any(f"{url.rstrip('/')}/".startswith(f"{beginning.rstrip('/')}/") for beginning in allow)


def _climbs(path: str) -> bool:
    return bool(path) and any(part in {"", ".", ".."} for part in path.split("/"))
