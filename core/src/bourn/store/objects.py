"""A store in memory or at an object service (S3, Google, Azure), through obstore."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import threading
import time
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from queue import Full, Queue
from typing import TYPE_CHECKING, Any, BinaryIO, cast
from urllib.parse import urlsplit

from bourn.contract.option import Secret
from bourn.store.interface import CHUNK_BYTES, Store, check_key
from bourn.store.obstore_runtime import is_panic, ready
from bourn.store.sink import StoreSink

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import obstore.store

__all__ = ["ObjectStore"]

RETRY: dict[str, Any] = {
    "max_retries": 6,
    "retry_timeout": timedelta(seconds=20),
    "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=3), "base": 2},
}
"""Seconds, not the default's three minutes: behind it, a delivery is tried again by the ledger."""

CLIENT: dict[str, Any] = {"connect_timeout": timedelta(seconds=5), "timeout": timedelta(minutes=5)}

LONGEST_PRESIGNED = timedelta(minutes=15)
"""A URL that the service signs can't be revoked, so it is good for one download only."""

PART_BYTES = 8 * CHUNK_BYTES
"""Up to this size an object is one request; larger ones go out in parts of it, of which a service takes 10,000."""

PARTS_AT_ONCE = 2
QUEUED_PIECES = 8
"""Of about 1 MiB each."""

SMALL_TRIES = 4
RETRY_SECONDS = 0.3


class ObjectStore(Store):
    """Objects at a service, or in this process's memory (``memory://``).

    An object is visible once all of it has arrived. Parts of one whose process is killed are removed by a lifecycle
    rule of the bucket (``AbortIncompleteMultipartUpload``).

    Parameters
    ----------
    url : str
        ``memory://``, ``s3://bucket/prefix``, ``gs://``, ``az://``, ...
    presign : bool
        Whether readers may be sent to the service itself; not where only this server can reach it.
    **options
        Of obstore, such as ``endpoint`` or ``client_options``; each may be a `Secret`.
    """

    def __init__(self, url: str, *, presign: bool = True, **options: Any) -> None:
        self.url = url
        self._presign = presign
        self._options = options
        self._made: obstore.store.ObjectStore | None = None
        self._pid = 0

    def __repr__(self) -> str:
        return f"{type(self).__name__}({urlsplit(self.url).scheme}://...)"  # a URL may hold a password

    def _client(self) -> tuple[Any, obstore.store.ObjectStore]:
        """This process's obstore, and its client of the service; what is in memory is inherited."""
        if self._made is None or (self._pid != os.getpid() and not self._in_memory):
            ready(self._made)
            self._made, self._pid = self._opened(), os.getpid()
        import obstore  # a heavy library, on first use

        return obstore, self._made

    @property
    def _in_memory(self) -> bool:
        return urlsplit(self.url).scheme == "memory"

    def _opened(self) -> obstore.store.ObjectStore:
        import obstore.store  # a heavy library, on first use

        if self._in_memory:
            return obstore.store.MemoryStore()
        options = {name: _revealed(value) for name, value in self._options.items()}
        client = CLIENT | _plain_http(options) | dict(options.pop("client_options", None) or {})
        retry = RETRY | dict(options.pop("retry_config", None) or {})
        with _translated(self.url):
            return obstore.store.from_url(
                self.url, client_options=cast(Any, client), retry_config=cast(Any, retry), **options
            )

    @contextmanager
    def create(self, key: str, *, media_type: str | None = None, filename: str | None = None) -> Iterator[StoreSink]:
        """A sink for a new object; see `Store.create`.

        A small one is sent on condition that the key is free. A large one goes out in parts while it is written:
        services have no condition for these, so its key must not be in use by another writer at the same time.
        """
        check_key(key)
        upload = _Upload(self, key, self._attributes(media_type, filename))
        sink = StoreSink(upload.write)
        try:
            yield sink
            sink.finish()
        except BaseException as error:
            upload.abort(error)
            raise
        upload.finish(sink)

    def open(self, key: str) -> BinaryIO:
        """A buffered reader that asks for one range at a time."""
        size = self.size(key)
        if size is None:
            raise FileNotFoundError(errno.ENOENT, "no such object", key)
        return cast(BinaryIO, io.BufferedReader(_Ranged(*self._client(), key, size), CHUNK_BYTES))

    def local_path(self, key: str) -> Path | None:
        """None: it is elsewhere."""
        check_key(key)
        return None

    def href(self, key: str) -> str:
        """The object's URL; who asks there needs the service's own permission."""
        parts = urlsplit(self.url)
        place = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
        return f"{place.rstrip('/')}/{check_key(key)}"

    def size(self, key: str) -> int | None:
        """The object's bytes; None if there is none."""
        obstore, service = self._client()
        try:
            with _translated(key):
                return int(obstore.head(service, check_key(key))["size"])
        except FileNotFoundError:
            return None

    def delete(self, key: str) -> None:
        """Remove the object."""
        obstore, service = self._client()
        try:
            with _translated(key):
                obstore.delete(service, check_key(key))
        except FileNotFoundError:
            return

    def delete_many(self, keys: Sequence[str]) -> dict[str, OSError]:
        """Remove objects, a thousand with one request where the service can; see `Store.delete_many`."""
        obstore, service = self._client()
        if len(keys) > 1:
            try:
                with _translated(f"{len(keys)} objects"):
                    obstore.delete(service, [check_key(key) for key in keys])
            except OSError:  # one by one it is known which of them failed
                return super().delete_many(keys)
            return {}
        return super().delete_many(keys)

    def keys(self, prefix: str = "") -> Iterator[str]:
        """The keys that begin with `prefix`."""
        obstore, service = self._client()
        inside, _, _ = prefix.rpartition("/")  # a service lists whole segments only
        with _translated(prefix):
            for page in obstore.list(service, inside or None, chunk_size=1000):
                yield from (found["path"] for found in page if found["path"].startswith(prefix))

    def stream(self, key: str, start: int, end: int) -> Iterator[bytes]:
        """The bytes from `start` to `end`."""
        check_key(key)
        if start >= end:
            return
        obstore, service = self._client()
        with _translated(key):
            answer = obstore.get(service, key, options={"range": (start, end)})
            for piece in answer.stream(min_chunk_size=CHUNK_BYTES):
                yield bytes(piece)

    def presigned(self, key: str, expires: timedelta) -> str | None:
        """A URL at the service itself; None for memory and others that can't sign, or are not to."""
        if not timedelta(seconds=1) <= expires <= LONGEST_PRESIGNED:
            msg = f"between one second and {LONGEST_PRESIGNED}, got {expires}"
            raise ValueError(msg)
        obstore, service = self._client()
        from obstore.store import AzureStore, GCSStore, S3Store  # a heavy library, on first use

        if not self._presign or not isinstance(service, AzureStore | GCSStore | S3Store):
            return None
        with _translated(key):
            return str(obstore.sign(service, "GET", check_key(key), expires))

    def clean(self, older_than: timedelta, now: datetime) -> int:  # the file has no name
        """0: what is gathered falls with its process. Unfinished uploads are for the bucket's lifecycle rule."""
        return 0

    def _attributes(self, media_type: str | None, filename: str | None) -> dict[str, str] | None:
        """What the service answers with where a link is redirected to it: never a page in a browser."""
        if urlsplit(self.url).scheme in {"memory", "http", "https"}:
            return None
        named = "" if filename is None else f'; filename="{filename}"'
        return {
            "Content-Type": media_type or "application/octet-stream",
            "Content-Disposition": f"attachment{named}",
            "Cache-Control": "private, no-store",
        }

    def send(self, key: str, data: bytes | Iterator[bytes], attributes: dict[str, str] | None) -> None:
        """Put an object: bytes on condition that the key is free, an iterator in parts."""
        obstore, service = self._client()
        small = isinstance(data, bytes)
        with _translated(key):
            obstore.put(
                service, key, cast(Any, data), attributes=attributes, mode="create" if small else "overwrite",
                use_multipart=not small, chunk_size=PART_BYTES, max_concurrency=PARTS_AT_ONCE,
            )  # fmt: skip

    def holds(self, key: str, sink: StoreSink) -> bool:
        """Return whether the object has the bytes that went through the sink; False where that can't be known."""
        try:
            if self.size(key) != sink.size_bytes:
                return False
            with self.open(key) as file:
                return hashlib.file_digest(cast(Any, file), "sha256").hexdigest() == sink.sha256
        except OSError:
            return False


class _Upload:
    """Bytes on their way to one object: gathered while they are few, then sent in parts by a thread."""

    def __init__(self, store: ObjectStore, key: str, attributes: dict[str, str] | None) -> None:
        self._store = store
        self._key = key
        self._attributes = attributes
        self._gathered = bytearray()
        self._pieces: Queue[bytes | BaseException | None] = Queue(QUEUED_PIECES)
        self._thread: threading.Thread | None = None
        self._error: OSError | None = None
        self._is_taken = False

    def write(self, piece: memoryview) -> None:
        """Take a piece; raises what sending the ones before it raised."""
        if self._thread is None and not self._is_taken:
            self._gathered += piece
            if len(self._gathered) <= PART_BYTES:
                return
            self._is_taken = self._store.size(self._key) is not None  # then it is only compared, at the end
            piece, self._gathered = memoryview(bytes(self._gathered)), bytearray()
            if not self._is_taken:
                self._thread = threading.Thread(target=self._send, name="bourn-upload", daemon=True)
                self._thread.start()
        if not self._is_taken:
            self._put(bytes(piece))

    def finish(self, sink: StoreSink) -> None:
        """Send what is left, and return once the object is there whole."""
        if self._thread is not None:
            with suppress(OSError):  # raised below
                self._put(None)
            self._thread.join()
            if self._error is not None and not (self._is_in_doubt(self._error) and self._store.holds(self._key, sink)):
                raise self._error
        elif not self._is_taken:
            self._send_small(sink)
        elif not self._store.holds(self._key, sink):
            raise FileExistsError(errno.EEXIST, "the object exists already", self._key)

    def abort(self, error: BaseException) -> None:
        """Have the parts that were sent removed."""
        if self._thread is not None:
            with suppress(OSError):
                self._put(error)
            self._thread.join()

    def _send_small(self, sink: StoreSink) -> None:
        """Send it with one request, again after a connection that broke.

        Such a request may have been served all the same: then, or where the client repeats it by itself, the object
        exists already.
        """
        for tries_left in reversed(range(SMALL_TRIES)):
            try:
                self._store.send(self._key, bytes(self._gathered), self._attributes)
            except OSError as error:
                if not self._is_in_doubt(error):
                    raise
                if self._store.holds(self._key, sink):
                    return
                if error.errno == errno.EEXIST or not tries_left:
                    raise
                time.sleep(RETRY_SECONDS)
            else:
                return

    @staticmethod
    def _is_in_doubt(error: OSError) -> bool:
        """Return whether the object may be there all the same; completed parts are not found when asked for again."""
        return error.errno in {errno.EIO, errno.EEXIST} or isinstance(error, FileNotFoundError)

    def _put(self, piece: bytes | BaseException | None) -> None:
        while True:
            if self._error is not None:
                raise self._error
            try:
                self._pieces.put(piece, timeout=1)
            except Full:
                continue
            return

    def _send(self) -> None:
        try:
            self._store.send(self._key, self._received(), self._attributes)
        except OSError as error:
            self._error = error
        except BaseException as error:  # noqa: BLE001  # raised in the writer's thread
            self._error = OSError(errno.EIO, f"the upload failed: {type(error).__name__}: {error}")

    def _received(self) -> Iterator[bytes]:
        while (piece := self._pieces.get()) is not None:
            if isinstance(piece, BaseException):
                raise piece  # obstore gives up and removes the parts
            yield piece


class _Ranged(io.RawIOBase):
    """An object as a raw, seekable file; the caller's buffer decides how much is requested."""

    def __init__(self, obstore: Any, service: obstore.store.ObjectStore, key: str, size: int) -> None:
        self._obstore, self._service, self._key, self._size, self._at = obstore, service, key, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise OSError(errno.EINVAL, "a place before the beginning")
        self._at = start + offset
        return self._at

    def readall(self) -> bytes:
        """All that is left, by one request; the inherited one makes a request for every 8 KiB."""
        if self._at >= self._size:
            return b""
        with _translated(self._key):
            rest = self._obstore.get_range(self._service, self._key, start=self._at, end=self._size)
        self._at = self._size
        return bytes(rest)

    def readinto(self, buffer: Any, /) -> int:
        view = memoryview(buffer).cast("B")
        length = min(len(view), self._size - self._at)
        if length <= 0:
            return 0
        with _translated(self._key):
            piece = self._obstore.get_range(self._service, self._key, start=self._at, length=length)
        view[: len(piece)] = memoryview(piece)
        self._at += len(piece)
        return len(piece)


def _revealed(value: Any) -> Any:
    return value.reveal() if isinstance(value, Secret) else value


def _plain_http(options: Mapping[str, Any]) -> dict[str, Any]:
    """An endpoint given with ``http://`` is used without TLS."""
    endpoints = [value for name, value in options.items() if name.lower().endswith(("endpoint", "endpoint_url"))]
    return {"allow_http": True} if any(str(each).lower().startswith("http://") for each in endpoints) else {}


@contextmanager
def _translated(what: str) -> Iterator[None]:
    """Faults of the service as the builtin errors that they are; nothing of obstore leaves this file."""
    from obstore import exceptions  # a heavy library, on first use

    try:
        yield
    except exceptions.AlreadyExistsError as error:
        raise FileExistsError(errno.EEXIST, "the object exists already", what) from error
    except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError) as error:
        if "QuotaExceeded</Code>" in str(error):  # by its status alone a full account looks like one without access
            raise OSError(errno.EDQUOT, "the object store has no more room for this account", what) from error
        raise PermissionError(errno.EACCES, "the object store refuses its credentials", what) from error
    except (exceptions.UnknownConfigurationKeyError, exceptions.InvalidPathError) as error:
        raise ValueError(_first_line(error)) from error
    except exceptions.BaseError as error:
        raise OSError(errno.EIO, f"the object store failed: {_first_line(error)}") from error
    except BaseException as error:
        if is_panic(error):
            raise OSError(errno.EIO, f"the object store's client failed: {_first_line(error)}") from error
        raise


def _first_line(error: BaseException) -> str:
    """What obstore says, without its dump of the source, and without queries, which may hold a signature."""
    text = (str(error).splitlines() or [""])[0][:500]
    return " ".join(word.partition("?")[0] for word in text.split(" "))
