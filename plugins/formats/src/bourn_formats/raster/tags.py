"""Tags of a TIFF that rasterio can't set: put into the first directory of a file that GDAL has just written."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from bourn.plugin import EncodeError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["GEO_TAGS", "NODATA_TAG", "rewrite_tags"]

NODATA_TAG = 42113
"""GDAL_NODATA, an ASCII text."""

GEO_TAGS = frozenset({33550, 33922, 34264, 34735, 34736, 34737})
"""ModelPixelScale, ModelTiepoint, ModelTransformation and the GeoKeys of OGC 19-008."""

_ASCII = 2
_BIGTIFF = b"II+\x00\x08\x00\x00\x00"
_ENTRY = struct.Struct("<HHQ8s")


def rewrite_tags(path: Path, texts: dict[int, str], *, without: frozenset[int] = frozenset()) -> None:
    """Set ASCII tags, and leave out others, in the first directory of a little-endian BigTIFF.

    The new directory is appended and the header points to it; nothing else in the file moves.

    Raises
    ------
    EncodeError
        The file has no whole directory.
    """
    with path.open("r+b") as file:
        if file.read(8) != _BIGTIFF:
            msg = f"{path.name} is no little-endian BigTIFF"
            raise ValueError(msg)
        (place,) = struct.unpack("<Q", file.read(8))
        file.seek(place)
        try:
            (count,) = struct.unpack("<Q", file.read(8))
            entries = [_ENTRY.unpack(file.read(_ENTRY.size)) for _ in range(count)]
        except struct.error as cause:
            # GDAL writes the directory last, in close(), where nobody hears that the disk is full.
            msg = f"no room left in {path.parent.parent}: the directory of the file is not whole"
            raise EncodeError(msg) from cause
        following = file.read(8)
        kept = [entry for entry in entries if entry[0] not in without and entry[0] not in texts]
        end = file.seek(0, 2)
        for tag, text in texts.items():
            raw = text.encode("ascii") + b"\0"
            if len(raw) > 8:  # noqa: PLR2004  # what fits stands in the entry itself
                file.write(bytes(-end % 8) + raw)
                value = struct.pack("<Q", end + -end % 8)
                end = file.tell()
            else:
                value = raw.ljust(8, b"\0")
            kept.append((tag, _ASCII, len(raw), value))
        file.write(bytes(-end % 8))
        directory = end + -end % 8
        file.write(struct.pack("<Q", len(kept)))
        for entry in sorted(kept):
            file.write(_ENTRY.pack(*entry))
        file.write(following)
        file.seek(8)
        file.write(struct.pack("<Q", directory))
