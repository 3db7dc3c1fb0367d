"""Opens the store that a URL names."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from bourn.store.folder import FolderStore
from bourn.store.interface import Store
from bourn.store.objects import ObjectStore
from bourn.store.sink import StoreSink

__all__ = ["Store", "StoreSink", "open_store"]


def open_store(url: str, **options: Any) -> Store:
    """The store at `url`.

    Parameters
    ----------
    url : str
        A folder (a path, or ``file:///path``), ``memory://``, ``s3://bucket/prefix``, ``gs://``, ``az://``.
    **options
        What the service needs besides, as obstore names it: ``endpoint``, ``region``,
        ``virtual_hosted_style_request``, ``client_options``, ``retry_config``, ...

    Raises
    ------
    ValueError
        The URL or an option means nothing.
    """
    scheme, separator, _ = url.partition("://")
    if not separator:
        if options:
            msg = f"a folder takes no options, got {', '.join(sorted(options))}"
            raise ValueError(msg)
        return FolderStore(Path(url))
    if scheme.lower() == "file":
        parts = urlsplit(url)
        if parts.netloc not in {"", "localhost"}:
            msg = f"file:// takes an absolute path (file:///folder), got the host {parts.netloc!r}"
            raise ValueError(msg)
        return open_store(unquote(parts.path), **options)
    return ObjectStore(url, **options)
