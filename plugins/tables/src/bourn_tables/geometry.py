"""Metadata of columns of geometries, gathered while the rows are written: GeoParquet 1.1."""

from __future__ import annotations

import json
from typing import Any

import attrs

__all__ = ["Geometries", "geoparquet_metadata"]

_SUFFIX = {2: "", 3: " Z"}


@attrs.define(kw_only=True)
class Geometries:
    """The types, bounds and coordinate system of a column.

    Attributes
    ----------
    crs : mapping or None
        PROJJSON; None for longitude and latitude as in GeoJSON, the default of GeoParquet.
    unknown : bool
        Whether there is no CRS, which GeoParquet writes as null.
    """

    crs: dict[str, Any] | None = None
    unknown: bool = False
    types: set[str] = attrs.field(factory=set)
    low: list[float] = attrs.field(factory=list)
    high: list[float] = attrs.field(factory=list)

    @classmethod
    def of(cls, crs: Any) -> Geometries:
        """Return the metadata for a CRS of pyproj, or for None: no CRS."""
        if crs is None:
            return cls(unknown=True)
        from pyproj import CRS  # 0.1 s

        return cls(crs=CRS.from_user_input(crs).to_json_dict())

    def add(self, geometries: Any) -> None:
        """Add the types and bounds of geometries; None has neither."""
        import numpy as np  # shapely has loaded it
        import shapely  # 0.1 s

        found = np.asarray(geometries, dtype=object)
        present = found[~shapely.is_missing(found)]
        has_z = shapely.has_z(present)
        for name, is_solid in {(geometry.geom_type, bool(z)) for geometry, z in zip(present, has_z, strict=True)}:
            self.types.add(name.replace("LinearRing", "LineString") + _SUFFIX[3 if is_solid else 2])
        points = shapely.get_coordinates(present)
        if len(points):
            low, high = points.min(axis=0).tolist(), points.max(axis=0).tolist()
            self.low = [min(pair) for pair in zip(self.low or low, low, strict=True)]
            self.high = [max(pair) for pair in zip(self.high or high, high, strict=True)]

    @property
    def crs_name(self) -> str | None:
        """The name of the CRS; None if it is unknown."""
        if self.crs is None:
            return None if self.unknown else "OGC:CRS84"
        known = self.crs.get("id")
        return f"{known['authority']}:{known['code']}" if known else self.crs.get("name")

    def as_mapping(self) -> dict[str, Any]:
        """Return the column's entry in the metadata."""
        column: dict[str, Any] = {"encoding": "WKB", "geometry_types": sorted(self.types)}
        if self.crs is not None or self.unknown:
            column["crs"] = self.crs
        if self.low:
            column["bbox"] = [*self.low, *self.high]
        return column


def geoparquet_metadata(geometries: dict[str, Geometries], covering: str | None) -> bytes:
    """Return the value of the key ``geo``: https://geoparquet.org/releases/v1.1.0.

    Parameters
    ----------
    geometries : mapping of str to Geometries
        The first is the main column.
    covering : str or None
        The column with the bounding boxes of the main column.
    """
    columns = {name: column.as_mapping() for name, column in geometries.items()}
    main = next(iter(geometries))
    if covering is not None:
        columns[main]["covering"] = {"bbox": {side: [covering, side] for side in ("xmin", "ymin", "xmax", "ymax")}}
    return json.dumps({"version": "1.1.0", "primary_column": main, "columns": columns}).encode()
