"""The bands of a product: what their pixels mean, and how they are stored."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import attrs
from bourn.plugin import Problem, RequestError, normalize, option

from bourn_catalog.model.dtypes import DATA_TYPES, canonical, dtype_of, holds, limits_of, number_of

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Band", "ClassBand", "GenericBand", "MaskBand", "MicrowaveBand", "SpectralBand"]

Range = tuple[float, float]
Kind = Literal["data", "class", "mask"]

EXACT = 2**53
"""Beyond it not every whole number is a float."""


def _named(value: Any) -> Any:
    """NaN and the infinities by the names that STAC gives them: JSON has no digits for them, and NaN is not itself."""
    if not issubclass(type(value), float) or math.isfinite(value):
        return value
    return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"


@attrs.frozen(kw_only=True)
class Band:
    """What all bands have in common.

    Raises
    ------
    RequestError
        With everything that is wrong, each with the field as its path.
    """

    type: ClassVar[str] = ""
    kind: ClassVar[Kind] = "data"

    name: str = option(
        help="The band's name; images are matched to the product by it.", min_length=1, max_length=255,
        check=lambda text: None if text.isprintable() and text == text.strip() else "expected printable text",
    )  # fmt: skip
    data_type: str = option(
        help="How its pixels are stored; numpy's names do as well.",
        choices=[*DATA_TYPES, "uint8"],  # the others differ from numpy's in case only
    )
    nodata: int | float | Literal["nan", "inf", "-inf"] | None = option(
        default=None, help="The value of pixels without data; exact in the data type."
    )
    data_range: Range | None = option(default=None, help="The stored values at the ends of physical_range.")
    physical_range: Range | None = option(
        default=None, help="The physical values that the ends of data_range stand for; inverted for a negative slope."
    )
    display_range: Range | None = option(default=None, help="What to show as black and white, in stored values.")
    unit: str | None = option(default=None, max_length=255, help="The unit of the physical values.")
    description: str = option(default="", max_length=2000, help="For people.")

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "data_type", canonical(self.data_type))
        object.__setattr__(self, "nodata", _named(self.nodata))
        problems = normalize(self)
        object.__setattr__(self, "data_type", canonical(self.data_type))
        if not problems:
            problems = list(self._faults())
        if problems:
            raise RequestError(problems, about=f"{type(self).__name__}({self.name!r})")

    @property
    def dtype(self) -> Any:
        """The numpy dtype of its pixels."""
        return dtype_of(self.data_type)

    @property
    def nodata_value(self) -> int | float | None:
        """The nodata value as a number; None without one."""
        return None if self.nodata is None else number_of(self.nodata)

    @property
    def is_alpha(self) -> bool:
        """Whether it says where the product's pixels are opaque."""
        return False

    @property
    def opaque(self) -> int | float | None:
        """Of an alpha band the value of opaque pixels."""
        return None

    def _faults(self) -> Iterator[Problem]:
        """What is wrong with several fields together; each alone is right."""
        if self.nodata is not None and not holds(self.data_type, number_of(self.nodata)):
            yield Problem("nodata", _unheld(self.nodata, self.data_type))
        for name in ("data_range", "physical_range", "display_range"):
            ends = getattr(self, name)
            if ends is not None and ends[0] == ends[1]:
                yield Problem(name, f"expected two different numbers, got {_spelled(ends[0])} twice")
        least, most = limits_of(self.data_type)
        for end in self.data_range or ():
            if not least <= end <= most:
                yield Problem(
                    "data_range", f"{self.data_type} holds {_spelled(least)} to {_spelled(most)}, got {_spelled(end)}"
                )


@attrs.frozen(kw_only=True)
class SpectralBand(Band):
    """A band of light."""

    type: ClassVar[str] = "spectral"

    common_name: str | None = option(default=None, max_length=64, help="Such as `red` or `nir`, as STAC has it.")
    wavelength_nm_center: float | None = option(default=None, gt=0, unit="nm", help="Its centre.")
    wavelength_nm_fwhm: float | None = option(default=None, gt=0, unit="nm", help="Its full width at half maximum.")
    wavelength_nm_min: float | None = option(default=None, gt=0, unit="nm", help="Its short end.")
    wavelength_nm_max: float | None = option(default=None, gt=0, unit="nm", help="Its long end.")

    def _faults(self) -> Iterator[Problem]:
        yield from super()._faults()
        low, high = self.wavelength_nm_min, self.wavelength_nm_max
        if low is not None and high is not None and low >= high:
            yield Problem("wavelength_nm_max", f"expected more than wavelength_nm_min, {low:g}, got {high:g}")


@attrs.frozen(kw_only=True)
class MicrowaveBand(Band):
    """A band of a radar."""

    type: ClassVar[str] = "microwave"

    frequency: float | None = option(default=None, gt=0, unit="GHz", help="Its centre frequency.")
    bandwidth: float | None = option(default=None, gt=0, unit="GHz", help="Its width.")
    polarization: str | None = option(default=None, max_length=16, help="Such as `VV` or `VH`.")


@attrs.frozen(kw_only=True)
class ClassBand(Band):
    """A band of classes: its numbers are names, so they are never rescaled, and never averaged."""

    type: ClassVar[str] = "class"
    kind: ClassVar[Kind] = "class"

    class_labels: tuple[str, ...] | None = option(
        default=None, max_length=65_536, help="The names of the classes 0, 1, 2, ..."
    )
    colormap: tuple[tuple[int, int, int, int], ...] | None = option(
        default=None, ge=0, le=255, max_length=65_536, help="Red, green, blue and alpha of each class."
    )

    def _faults(self) -> Iterator[Problem]:
        yield from super()._faults()
        yield from _unscaled(self, "classes")


@attrs.frozen(kw_only=True)
class GenericBand(Band):
    """A band of anything else: a height, an index, a probability."""

    type: ClassVar[str] = "generic"


@attrs.frozen(kw_only=True)
class MaskBand(Band):
    """A band of yes and no, or, with `is_alpha`, of where the product's pixels are opaque."""

    type: ClassVar[str] = "mask"
    kind: ClassVar[Kind] = "mask"

    data_range: Range | None = option(default=(0.0, 1.0), help="No and yes; of an alpha band transparent and opaque.")
    is_alpha: bool = option(default=False, help="Whether it says where the pixels of all other bands are opaque.")

    @property
    def opaque(self) -> int | float | None:
        """Of an alpha band the value of opaque pixels."""
        if not self.is_alpha or self.data_range is None:
            return None
        end = self.data_range[1]
        return int(end) if end == int(end) else end

    def _faults(self) -> Iterator[Problem]:
        yield from super()._faults()
        yield from _unscaled(self, "a mask")
        if not self.is_alpha:
            return
        if self.data_range is None:
            yield Problem("data_range", "is required of an alpha band: its second number is opaque")
        elif self.opaque == 0 or self.data_range[0] != 0:
            yield Problem("data_range", "expected 0, for transparent, and then what is opaque")
        elif not holds(self.data_type, self.data_range[1]):
            yield Problem("data_range", _unheld(self.data_range[1], self.data_type))
        elif self.nodata == self.opaque:
            yield Problem("nodata", f"{self.nodata} is what opaque pixels have")


def _unscaled(band: Band, what: str) -> Iterator[Problem]:
    if band.physical_range is not None:
        yield Problem("physical_range", f"{what} can't be rescaled: leave it out")


def _unheld(value: float | str, data_type: str) -> str:
    least, most = limits_of(data_type)
    if dtype_of(data_type).kind != "f":
        return f"{data_type} holds whole numbers from {_spelled(least)} to {_spelled(most)}, got {_spelled(value)}"
    if not least <= number_of(value) <= most:
        return f"{data_type} holds {_spelled(least)} to {_spelled(most)}, got {_spelled(value)}"
    near = float(dtype_of(data_type).type(number_of(value)))
    return f"{data_type} does not hold {_spelled(value)} exactly; the nearest is {near!r}"


def _spelled(number: float | str) -> str:
    return (
        str(int(number)) if isinstance(number, float) and number.is_integer() and abs(number) < EXACT else str(number)
    )
