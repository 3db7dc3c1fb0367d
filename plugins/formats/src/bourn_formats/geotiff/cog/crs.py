"""Encode a CRS as GeoKeys so that readers get the same CRS back, or refuse it.

GeoKeys (OGC 19-008) have numbers for EPSG codes and for 28 projection methods. GDAL reads other CRSs from a citation:
``GTModelTypeGeoKey`` 32767 and a ``PCSCitationGeoKey`` that begins with ``ESRI PE String = `` and continues with WKT
(frmts/gtiff/gt_wkt_srs.cpp). Every encoding is tried on a file in memory and compared with the original.
"""

from __future__ import annotations

import functools
import struct
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from bourn_formats.geotiff.cog.header import Directory, Tag, double_tag, serialize_header, short_tag

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CRSNotSupported", "EncodedCRS", "citation_tags", "encode_crs", "same_crs"]

LONGEST_CITATION = 2300
"""Characters; GDAL before 3.5 reads citations of up to 2,400."""

_SHORT, _ASCII = 3, 2
_USER_DEFINED = 32767
_PREFIX = "ESRI PE String = "


class CRSNotSupported(ValueError):
    """No encoding of the CRS is read back as the same CRS."""


@attrs.frozen
class EncodedCRS:
    """A CRS as it is written.

    Attributes
    ----------
    definition : str
        What GDAL makes GeoKeys of (an authority's code or WKT); with `citation` the WKT in the citation.
    citation : bool
    read_back : str
        WKT2 of the CRS that GDAL reads from the file.
    """

    definition: str
    citation: bool
    read_back: str


@functools.lru_cache(maxsize=256)
def encode_crs(wkt: str) -> EncodedCRS:
    """Find an encoding that is read back as the same CRS, with the same code.

    Parameters
    ----------
    wkt : str
        WKT2, or anything that pyproj takes.

    Raises
    ------
    CRSNotSupported
        There is none.
    """
    from pyproj import CRS  # 0.2 s
    from rasterio.errors import RasterioError  # 0.3 s

    crs = CRS(wkt)
    for definition, citation in _candidates(crs):
        try:
            read = _read_back(definition, citation=citation)
        except RasterioError:
            continue
        if read is not None and same_crs(crs, CRS(read)):
            return EncodedCRS(definition, citation, read)
    msg = f"GeoTIFF can't store the CRS {crs.name!r} ({crs.type_name}): readers would get no CRS, or another one"
    raise CRSNotSupported(msg)


def _read_back(definition: str, *, citation: bool) -> str | None:
    """Write a file in memory and return the CRS that GDAL reads from it, as WKT2; None if it reads none."""
    from affine import Affine  # loaded already
    from rasterio.io import MemoryFile  # the same

    if citation:
        size = [short_tag(number, 16) for number in (256, 257, 322, 323)]
        layout = [short_tag(258, 8), short_tag(259, 1), short_tag(262, 1), short_tag(277, 1)]
        sparse = np.array([-1]), np.array([0])
        corner = [double_tag(33550, 2, 2, 0), double_tag(33922, 0, 0, 0, 0, 0, 0)]
        tags = [*size, *layout, *corner, *citation_tags(definition, point=False)]
        directory = Directory(tags, *sparse, 0)
        raw = serialize_header([directory], [0], masked=False)
    else:
        with MemoryFile() as memory:
            creation = {"driver": "GTiff", "width": 16, "height": 16, "count": 1, "dtype": "uint8", "SPARSE_OK": True}
            with memory.open(**creation, crs=definition, transform=Affine.scale(2)):
                pass
            raw = memory.read()
    with MemoryFile(raw) as memory, memory.open() as file:
        return None if file.crs is None else str(file.crs.to_wkt(version="WKT2_2019"))


def _candidates(crs: Any) -> Iterator[tuple[str, bool]]:
    """Yield (definition, whether it is a citation), the most widely readable first."""
    from pyproj.enums import WktVersion  # loaded already
    from pyproj.exceptions import CRSError  # the same

    wkt = crs.to_wkt()
    yield wkt, False
    authority = crs.to_authority(min_confidence=100)
    if authority is not None:
        yield ":".join(authority), False
    with suppress(CRSError):  # WKT1 can't express it
        yield crs.to_wkt(WktVersion.WKT1_GDAL), False
    if len(wkt) > LONGEST_CITATION:
        yield crs.to_wkt(WktVersion.WKT2_2019_SIMPLIFIED), True
    yield wkt, True


def same_crs(one: Any, other: Any) -> bool:
    """Whether two pyproj CRSs place coordinates at the same positions; codes must agree where the first has one.

    Names and metadata don't matter, nor the order of axes, which is x, y in rasters.
    """
    authority = one.to_authority(min_confidence=100)
    if authority is not None:
        declared = other.to_json_dict().get("id", {})
        # GDAL and pyproj may have different versions of the EPSG database: the code decides.
        if (declared.get("authority"), str(declared.get("code"))) == authority:
            return True
        if authority[0] == "EPSG" and other.to_authority() != authority:
            return False
    if one.equals(other, ignore_axis_order=True):
        return True
    if one.is_compound or other.is_compound:
        if len(one.sub_crs_list) != len(other.sub_crs_list):
            return False
        return all(map(same_crs, one.sub_crs_list, other.sub_crs_list))
    return _same_horizontal_crs(one, other)


def _same_horizontal_crs(one: Any, other: Any) -> bool:
    """Whether positions of a global grid have the same coordinates, on the same datum."""
    from pyproj import Transformer  # loaded already
    from pyproj.exceptions import ProjError

    if one.geodetic_crs is None or other.geodetic_crs is None or one.is_geocentric or other.is_geocentric:
        return False
    if one.datum is None or other.datum is None or len(one.axis_info) != len(other.axis_info):
        return False
    if not _same_datum(one, other):
        return False
    lon, lat = (part.ravel() for part in np.meshgrid(np.linspace(-179, 179, 41), np.linspace(-89, 89, 41)))
    try:
        points = Transformer.from_crs(one.geodetic_crs, one, always_xy=True).transform(lon, lat)
        x, y = (part[np.isfinite(points[0]) & np.isfinite(points[1])] for part in points)
        back = [
            np.asarray(Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True).transform(x, y))
            for crs in (one, other)
        ]
    except ProjError:
        return False
    return x.size > 0 and bool(np.allclose(back[0], back[1], rtol=0, atol=1e-9, equal_nan=True))


def _same_datum(one: Any, other: Any) -> bool:
    mine, theirs = one.datum, other.datum
    if mine == theirs:
        return True
    ellipsoids = [(datum.ellipsoid.semi_major_metre, datum.ellipsoid.inverse_flattening) for datum in (mine, theirs)]
    meridians = [
        datum.prime_meridian.longitude * datum.prime_meridian.unit_conversion_factor for datum in (mine, theirs)
    ]
    unnamed = "unknown" in mine.name.casefold() or "unnamed" in mine.name.casefold()
    same_name = _letters(mine.name) == _letters(theirs.name)
    return (
        (unnamed or same_name)
        and np.allclose(ellipsoids[0], ellipsoids[1], rtol=1e-12)
        and meridians[0] == meridians[1]
    )


def _letters(name: str) -> str:
    return "".join(filter(str.isalnum, name)).casefold()


def citation_tags(wkt: str, *, point: bool) -> list[Tag]:
    """Return the GeoKeys of a CRS in a citation; GeoAsciiParamsTag is ASCII, other letters of names become ``?``."""
    text = f"{_PREFIX}{wkt}|".encode("ascii", "replace")
    keys = [
        (1024, 0, 1, _USER_DEFINED),  # GTModelTypeGeoKey
        (1025, 0, 1, 2 if point else 1),  # GTRasterTypeGeoKey
        (3073, 34737, len(text), 0),  # PCSCitationGeoKey
    ]
    # GeoTIFF 1.1: GDAL drops the vertical CRS of 1.0 files.
    directory = [1, 1, 1, len(keys), *(number for key in keys for number in key)]
    raw = text + b"\0"
    return [
        Tag(34735, _SHORT, len(directory), struct.pack(f"<{len(directory)}H", *directory)),
        Tag(34737, _ASCII, len(raw), raw),
    ]
