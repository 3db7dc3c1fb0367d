"""Specification of a product's bands as far as pixels depend on it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

import attrs

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from bourn_catalog.model.definition import Definition

__all__ = ["BandSpec", "alpha_of", "band_specs", "nodata_of_file"]


@attrs.frozen(kw_only=True)
class BandSpec:
    """One band of a product.

    Attributes
    ----------
    name : str
    dtype : numpy.dtype
        The product's own: uint8, uint16, int16, uint32, int32, float32 or float64.
    nodata : int, float or None
        Exact in the dtype.
    kind : "data", "class" or "mask"
        Only data are ever rescaled.
    is_alpha : bool
        Whether 0 means transparent in all bands.
    data_range, physical_range : (float, float) or None
        Stored values, and what they mean; either may be inverted.
    opaque : int, float or None
        Of an alpha band: the value that means fully opaque.
    unit, description : str or None
        What the file says of the band besides.
    """

    name: str
    dtype: np.dtype[Any]
    nodata: int | float | None = None
    kind: Literal["data", "class", "mask"] = "data"
    is_alpha: bool = False
    data_range: tuple[float, float] | None = None
    physical_range: tuple[float, float] | None = None
    opaque: int | float | None = None
    unit: str | None = None
    description: str | None = None

    @property
    def rescales(self) -> bool:
        """Whether stored and physical values differ by a scale and an offset."""
        ranges = self.data_range is not None and self.physical_range is not None
        return ranges and self.kind == "data" and not self.is_alpha

    @property
    def fill(self) -> int | float:
        """Value of masked pixels."""
        if self.is_alpha:
            return 0
        if self.nodata is not None:
            return self.nodata
        return math.nan if self.dtype.kind == "f" else 0

    @property
    def scale(self) -> float | None:
        """``physical = stored * scale + offset``; None where they are the same, or no float64 says it."""
        if not self.rescales:
            return None
        assert self.data_range is not None
        assert self.physical_range is not None
        (d0, d1), (p0, p1) = self.data_range, self.physical_range
        found = (p1 - p0) / (d1 - d0)
        return found if found and math.isfinite(found) and math.isfinite(p0 - d0 * found) else None

    @property
    def offset(self) -> float | None:
        """See `scale`."""
        if self.scale is None:
            return None
        assert self.data_range is not None
        assert self.physical_range is not None
        return self.physical_range[0] - self.data_range[0] * self.scale


def band_specs(product: Definition) -> tuple[BandSpec, ...]:
    """Return the specifications of a product's bands, in its order."""
    return tuple(
        BandSpec(
            name=band.name, dtype=band.dtype, nodata=band.nodata_value, kind=band.kind, is_alpha=band.is_alpha,
            data_range=band.data_range, physical_range=band.physical_range, opaque=band.opaque,
            unit=band.unit, description=band.description or None,
        )
        for band in product.bands
    )  # fmt: skip


def alpha_of(specs: Sequence[BandSpec]) -> int | None:
    """Return the index of the alpha band, if there is exactly one."""
    found = [index for index, spec in enumerate(specs) if spec.is_alpha]
    return found[0] if len(found) == 1 else None


def nodata_of_file(specs: Sequence[BandSpec]) -> int | float | None:
    """Return the nodata value of all bands but alpha, since a TIFF has one for all; None if they differ."""
    values = [spec.nodata for spec in specs if not spec.is_alpha]
    first = values[0] if values else None
    same = all(value == first or (value != value and first != first) for value in values)  # noqa: PLR0124  # NaN
    return first if same else None
