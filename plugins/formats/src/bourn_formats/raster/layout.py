"""Where everything stands in the file: header, directories, then tiles, from the smallest overview up.

TIFF 6.0 and BigTIFF, and the order and the hidden text that GDAL's COG driver page defines: readers that know them
fetch a tile and its mask at once, and need not look up its size.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Directory", "Tag", "header"]

LEADER_BYTES = 4
"""Before a tile stands its size, after it its last four bytes once more; the tag's offset leads to the tile itself."""

BIG_FROM = 1 << 32
"""Bytes from which offsets need 64 bits."""

_OFFSETS, _COUNTS = 324, 325
_LONG, _LONG8 = 4, 16


class Tag(NamedTuple):
    """An entry of a directory.

    Attributes
    ----------
    number, kind, length : int
        Of the tag, of its values' type, and how many values there are: as TIFF counts them.
    raw : bytes
        The value, little-endian.
    """

    number: int
    kind: int
    length: int
    raw: bytes


class Directory(NamedTuple):
    """The pixels of one resolution, or the mask of one.

    Attributes
    ----------
    tags : sequence of Tag
        All but those that say where tiles are.
    offsets : (tile,) int64 array
        From the start of the resolution's tiles; -1 where a tile is left out.
    sizes : (tile,) int64 array
        Bytes; 0 where a tile is left out.
    resolution : int
        0 is the image itself.
    """

    tags: Sequence[Tag]
    offsets: np.ndarray[tuple[int], np.dtype[np.int64]]
    sizes: np.ndarray[tuple[int], np.dtype[np.int64]]
    resolution: int


class _Form(NamedTuple):
    """How a directory is written: plain TIFF or BigTIFF."""

    start: int
    number: struct.Struct
    entry: struct.Struct
    place: struct.Struct
    offset_kind: int
    offset_dtype: str

    @property
    def inline_bytes(self) -> int:
        return self.place.size


_PLAIN = _Form(8, struct.Struct("<H"), struct.Struct("<HHI"), struct.Struct("<I"), _LONG, "<u4")
_BIG = _Form(16, struct.Struct("<Q"), struct.Struct("<HHQ"), struct.Struct("<Q"), _LONG8, "<u8")


def header(directories: Sequence[Directory], resolution_bytes: Sequence[int], *, masked: bool) -> bytes:
    """Everything before the tiles, which are to follow it from the last resolution to the first.

    Parameters
    ----------
    directories : sequence of Directory
        In their order: the image, its mask, the largest overview, its mask, ...
    resolution_bytes : sequence of int
        What the tiles of each resolution take.
    masked : bool
        Whether a tile is followed by that of its mask.
    """
    made = _header(directories, resolution_bytes, _PLAIN, masked=masked)
    if len(made) + sum(resolution_bytes) >= BIG_FROM:
        made = _header(directories, resolution_bytes, _BIG, masked=masked)
    return made


def _hidden_text(*, masked: bool) -> bytes:
    text = (
        "LAYOUT=IFDS_BEFORE_DATA\nBLOCK_ORDER=ROW_MAJOR\nBLOCK_LEADER=SIZE_AS_UINT4\n"
        "BLOCK_TRAILER=LAST_4_BYTES_REPEATED\nKNOWN_INCOMPATIBLE_EDITION=NO\n "
    )
    if masked:
        text += "MASK_INTERLEAVED_WITH_IMAGERY=YES\n"
    return f"GDAL_STRUCTURAL_METADATA_SIZE={len(text):06d} bytes\n{text}".encode("ascii")


def _header(directories: Sequence[Directory], resolution_bytes: Sequence[int], form: _Form, *, masked: bool) -> bytes:
    text = _hidden_text(masked=masked)
    # As near as TIFF allows: GDAL's validator looks for it there.
    first = form.start + len(text) + (form.start + len(text)) % 2
    places, end = _places(directories, form, first)
    arrays, data = _array_places(directories, form, end)
    starts = _starts(resolution_bytes, data)
    made = bytearray(data)
    if form is _PLAIN:
        struct.pack_into("<2sHI", made, 0, b"II", 42, first)
    else:
        struct.pack_into("<2sHHHQ", made, 0, b"II", 43, 8, 0, first)
    made[form.start : form.start + len(text)] = text
    for index, (directory, array_places) in enumerate(zip(directories, arrays, strict=True)):
        following = places[index + 1] if index + 1 < len(places) else 0
        tags = _with_arrays(directory, starts[directory.resolution], form)
        _write(made, places[index], tags, array_places, following, form)
    return bytes(made)


def _aligned(place: int) -> int:
    """The next multiple of 8: TIFF 6.0 asks for 2, arrays of 64-bit numbers are read best from there."""
    return place + -place % 8


def _size_of_tags(count: int, form: _Form) -> int:
    return form.number.size + count * (form.entry.size + form.place.size) + form.place.size


def _places(directories: Sequence[Directory], form: _Form, start: int) -> tuple[list[int], int]:
    """Where each directory begins, its values behind it, and where the last one ends."""
    places = []
    for directory in directories:
        places.append(start)
        start += _size_of_tags(len(directory.tags) + 2, form)  # and those of offsets and sizes
        start = _aligned(start)
        for tag in directory.tags:
            if len(tag.raw) > form.inline_bytes:
                start += _aligned(len(tag.raw))
    return places, start


def _array_places(directories: Sequence[Directory], form: _Form, start: int) -> tuple[list[tuple[int, int]], int]:
    """Where each directory's offsets and sizes begin, after all directories; and where the last ones end."""
    places = []
    for directory in directories:
        tiles = directory.sizes.size
        counts = start + _aligned(tiles * form.place.size)
        places.append((start, counts))
        start = counts + _aligned(tiles * 4)
    return places, start


def _starts(resolution_bytes: Sequence[int], data: int) -> list[int]:
    """Where the tiles of each resolution begin: those of the last one first."""
    starts = [0] * len(resolution_bytes)
    for index in range(len(resolution_bytes) - 1, -1, -1):
        starts[index] = data
        data += resolution_bytes[index]
    return starts


def _with_arrays(directory: Directory, start: int, form: _Form) -> list[Tag]:
    """All tags, by their numbers; a tile that is left out has offset and size 0 (GDAL's sparse files)."""
    there = directory.offsets >= 0
    offsets = np.where(there, directory.offsets + start, 0).astype(form.offset_dtype)
    counts = directory.sizes.astype("<u4")
    tags = [
        *directory.tags,
        Tag(_OFFSETS, form.offset_kind, offsets.size, offsets.tobytes()),
        Tag(_COUNTS, _LONG, counts.size, counts.tobytes()),
    ]
    return sorted(tags)


def _write(
    made: bytearray, place: int, tags: Sequence[Tag], array_places: tuple[int, int], following: int, form: _Form
) -> None:
    form.number.pack_into(made, place, len(tags))
    entry = place + form.number.size
    values = _aligned(place + _size_of_tags(len(tags), form))
    for tag in tags:
        form.entry.pack_into(made, entry, tag.number, tag.kind, tag.length)
        value = entry + form.entry.size
        if len(tag.raw) > form.inline_bytes:
            if tag.number in {_OFFSETS, _COUNTS}:
                target = array_places[tag.number - _OFFSETS]
            else:
                target, values = values, values + _aligned(len(tag.raw))
            form.place.pack_into(made, value, target)
            value = target
        made[value : value + len(tag.raw)] = tag.raw
        entry += form.entry.size + form.place.size
    form.place.pack_into(made, entry, following)
