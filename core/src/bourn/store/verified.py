"""Whole reads of artifacts, compared with the digest that the ledger keeps."""

from __future__ import annotations

import hashlib
import io
import shutil
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from bourn.errors import DamagedError
from bourn.store.interface import CHUNK_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bourn.contract.artifact import Artifact
    from bourn.store.interface import Store
    from bourn.store.links import Links

__all__ = ["VerifiedReader"]

IN_MEMORY_BYTES = 8 * CHUNK_BYTES


class VerifiedReader:
    """Reads artifacts whole; bytes that are not those that were stored are an error, and are marked in the ledger.

    Parameters
    ----------
    store : Store
    links : Links
    """

    def __init__(self, store: Store, links: Links) -> None:
        self._store = store
        self._links = links

    @contextmanager
    def open(self, artifact: Artifact) -> Iterator[BinaryIO]:
        """Yield a seekable file over bytes that have been compared already.

        A file of this machine is read twice; an object elsewhere is fetched once, into a temporary file.

        Raises
        ------
        DamagedError
        """
        if self._store.local_path(artifact.key) is not None:
            with self._store.open(artifact.key) as file:
                self.compare(artifact, _sha256(file))
                file.seek(0)
                yield file
            return
        with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES) as fetched:
            with self.stream(artifact) as source:
                shutil.copyfileobj(source, fetched, CHUNK_BYTES)
            fetched.seek(0)
            yield cast(BinaryIO, fetched)

    @contextmanager
    def stream(self, artifact: Artifact) -> Iterator[BinaryIO]:
        """Yield a file to read once, from beginning to end; at the end `DamagedError` is raised where bytes differ."""
        with self._store.open(artifact.key) as file:
            yield cast(BinaryIO, io.BufferedReader(_Comparing(self, artifact, file), CHUNK_BYTES))

    def check(self, artifact: Artifact) -> None:
        """Read all bytes and compare them.

        Raises
        ------
        DamagedError
        """
        with self._store.open(artifact.key) as file:
            self.compare(artifact, _sha256(file))

    def compare(self, artifact: Artifact, sha256: str) -> None:
        """Raise `DamagedError` where the digest is not the artifact's, and mark it in the ledger."""
        if sha256 == artifact.sha256:
            return
        self._links.mark_damaged(artifact.key)
        msg = (
            f"the object {artifact.key} is damaged: the sha256 of what was stored is {artifact.sha256}, "
            f"that of what is there is {sha256}"
        )
        raise DamagedError(msg)


def _sha256(file: BinaryIO) -> str:
    return hashlib.file_digest(cast(Any, file), "sha256").hexdigest()


class _Comparing(io.RawIOBase):
    """A file whose bytes are compared as they pass, once its end is reached."""

    def __init__(self, reader: VerifiedReader, artifact: Artifact, file: BinaryIO) -> None:
        self._reader = reader
        self._artifact = artifact
        self._file = file
        self._digest = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        view = memoryview(buffer).cast("B")
        piece = self._file.read(len(view))
        view[: len(piece)] = piece
        self._digest.update(piece)
        if not piece and len(view):
            self._reader.compare(self._artifact, self._digest.hexdigest())
        return len(piece)
