"""What GeoParquet says of a column of geometries: seen while they pass, written when all have passed."""

from __future__ import annotations

import json
from typing import Any

import attrs

__all__ = ["Geometries", "metadata_of"]

_SUFFIX = {2: "", 3: " Z"}


@attrs.define(kw_only=True)
class Geometries:
    """The types, bounds and coordinate system of a column.

    Attributes
    ----------
    crs : mapping or None
        PROJJSON; None where it is longitude and latitude as in GeoJSON, which GeoParquet takes for granted.
    unknown : bool
        Whether there is none at all, which GeoParquet writes as null.
    """

    crs: dict[str, Any] | None = None
    unknown: bool = False
    types: set[str] = attrs.field(factory=set)
    low: list[float] = attrs.field(factory=list)
    high: list[float] = attrs.field(factory=list)

    @classmethod
    def of(cls, crs: Any) -> Geometries:
        """Of a coordinate system as geopandas has it; None is none at all."""
        if crs is None:
            return cls(unknown=True)
        from pyproj import CRS  # 0.1 s, where there is one

        return cls(crs=CRS.from_user_input(crs).to_json_dict())

    def see(self, geometries: Any) -> None:
        """Take note of these; None and empty ones have neither type nor bounds."""
        import numpy as np  # shapely has it loaded
        import shapely  # 0.1 s, where there are geometries

        found = np.asarray(geometries, dtype=object)
        there = found[~shapely.is_missing(found)]
        solid = shapely.has_z(there)
        for name, is_solid in {(geometry.geom_type, bool(z)) for geometry, z in zip(there, solid, strict=True)}:
            self.types.add(name.replace("LinearRing", "LineString") + _SUFFIX[3 if is_solid else 2])
        points = shapely.get_coordinates(there)
        if len(points):
            low, high = points.min(axis=0).tolist(), points.max(axis=0).tolist()
            self.low = [min(pair) for pair in zip(self.low or low, low, strict=True)]
            self.high = [max(pair) for pair in zip(self.high or high, high, strict=True)]

    def described(self) -> dict[str, Any]:
        """As it stands in the file."""
        column: dict[str, Any] = {"encoding": "WKB", "geometry_types": sorted(self.types)}
        if self.crs is not None or self.unknown:
            column["crs"] = self.crs
        if self.low:
            column["bbox"] = [*self.low, *self.high]
        return column


def metadata_of(geometries: dict[str, Geometries]) -> bytes:
    """The value of the key ``geo``: https://geoparquet.org/releases/v1.1.0."""
    columns = {name: column.described() for name, column in geometries.items()}
    return json.dumps({"version": "1.1.0", "primary_column": next(iter(geometries)), "columns": columns}).encode()
