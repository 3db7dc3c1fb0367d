"""The object at the store: put there, looked for, removed; every fault of the store as what it means for a delivery."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import obstore
from bourn.plugin import DeliveryError, DeliveryRefused, Transient
from obstore import exceptions
from obstore.store import LocalStore, ObjectStore, from_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bourn.plugin import Artifact, Context

    from bourn_bucket import Options, Settings

__all__ = ["PART_BYTES", "exists", "remove", "store_of", "upload"]

PART_BYTES = 8 << 20
"""Larger results go up in parts of this size."""

MARK = "bourndelivery"
"""The metadata that says whose an object is; letters only, since Azure takes no others."""

# Seconds, not the default's three minutes: behind them, a delivery is tried again by bourn.
RETRY: dict[str, Any] = {"max_retries": 2, "retry_timeout": timedelta(seconds=10)}
CLIENT: dict[str, Any] = {"connect_timeout": timedelta(seconds=5), "timeout": timedelta(minutes=5)}


def store_of(url: str, settings: Settings) -> ObjectStore:
    """The client of a store; one a place, since it keeps its connections."""
    known: dict[str, Any] = {"endpoint": settings.endpoint, "region": settings.region}
    for name in ("access_key_id", "secret_access_key"):
        secret = getattr(settings, name)
        known[name] = None if secret is None else secret.reveal()
    config = {name: value for name, value in known.items() if value is not None} | settings.more
    return _store(url, tuple(sorted(config.items())))


@cache
def _store(url: str, config: tuple[tuple[str, str], ...]) -> ObjectStore:
    scheme = urlsplit(url).scheme
    if scheme == "memory":
        return from_url(url)
    if scheme == "file":
        return from_url(url, **cast(Any, {"mkdir": True}))
    client = CLIENT | {"allow_http": str(dict(config).get("endpoint", "")).startswith("http://")}
    return from_url(
        url, config=cast(Any, dict(config)), client_options=cast(Any, client), retry_config=cast(Any, RETRY)
    )


def upload(artifact: Artifact, key: str, options: Options, context: Context, *, tried: bool) -> None:
    """Put the artifact at `key`, whole or not at all.

    Parameters
    ----------
    tried : bool
        Whether this delivery may have put it there already.
    """
    with _faults(options.url):
        store = store_of(options.url, context.settings)
        attributes = None if isinstance(store, LocalStore) else _attributes(artifact, context)
        mode = "overwrite" if options.overwrite else "create"
        many = artifact.size_bytes > PART_BYTES
        pieces = _pieces(artifact, context)
        try:
            obstore.put(
                store,
                key,
                pieces if many else b"".join(pieces),
                mode=cast(Any, mode),
                attributes=attributes,
                use_multipart=many,
                chunk_size=PART_BYTES,
                max_concurrency=4,
            )
        except exceptions.AlreadyExistsError as error:
            # Perhaps it is ours: an answer got lost and the client tried again by itself, or an earlier process died.
            may_be_ours = tried or not isinstance(store, LocalStore)
            if not (may_be_ours and _is_ours(store, key, artifact.sha256, context)):
                raise DeliveryRefused(f"{key!r} exists already in {options.url}; overwrite=True replaces it") from error


def exists(options: Options, settings: Settings) -> bool:
    """Whether there is an object of the name that was asked for."""
    with _faults(options.url):
        try:
            obstore.head(store_of(options.url, settings), str(options.key))
        except FileNotFoundError:
            return False
    return True


def remove(key: str, sha256: str, options: Options, context: Context) -> None:
    """Remove the object, if it is the one that this delivery has put there."""
    with _faults(options.url):
        store = store_of(options.url, context.settings)
        try:
            if _is_ours(store, key, sha256, context):
                obstore.delete(store, key)
        except FileNotFoundError:
            return


def _attributes(artifact: Artifact, context: Context) -> dict[str, str]:
    return {"Content-Type": artifact.media_type, MARK: str(context.delivery_id)}


def _is_ours(store: ObjectStore, key: str, sha256: str, context: Context) -> bool:
    """By its mark; in a folder, which knows no marks, by its content."""
    if not isinstance(store, LocalStore):
        marks = obstore.get(store, key, options={"head": True}).attributes
        return marks.get(MARK) == context.delivery_id
    digest = hashlib.sha256()
    for piece in obstore.get(store, key).stream(min_chunk_size=1 << 20):
        digest.update(piece)
    return digest.hexdigest() == sha256


def _pieces(artifact: Artifact, context: Context) -> Iterator[bytes]:
    done = 0
    with artifact.open() as file:
        while piece := file.read(1 << 20):
            if context.cancelled():
                raise DeliveryError("cancelled while it was put there")
            yield piece
            done += len(piece)
            context.progress(done, artifact.size_bytes)


@contextmanager
def _faults(url: str) -> Iterator[None]:
    """What each fault of a store means; nothing of obstore leaves this file."""
    try:
        yield
    except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError) as error:
        raise DeliveryError(f"{url} can't be written to: the store refuses the keys of the settings") from error
    except (
        exceptions.UnknownConfigurationKeyError,
        exceptions.InvalidPathError,
        exceptions.NotSupportedError,
    ) as error:
        raise DeliveryError(f"{url} can't be written to: {_error_text(error)}") from error
    except FileNotFoundError as error:
        raise DeliveryError(f"{url} can't be written to: there is no such bucket") from error
    except (exceptions.BaseError, OSError) as error:  # it can't be reached, or a disk failed: that passes
        raise Transient(f"{url} can't be written to now: {_error_text(error)}") from error


def _error_text(error: Exception) -> str:
    """What obstore says, without its dump of the source, and without queries, which may hold a signature."""
    return " ".join(word.partition("?")[0] for word in (str(error).splitlines() or [""])[0][:300].split())
