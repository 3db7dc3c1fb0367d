"""Facts of bands in xarray objects: nodata, scale, offset, unit, kind, description, in coordinates and attributes.

`Image.to_xarray` writes them as coordinates along ``band``, so that selecting, reordering and joining bands keep them
with their band. Other producers have them in attributes and encodings, by the conventions of CF, GDAL and rioxarray.
"""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from bourn.wording import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["FACTS", "MASK", "BandFacts", "kept_attributes"]

MASK = "masked"
"""The coordinate, True where masked, of pixels that no value can say it of. (A coordinate ``mask`` of others is often
True where a pixel is valid.)"""

FACTS = ("kind", "nodata", "scale", "offset", "unit", "description", "color", "opaque")
"""Facts of a band, which are also the names of the coordinates along ``band`` that hold them."""

DECODED = ("_FillValue", "missing_value", "scale_factor", "add_offset")
"""Keys that xarray moves to the encoding when it has applied them."""

FILLS = ("_FillValue", "missing_value", "fill_value", "nodata")
"""Attributes whose values mean no data."""

LISTS = {"nodata": "nodatavals", "scale": "scales", "offset": "offsets", "unit": "units",
         "description": "descriptions", "kind": "kinds"}  # fmt: skip
"""Attributes that hold one value a band, as xarray's reader of rasters named them."""

CONSUMED = frozenset({
    *DECODED, *FILLS, *LISTS.values(), "unit", "long_name", "grid_mapping", "crs", "crs_wkt", "area", "epsg",
    "transform", "res", "is_tiled", "flag_values", "flag_meanings", "coordinates", "date",
})  # fmt: skip
"""Attributes that an image holds in another way, or that are stale after a slice."""


def kept_attributes(attributes: Mapping[Any, Any]) -> dict[str, Any]:
    """The attributes that an image keeps as properties: plain ones that are not about bands or the grid."""
    return {
        key: value
        for key, value in attributes.items()
        if isinstance(key, str) and key not in CONSUMED and _is_plain(value, 0)
    }


def _is_plain(value: Any, level: int) -> bool:
    if isinstance(value, dict):
        return level < 20 and all(isinstance(k, str) and _is_plain(v, level + 1) for k, v in value.items())  # noqa: PLR2004  # levels
    if isinstance(value, list | tuple):
        return level < 20 and all(_is_plain(item, level + 1) for item in value)  # noqa: PLR2004  # levels
    scalar = bool | int | float | complex | str | bytes | np.generic | dt.date | dt.timedelta
    return value is None or isinstance(value, scalar)


@attrs.define
class BandFacts:
    """Reads the facts of the bands of a DataArray.

    Attributes
    ----------
    array : xarray.DataArray
        With the dimensions of an image.
    band_dim : str or None
        The dimension of its bands.
    dtype : numpy.dtype
        Of the pixels.
    count : int
        Of bands.
    names_are_long_name : bool
        Whether the attribute ``long_name`` holds the names of the bands, and so describes nothing.
    notes : list of str
        What looks like a fact and is not understood.
    """

    array: Any
    band_dim: str | None
    dtype: np.dtype[Any]
    count: int
    names_are_long_name: bool = False
    notes: list[str] = attrs.field(factory=list)

    @property
    def decoded(self) -> bool:
        """Whether the pixels are physical values, NaN where nodata was: then the encoding describes a file."""
        return self.dtype.kind in "fc" and any(self.array.encoding.get(key) is not None for key in DECODED)

    def read(self) -> tuple[list[dict[str, Any]], list[tuple[Any, ...]]]:
        """The facts of each band, and the further values that mask its pixels besides ``nodata``."""
        columns = {fact: self._column(fact) for fact in FACTS}
        fills = self._fills()
        facts, others = [], []
        for index in range(self.count):
            of_band = {fact: column[index] for fact, column in columns.items()}
            values = self._nodata_of(of_band["nodata"], fills)
            of_band["nodata"] = values[0] if values else None
            others.append(tuple(values[1:]))
            if self.decoded:
                of_band["nodata"] = math.nan if of_band["nodata"] is None else of_band["nodata"]
            of_band["scale"] = self._number(of_band["scale"], "scale_factor", without=1)
            of_band["offset"] = self._number(of_band["offset"], "add_offset", without=0)
            of_band["kind"] = self._kind(of_band["kind"])
            of_band["description"] = of_band["description"] or self._long_name()
            facts.append({key: value for key, value in of_band.items() if value is not None and value != ""})
        return facts, others

    # -- one value a band ---------------------------------------------------------------------------------------

    def _column(self, fact: str) -> list[Any]:
        """What the coordinate of a fact, else the attribute that lists it, has for each band."""
        coordinate = self._coordinate(fact)
        if coordinate is not None:
            # A scalar is what all bands share: xarray joins bands so where their values are equal.
            values = np.broadcast_to(coordinate.values, (self.count,)).tolist()
            return [None if value != value else value for value in values]  # noqa: PLR0124  # NaN
        name = LISTS.get(fact)
        value = self.array.attrs.get(name) if name is not None else None
        if isinstance(value, np.ndarray):
            value = value.tolist()
        if isinstance(value, list | tuple):
            return self._by_position(str(name), value)
        if fact == "unit":
            value = value if value is not None else self.array.attrs.get("unit")
            value = value if isinstance(value, str) else None
        return [value] * self.count

    def _coordinate(self, fact: str) -> Any:
        coordinate = self.array.coords.get(fact)
        if coordinate is None or fact in self.array.dims:
            return None
        fits = coordinate.ndim == 0 or coordinate.dims == (self.band_dim,)
        if not fits or not _suits(fact, coordinate.dtype):
            if coordinate.ndim <= 1:
                self.notes.append(f"the coordinate {fact} is not that of a band, and left out")
            return None
        return coordinate

    def _by_position(self, name: str, values: Sequence[Any]) -> list[Any]:
        """The items of a list that belong to these bands: by the numbers of a file's bands where there are any."""
        numbers = self._band_numbers()
        if numbers is not None and max(numbers) <= len(values):
            return [values[number - 1] for number in numbers]
        if len(values) == self.count:
            return list(values)
        self.notes.append(f"the attribute {name} has {len(values)} values for {self.count} bands, and is left out")
        return [None] * self.count

    def _band_numbers(self) -> list[int] | None:
        coordinate = self.array.coords.get(self.band_dim or "band")
        if coordinate is None or coordinate.ndim > 1 or coordinate.dtype.kind not in "iu":
            return None
        numbers = np.atleast_1d(coordinate.values).tolist()
        return numbers if len(numbers) == self.count and min(numbers, default=0) >= 1 else None

    # -- one value for all bands ----------------------------------------------------------------------------------

    def _fills(self) -> list[Any]:
        """The values of attributes and encoding that mean no data, in order."""
        found = [value for key in FILLS for value in _values(self.array.attrs.get(key))]
        if not self.decoded:
            encoding = self.array.encoding
            found += [value for key in ("_FillValue", "missing_value") for value in _values(encoding.get(key))]
        return found

    def _nodata_of(self, own: Any, fills: list[Any]) -> list[Any]:
        """The distinct values, exact in the dtype, that mean no data in a band."""
        own_alone = own is not None or self._coordinate("nodata") is not None
        given = fills if not own_alone else [] if own is None else [own]
        found: list[Any] = []
        for value in given:
            held = self._held(value)
            if held is not None and not any(held == other or (held != held and other != other) for other in found):  # noqa: PLR0124  # NaN
                found.append(held)
        if self.dtype.kind in "fc":
            # NaN masks in any case; as nodata it is what stands beneath the mask where no other value does.
            finite = [value for value in found if value == value]  # noqa: PLR0124  # NaN
            return finite or [math.nan]
        return found

    def _held(self, value: Any) -> Any:
        """`value` as the pixels can hold it; None where it masks nothing. A number that they can't hold is kept."""
        if isinstance(value, bool | str | bytes) or not isinstance(value, int | float | complex):
            self._note_once(f"{shown(value)} is no value for no data, and left out")
            return None
        if self.dtype.kind in "fc":
            with np.errstate(over="ignore"):
                return self.dtype.type(value).item()  # float32 pixels hold the value as float32
        if value != value:  # noqa: PLR0124  # NaN, which odc-geo and rioxarray leave behind after astype(int)
            return None
        if self.dtype.kind == "b" and value not in {0, 1}:
            name = next((key for key in FILLS if key in self.array.attrs), "nodata")
            self._note_once(f"the attribute {name} is left out: {shown(value)} is not a bool")
            return None
        return value  # one that is not exact in the dtype is refused as the image is made

    def _number(self, own: Any, shared: str, *, without: float) -> Any:
        if self.decoded:
            return None
        value = self.array.attrs.get(shared) if own is None else own
        value = value.item() if isinstance(value, np.generic | np.ndarray) and np.size(value) == 1 else value
        if value is None or (isinstance(value, int | float) and value == without):
            return None
        if isinstance(value, str | bool):
            self._note_once(f"{shared} is {shown(value)}, which is not a number, and left out")
            return None
        return value

    def _kind(self, own: Any) -> str | None:
        if own in {"data", "class", "mask"}:
            return str(own)
        is_class = "flag_values" in self.array.attrs and "flag_meanings" in self.array.attrs
        return "class" if is_class and self.dtype.kind != "b" else None

    def _long_name(self) -> str | None:
        value = self.array.attrs.get("long_name")
        return value if isinstance(value, str) and not self.names_are_long_name else None

    def _note_once(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)


def _suits(fact: str, dtype: np.dtype[Any]) -> bool:
    numeric = fact in {"nodata", "scale", "offset", "opaque"}
    return dtype.kind in ("iufcO" if numeric else "UTO")


def _values(value: Any) -> list[Any]:
    if value is None:
        return []
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    return list(value) if isinstance(value, list | tuple) else [value]
