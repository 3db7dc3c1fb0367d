"""A product's bands as STAC tells them: ``bands`` of 1.1, and ``eo:bands`` for clients that go by names.

odc-stac takes the names of bands from ``eo:bands`` only, and rio-tiler prefers an ``eo:common_name`` within ``bands``
to the band's own name, so that there is none.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from bourn_catalog.model.bands import ClassBand, SpectralBand
from bourn_catalog.pixels.band_spec import band_specs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bourn_catalog.model.definition import Definition

__all__ = ["EXTENSIONS", "extensions_of", "of_asset"]

EXTENSIONS = {
    "classification": "https://stac-extensions.github.io/classification/v2.0.0/schema.json",
    "eo": "https://stac-extensions.github.io/eo/v1.1.0/schema.json",
    "file": "https://stac-extensions.github.io/file/v2.1.0/schema.json",
    "projection": "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
    "raster": "https://stac-extensions.github.io/raster/v2.0.0/schema.json",
}

COMMON_NAMES = frozenset(
    "coastal blue green red rededge yellow pan nir nir08 nir09 cirrus swir16 swir22 lwir lwir11 lwir12".split()  # noqa: SIM905  # reads better
)
"""Those that eo 1.1 knows; it takes no others."""


def extensions_of(product: Definition, *names: str) -> list[str]:
    """The URIs of these extensions, and of those that the bands need."""
    wanted = {*names, "raster", "eo"} | ({"classification"} if any(map(_classes, product.bands)) else set())
    return [EXTENSIONS[name] for name in sorted(wanted)]


def of_asset(
    product: Definition, statistics: Sequence[Mapping[str, Any] | None] | None = None, *, sampling: str = "area"
) -> dict[str, Any]:
    """``bands`` and ``eo:bands``, in the order of the file.

    Parameters
    ----------
    product : Definition
    statistics : sequence of mapping or None
        One a band: minimum, maximum, mean, stddev, valid_percent.
    sampling : "area" or "point"
        What a pixel stands for.
    """
    described = []
    for index, (band, spec) in enumerate(zip(product.bands, band_specs(product), strict=True)):
        facts: dict[str, Any] = {"name": band.name, "data_type": spec.dtype.name}
        if band.description:
            facts["description"] = band.description
        if band.nodata is not None and band.kind != "mask":
            facts["nodata"] = band.nodata
        if band.unit:
            facts["unit"] = band.unit
        known = _finite(statistics[index]) if statistics is not None else {}
        if known:
            facts["statistics"] = known
        if spec.scale is not None:
            facts |= {"raster:scale": spec.scale, "raster:offset": spec.offset}
        facts["raster:sampling"] = sampling
        if classes := _classes(band):
            facts["classification:classes"] = classes
        described.append(facts)
    return {"bands": described, "eo:bands": [_of_light(band) for band in product.bands]}


def _finite(statistics: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: number for name, number in (statistics or {}).items() if math.isfinite(number)}


def _of_light(band: Any) -> dict[str, Any]:
    facts: dict[str, Any] = {"name": band.name}
    if not isinstance(band, SpectralBand):
        return facts
    if band.common_name in COMMON_NAMES:
        facts["common_name"] = band.common_name
    # STAC counts in micrometres.
    if band.wavelength_nm_center is not None:
        facts["center_wavelength"] = band.wavelength_nm_center / 1000
    if band.wavelength_nm_fwhm is not None:
        facts["full_width_half_max"] = band.wavelength_nm_fwhm / 1000
    return facts


def _classes(band: Any) -> list[dict[str, Any]]:
    """The classes of a band, if it has any that are named or coloured."""
    if not isinstance(band, ClassBand):
        return []
    labels, colours = band.class_labels or (), band.colormap or ()
    found = []
    for value in range(max(len(labels), len(colours))):
        title = labels[value] if value < len(labels) else ""
        name = re.sub(r"[^0-9A-Za-z_-]+", "_", title).strip("_") or f"class_{value}"
        described: dict[str, Any] = {"value": value, "name": name}
        if title and title != name:
            described["title"] = title
        if value < len(colours):
            described["color_hint"] = "".join(f"{part:02X}" for part in colours[value][:3])
        found.append(described)
    return found
