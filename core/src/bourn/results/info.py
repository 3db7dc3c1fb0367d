"""What is known of a result without computing it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from odc.geo.geobox import GeoBox

    from bourn.errors import Problem

__all__ = ["KINDS", "ResultInfo"]

KINDS = ("value", "array", "image", "table", "features")
"""What a result can be."""


@attrs.frozen(kw_only=True)
class ResultInfo:
    """What is known of a result without computing it; None where it is not known yet.

    Attributes
    ----------
    kinds : tuple of str
        The kinds that the result has, its own first; empty where only computing will tell.
    type_name : str
        The class of the object, such as ``xarray.DataArray``.
    lazy : bool
        Whether it is still to be computed.
    dtype : str or None
        numpy's name; of an image with unlike bands that of the first.
    dtypes : tuple of str or None
        Of an image, one a band.
    shape : tuple of int or None
        Of an image (band, y, x).
    bands : tuple of str or None
        The names of an image's bands, in order.
    band_kinds : tuple of str or None
        Of an image: ``data``, ``class`` or ``mask``, one a band.
    nodata : tuple or None
        Of an image: one a band, None where it has none.
    grid : GeoBox or None
        Where an image lies.
    masked : bool or None
        Whether it has a mask.
    bandinfo : mapping
        Of an image: what is known of each band, by its name.
    properties : mapping
        An image's properties (``date`` among them).
    size_bytes : int or None
        In memory, when it is computed.
    no_image : sequence of Problem
        Why an xarray object that lies on a grid is not an image all the same: it has several dates, say.
    notes : sequence of str
        What is not heeded of the object.
    other_key : str or None
        Of a container: the path of the first key that is not text.
    user_classes : sequence of (path, name, hint)
        Where the first object of each class stands that is a user's own or derived from a library's, and what makes a
        plain value of it.

    Examples
    --------
    >>> info = ResultInfo(kinds=("image",), bands=("red", "nir"), shape=(2, 512, 512), dtype="uint16")
    >>> info.lazy, info.masked
    (False, None)
    """

    kinds: tuple[str, ...] = ()
    type_name: str = ""
    lazy: bool = False
    dtype: str | None = None
    dtypes: tuple[str, ...] | None = None
    shape: tuple[int, ...] | None = None
    bands: tuple[str, ...] | None = None
    band_kinds: tuple[str, ...] | None = None
    nodata: tuple[int | float | complex | None, ...] | None = None
    grid: GeoBox | None = attrs.field(default=None, repr=False)
    masked: bool | None = None
    bandinfo: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict, repr=False)
    properties: dict[str, Any] = attrs.field(factory=dict)
    size_bytes: int | None = None
    no_image: Sequence[Problem] = ()
    notes: Sequence[str] = ()
    other_key: str | None = None
    user_classes: Sequence[tuple[str, str, str]] = ()

    def as_mapping(self) -> dict[str, Any]:
        """As JSON: what is known, the grid by its CRS and transform.

        Examples
        --------
        >>> ResultInfo(kinds=("array",), shape=(3, 4), dtype="int16").as_mapping()
        {'kinds': ['array'], 'type': '', 'lazy': False, 'dtype': 'int16', 'shape': [3, 4]}
        """
        known: dict[str, Any] = {"kinds": list(self.kinds), "type": self.type_name, "lazy": self.lazy}
        for name in ("dtype", "size_bytes", "masked"):
            if getattr(self, name) is not None:
                known[name] = getattr(self, name)
        for name in ("dtypes", "shape", "bands"):
            if getattr(self, name) is not None:
                known[name] = list(getattr(self, name))
        if self.grid is not None:
            crs = self.grid.crs
            # A CRS read from a file comes as its whole WKT.
            known["crs"] = None if crs is None else f"EPSG:{crs.epsg}" if crs.epsg is not None else str(crs)
            known["transform"] = list(self.grid.affine)[:6]
        return known
