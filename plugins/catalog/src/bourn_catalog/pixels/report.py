"""What is said of the pixels that passed: on the receipt, and where a loss is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bourn_catalog.pixels.count import INFORMATION, LOSSES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bourn_catalog.pixels.band_spec import BandSpec
    from bourn_catalog.pixels.count import Counts

__all__ = ["refusal", "reported", "warnings"]

MEANINGS = {
    "clipped": "beyond the limits of the dtype, set to the limit",
    "infinite": "infinite, and masked",
    "nodata_clash": "valid, and read as nodata",
    "hidden": "valid, and transparent through another band's mask",
    "collapsed": "no whole numbers, rounded into fewer than 10 stored steps: rescale them first",
}


def reported(specs: Sequence[BandSpec], counts: Sequence[Counts], notes: Sequence[str]) -> dict[str, Any]:
    """The report: ``lost`` and ``counted`` by kind and band, where there are any, ``valid`` by band, ``notes``.

    Examples
    --------
    >>> import numpy as np
    >>> from bourn_catalog.pixels.count import Counts
    >>> from bourn_catalog.pixels.band_spec import BandSpec
    >>> reported([BandSpec(name="red", dtype=np.dtype("u1"), nodata=0)], [Counts(valid=4, clipped=3, nan=1)], [])
    {'lost': {'clipped': {'red': 3}}, 'counted': {'nan': {'red': 1}}, 'valid': {'red': 4}, 'notes': []}
    """
    lost: dict[str, dict[str, int]] = {}
    counted: dict[str, dict[str, int]] = {}
    for names, kinds in ((LOSSES, lost), (INFORMATION, counted)):
        for name in names:
            found = {
                spec.name: n for spec, count in zip(specs, counts, strict=True) if (n := int(getattr(count, name)))
            }
            if found:
                kinds[name] = found
    valid = {spec.name: count.valid for spec, count in zip(specs, counts, strict=True) if not spec.is_alpha}
    empty = ["every pixel is masked"] if not any(valid.values()) else []
    return {"lost": lost, "counted": counted, "valid": valid, "notes": [*notes, *empty]}


def warnings(report: Mapping[str, Any]) -> list[str]:
    """One sentence for each kind of loss that stands in a report.

    Examples
    --------
    >>> warnings({"lost": {"clipped": {"red": 3, "nir": 1}}})
    ['clipped: 3 in red, 1 in nir (beyond the limits of the dtype, set to the limit)']
    """
    found = []
    for kind, by_band in report.get("lost", {}).items():
        bands = ", ".join(f"{number:,} in {name}" for name, number in by_band.items())
        found.append(f"{kind}: {bands} ({MEANINGS[kind]})")
    return found


def refusal(report: Mapping[str, Any]) -> str:
    """Why an image that lost anything is refused; an empty text if it did not."""
    lost = warnings(report)
    return "pixels would be lost, and on_loss is 'error': " + "; ".join(lost) if lost else ""
