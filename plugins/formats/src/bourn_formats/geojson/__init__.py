"""The format geojson: features as GeoJSON."""

from bourn_formats.geojson.plugin import GeoJSON

__all__ = ["GeoJSON"]
