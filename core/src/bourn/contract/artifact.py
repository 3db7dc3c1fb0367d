"""The encoded result: bytes in the store, with what is known of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

__all__ = ["Artifact", "Source"]


class Source(Protocol):
    """Where the bytes of an artifact can be read; the store is one."""

    def open(self, key: str) -> AbstractContextManager[BinaryIO]:
        """A binary, seekable file over the object, for ``with``."""
        ...

    def local_path(self, key: str) -> Path | None:
        """The object as a file of this machine, where it is one."""
        ...

    def href(self, key: str) -> str:
        """Where programs besides bourn find the object: its path on this machine, or its URL; holds no secret."""
        ...


@attrs.frozen(kw_only=True)
class Artifact:
    """The encoded result, whole and durable in the store before any destination sees it.

    Attributes
    ----------
    key : str
        Its name in the store, ``{job_id}/{delivery_id}{suffix}``.
    filename : str
        A name to save it under, from a safe alphabet.
    suffix, media_type : str
        Such as ``.tif`` and ``image/tiff``.
    size_bytes : int
    sha256 : str
        In hex.
    report : mapping
        ``{"prepare": ..., "encode": ...}``: what the destination and the format had to say of the pixels.

    Examples
    --------
    >>> from bourn.plugin import Destination, Receipt
    >>> from bourn.testing import session_with
    >>> class Looking(Destination):
    ...     def deliver(self, artifact, options, context):
    ...         return Receipt(detail={"is": artifact.media_type, "of": artifact.size_bytes, "all": artifact.suffix})
    >>> with session_with(destinations={"looking": Looking}) as session:
    ...     session.compute({"a": 1}, destination="looking", format="json", block=False).wait().receipt.detail
    {'is': 'application/json', 'of': 7, 'all': '.json'}
    """

    key: str
    filename: str
    suffix: str
    media_type: str
    size_bytes: int
    sha256: str
    report: Mapping[str, Any] = attrs.field(factory=dict)
    source: Source = attrs.field(repr=False, eq=False)

    def open(self) -> AbstractContextManager[BinaryIO]:
        """The bytes as a binary, seekable file, for ``with``.

        Examples
        --------
        >>> from bourn.plugin import Destination, Receipt
        >>> from bourn.testing import session_with
        >>> class Reading(Destination):
        ...     def deliver(self, artifact, options, context):
        ...         with artifact.open() as file:
        ...             return Receipt(detail={"begins": file.read(4).decode()})
        >>> with session_with(destinations={"reading": Reading}) as session:
        ...     session.compute({"a": 1}, destination="reading", format="json", block=False).wait().receipt.detail
        {'begins': '{"a"'}
        """
        return self.source.open(self.key)

    @property
    def local_path(self) -> Path | None:
        """The artifact as a file of this machine; None where the store is elsewhere.

        Examples
        --------
        >>> from bourn.plugin import Destination, Receipt
        >>> from bourn.testing import session_with
        >>> class Reading(Destination):
        ...     def deliver(self, artifact, options, context):
        ...         return Receipt(detail={"here": artifact.local_path is not None})
        >>> with session_with(destinations={"reading": Reading}) as session:
        ...     session.compute({"a": 1}, destination="reading", format="json", block=False).wait().receipt.detail
        {'here': True}
        """
        return self.source.local_path(self.key)

    @property
    def href(self) -> str:
        """Where programs besides bourn find it: a path of this machine, or the URL of an object store.

        Examples
        --------
        >>> from bourn.plugin import Destination, Receipt
        >>> from bourn.testing import session_with
        >>> class Telling(Destination):
        ...     def deliver(self, artifact, options, context):
        ...         return Receipt(detail={"ends": artifact.href[-5:]})
        >>> with session_with(destinations={"telling": Telling}) as session:
        ...     session.compute({"a": 1}, destination="telling", format="json", block=False).wait().receipt.detail
        {'ends': '.json'}
        """
        return self.source.href(self.key)

    def read(self) -> bytes:
        """All bytes at once; for small ones.

        Examples
        --------
        >>> from bourn.plugin import Destination, Receipt
        >>> from bourn.testing import session_with
        >>> class Reading(Destination):
        ...     def deliver(self, artifact, options, context):
        ...         return Receipt(detail={"all": artifact.read().decode()})
        >>> with session_with(destinations={"reading": Reading}) as session:
        ...     session.compute({"a": 1}, destination="reading", format="json", block=False).wait().receipt.detail
        {'all': '{"a":1}'}
        """
        with self.open() as file:
            return file.read()
