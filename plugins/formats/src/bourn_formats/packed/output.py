"""Where MessagePack is written: short values by the packer, long buffers as they are behind a header of ours."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import msgpack

from bourn_formats.plain.output import FLUSHED, Output
from bourn_formats.plain.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bourn.plugin import Sink

__all__ = ["LARGEST", "PackedOutput"]

LARGEST = 2**32 - 1
"""Bytes of a text or of an extension: MessagePack counts them in 32 bits."""


class PackedOutput(Output):
    """MessagePack on its way to a sink.

    Attributes
    ----------
    packer : msgpack.Packer
        Makes the bytes of what is short.
    """

    def __init__(self, sink: Sink) -> None:
        super().__init__(sink)
        self.packer = msgpack.Packer()

    def pack(self, value: Any) -> None:
        """Write a value that MessagePack has itself."""
        self.put(self.packer.pack(value))

    def long(self, what: str, tag: int, data: Any) -> None:
        """Write a text or bytes, whose `tag` is that of 32 bits."""
        size = self._checked(what, len(data))
        self.put(struct.pack(">BI", tag, size))
        self._pass_on(size, (data,))

    def extension(self, what: str, code: int, head: bytes, size: int, pieces: Iterable[Any]) -> None:
        """Write an extension of the type `code`: `head`, and `size` bytes in pieces."""
        length = self._checked(what, len(head) + size)
        if length <= FLUSHED:
            self.put(bytes(self.packer.pack_ext_type(code, head + b"".join(map(bytes, pieces)))))
        else:
            # ext 32: the size in four bytes, then the type.
            self.put(struct.pack(">BIb", 0xC9, length, code) + head)
            self._pass_on(size, pieces)

    def _pass_on(self, size: int, pieces: Iterable[Any]) -> None:
        for piece in pieces:
            if size > FLUSHED:
                self.pass_on(piece)
            else:
                self.put(bytes(piece))

    def _checked(self, what: str, size: int) -> int:
        if size > LARGEST:
            msg = f"{what} of {size:,} bytes"
            raise Refusal(msg, hint=", which counts no more than 4 GiB in one piece; pyarrow does")
        return size
