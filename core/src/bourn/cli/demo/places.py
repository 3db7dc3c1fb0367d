"""Features for ``bourn demo``: villages of the valley that the scene shows."""

from __future__ import annotations

from typing import Any

__all__ = ["Places"]

_PLACES = (("Upper village", -105.93, 35.70, 420), ("Mill", -105.96, 35.68, 12), ("Lower village", -105.99, 35.66, 980))


class Places:
    """Points with a name and a number of inhabitants, in longitude and latitude."""

    @property
    def __geo_interface__(self) -> dict[str, Any]:
        """A collection of features, as GeoJSON has it."""
        features = [
            {
                "type": "Feature",
                "geometry": {"type": "Point", "coordinates": [longitude, latitude]},
                "properties": {"name": name, "inhabitants": inhabitants},
            }
            for name, longitude, latitude, inhabitants in _PLACES
        ]
        return {"type": "FeatureCollection", "features": features}
