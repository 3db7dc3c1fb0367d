"""A CRS from the forms in which libraries have it."""

from __future__ import annotations

from typing import Any

import numpy as np

from bourn.wording import shown

__all__ = ["crs_of"]


def crs_of(given: Any) -> Any:
    """The `odc.geo.crs.CRS` that `given` is.

    Parameters
    ----------
    given : object
        A text (``EPSG:32633``, WKT, PROJ, PROJJSON), a number (of EPSG), a mapping (of PROJ, PROJJSON or CF's grid
        mapping attributes), or an object of pyproj, rasterio or odc-geo.

    Raises
    ------
    ValueError
        It is not a CRS.
    """
    import pyproj  # odc.geo has loaded it
    from odc.geo.crs import CRS  # 0.5 s

    if isinstance(given, CRS):
        return given
    value = given.item() if isinstance(given, np.generic | np.ndarray) and np.size(given) == 1 else given
    try:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, dict) and "grid_mapping_name" in value:
            return CRS(pyproj.CRS.from_cf(value))
        if isinstance(value, str) and value.strip().isdigit():
            value = int(value)
        # odc-geo takes codes of pyproj's and rasterio's objects, and keeps the definition of those that have none.
        return CRS(value if hasattr(type(value), "to_wkt") else pyproj.CRS.from_user_input(value))
    except (pyproj.exceptions.CRSError, ValueError, TypeError, KeyError, AttributeError) as cause:
        msg = f"expected a CRS, such as 'EPSG:32633', got {shown(given)}"
        raise ValueError(msg) from cause
