"""Serialize the header of a COG: everything before the tiles, which follow from the smallest overview up.

TIFF 6.0 and BigTIFF, with the order and the hidden text (ghost area) that GDAL's COG driver page defines: readers that
know them fetch a tile and its mask in one request, without a look-up of its size.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["LEADER_BYTES", "Directory", "Tag", "double_tag", "long_tag", "serialize_header", "short_tag"]

LEADER_BYTES = 4
"""A tile is preceded by its size and followed by a copy of its last four bytes; offsets point to the tile itself."""

BIG_FROM = 1 << 32
"""File size from which offsets need 64 bits."""

_OFFSETS, _COUNTS = 324, 325
_SHORT, _LONG, _DOUBLE, _LONG8 = 3, 4, 12, 16


class Tag(NamedTuple):
    """An entry of a directory.

    Attributes
    ----------
    number, kind, length : int
        TIFF's tag number, type number and number of values.
    raw : bytes
        The value, little-endian.
    """

    number: int
    kind: int
    length: int
    raw: bytes


def short_tag(number: int, *values: int) -> Tag:
    """Return a tag of 16-bit numbers."""
    return Tag(number, _SHORT, len(values), struct.pack(f"<{len(values)}H", *values))


def long_tag(number: int, *values: int) -> Tag:
    """Return a tag of 32-bit numbers."""
    return Tag(number, _LONG, len(values), struct.pack(f"<{len(values)}I", *values))


def double_tag(number: int, *values: float) -> Tag:
    """Return a tag of float64 numbers."""
    return Tag(number, _DOUBLE, len(values), struct.pack(f"<{len(values)}d", *values))


class Directory(NamedTuple):
    """Image file directory of an overview level, or of its mask.

    Attributes
    ----------
    tags : sequence of Tag
        All but TileOffsets and TileByteCounts.
    offsets : (tile,) int64 array
        From the start of the level's tiles; -1 for a sparse tile.
    sizes : (tile,) int64 array
        Bytes; 0 for a sparse tile.
    level : int
        0 is the full resolution.
    """

    tags: Sequence[Tag]
    offsets: np.ndarray[tuple[int], np.dtype[np.int64]]
    sizes: np.ndarray[tuple[int], np.dtype[np.int64]]
    level: int


class _Layout(NamedTuple):
    """Struct layouts of TIFF or BigTIFF."""

    start: int
    number: struct.Struct
    entry: struct.Struct
    offset: struct.Struct
    offset_kind: int
    offset_dtype: str

    @property
    def inline_bytes(self) -> int:
        return self.offset.size


_TIFF = _Layout(8, struct.Struct("<H"), struct.Struct("<HHI"), struct.Struct("<I"), _LONG, "<u4")
_BIGTIFF = _Layout(16, struct.Struct("<Q"), struct.Struct("<HHQ"), struct.Struct("<Q"), _LONG8, "<u8")


def serialize_header(directories: Sequence[Directory], level_bytes: Sequence[int], *, masked: bool) -> bytes:
    """Return everything before the tiles, which follow from the last level to the first.

    Parameters
    ----------
    directories : sequence of Directory
        In order: full resolution, its mask, the largest overview, its mask, ...
    level_bytes : sequence of int
        Size of the tiles of each level.
    masked : bool
        Whether each tile is followed by its mask tile.
    """
    header = _header(directories, level_bytes, _TIFF, masked=masked)
    if len(header) + sum(level_bytes) >= BIG_FROM:
        header = _header(directories, level_bytes, _BIGTIFF, masked=masked)
    return header


def _hidden_text(*, masked: bool) -> bytes:
    text = (
        "LAYOUT=IFDS_BEFORE_DATA\nBLOCK_ORDER=ROW_MAJOR\nBLOCK_LEADER=SIZE_AS_UINT4\n"
        "BLOCK_TRAILER=LAST_4_BYTES_REPEATED\nKNOWN_INCOMPATIBLE_EDITION=NO\n "
    )
    if masked:
        text += "MASK_INTERLEAVED_WITH_IMAGERY=YES\n"
    return f"GDAL_STRUCTURAL_METADATA_SIZE={len(text):06d} bytes\n{text}".encode("ascii")


def _header(directories: Sequence[Directory], level_bytes: Sequence[int], layout: _Layout, *, masked: bool) -> bytes:
    text = _hidden_text(masked=masked)
    # Directly after the text: GDAL's validator expects the first directory there.
    first = layout.start + len(text) + (layout.start + len(text)) % 2
    offsets, end = _directory_offsets(directories, layout, first)
    arrays, data = _array_offsets(directories, layout, end)
    starts = _starts(level_bytes, data)
    header = bytearray(data)
    if layout is _TIFF:
        struct.pack_into("<2sHI", header, 0, b"II", 42, first)
    else:
        struct.pack_into("<2sHHHQ", header, 0, b"II", 43, 8, 0, first)
    header[layout.start : layout.start + len(text)] = text
    for index, (directory, array_offsets) in enumerate(zip(directories, arrays, strict=True)):
        following = offsets[index + 1] if index + 1 < len(offsets) else 0
        tags = _with_arrays(directory, starts[directory.level], layout)
        _write(header, offsets[index], tags, array_offsets, following, layout)
    return bytes(header)


def _align(offset: int) -> int:
    """Return the next multiple of 8; TIFF 6.0 asks for 2, 64-bit arrays are read fastest at 8."""
    return offset + -offset % 8


def _size_of_tags(count: int, layout: _Layout) -> int:
    return layout.number.size + count * (layout.entry.size + layout.offset.size) + layout.offset.size


def _directory_offsets(directories: Sequence[Directory], layout: _Layout, start: int) -> tuple[list[int], int]:
    """Return the offset of each directory, which its values follow, and the end of the last one."""
    offsets = []
    for directory in directories:
        offsets.append(start)
        start += _size_of_tags(len(directory.tags) + 2, layout)  # TileOffsets and TileByteCounts
        start = _align(start)
        for tag in directory.tags:
            if len(tag.raw) > layout.inline_bytes:
                start += _align(len(tag.raw))
    return offsets, start


def _array_offsets(directories: Sequence[Directory], layout: _Layout, start: int) -> tuple[list[tuple[int, int]], int]:
    """Return the offsets of each directory's tile arrays, which follow all directories, and their end."""
    offsets = []
    for directory in directories:
        tiles = directory.sizes.size
        counts = start + _align(tiles * layout.offset.size)
        offsets.append((start, counts))
        start = counts + _align(tiles * 4)
    return offsets, start


def _starts(level_bytes: Sequence[int], data: int) -> list[int]:
    """Return the offset of each level's tiles; those of the last level come first."""
    starts = [0] * len(level_bytes)
    for index in range(len(level_bytes) - 1, -1, -1):
        starts[index] = data
        data += level_bytes[index]
    return starts


def _with_arrays(directory: Directory, start: int, layout: _Layout) -> list[Tag]:
    """Return all tags sorted by number; a sparse tile has offset and size 0 (as in GDAL's sparse files)."""
    present = directory.offsets >= 0
    offsets = np.where(present, directory.offsets + start, 0).astype(layout.offset_dtype)
    counts = directory.sizes.astype("<u4")
    tags = [
        *directory.tags,
        Tag(_OFFSETS, layout.offset_kind, offsets.size, offsets.tobytes()),
        Tag(_COUNTS, _LONG, counts.size, counts.tobytes()),
    ]
    return sorted(tags)


def _write(
    header: bytearray, offset: int, tags: Sequence[Tag], array_offsets: tuple[int, int], following: int, layout: _Layout
) -> None:
    layout.number.pack_into(header, offset, len(tags))
    entry = offset + layout.number.size
    values = _align(offset + _size_of_tags(len(tags), layout))
    for tag in tags:
        layout.entry.pack_into(header, entry, tag.number, tag.kind, tag.length)
        value = entry + layout.entry.size
        if len(tag.raw) > layout.inline_bytes:
            if tag.number in {_OFFSETS, _COUNTS}:
                target = array_offsets[tag.number - _OFFSETS]
            else:
                target, values = values, values + _align(len(tag.raw))
            layout.offset.pack_into(header, value, target)
            value = target
        header[value : value + len(tag.raw)] = tag.raw
        entry += layout.entry.size + layout.offset.size
    layout.offset.pack_into(header, entry, following)
