"""A block of an image as the file's pixels: dtypes that TIFF has, masks applied, what is lost counted.

Nothing is shared between blocks, so that several threads may work on them at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from bourn_formats.raster.statistics import Statistics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bourn_formats.raster.profile import Profile

__all__ = ["Block", "Tally", "add_up", "counted", "prepared", "seen", "tallied"]

Array = np.ndarray[Any, Any]


class Block(NamedTuple):
    """Pixels as they stand in the file.

    Attributes
    ----------
    pixels : (band, y, x) array
        Of the file's dtype; perhaps a view of the caller's.
    invalid : (band or 1, y, x) bool array or None
        What reads as no data; None if nothing does.
    losses : mapping of str to (band, y, x) bool array
        Valid pixels that are lost, by kind.
    """

    pixels: Array
    invalid: Array | None
    losses: dict[str, Array]


class Tally(NamedTuple):
    """What is to be said of the pixels of a block, one a band.

    Attributes
    ----------
    counts : dict of str to list of int
    statistics : sequence of Statistics
    """

    counts: dict[str, list[int]]
    statistics: Sequence[Statistics]


def prepared(pixels: Array, mask: Array | None, profile: Profile) -> Block:
    """Pixels of the image as those of the file.

    Parameters
    ----------
    pixels : (band, y, x) array
    mask : (band, y, x) or (y, x) bool array, or None
        True where masked.
    profile : Profile
    """
    if pixels.dtype != profile.dtype:
        pixels = pixels.astype(profile.dtype)
    if profile.masking == "internal":
        return _joined(pixels, mask, profile)
    if profile.masking == "none" or mask is None:
        return seen(pixels, None, profile)
    nodata = np.array(profile.nodata).astype(pixels.dtype)
    equal = pixels == nodata
    losses = {"nodata_clash": equal & ~mask} if equal.any() else {}
    if mask.any():
        pixels = np.where(_meant(mask, pixels.shape, profile), nodata, pixels)
    return seen(pixels, None, profile)._replace(losses=losses)


def seen(pixels: Array, masked: Array | None, profile: Profile) -> Block:
    """Pixels of the file as a reader sees them, `masked` being those that its mask leaves out."""
    if masked is not None:
        return Block(pixels, masked[None] if masked.any() else None, {})
    if profile.nodata is None or pixels.dtype.kind == "c":
        return Block(pixels, None, {})
    nodata = np.array(profile.nodata).astype(pixels.dtype)
    invalid = pixels == nodata if nodata == nodata else pixels != pixels  # noqa: PLR0124  # NaN
    if not invalid.any():
        return Block(pixels, None, {})
    return Block(pixels, _meant(invalid, pixels.shape, profile), {})


def _meant(masked: Array, shape: tuple[int, ...], profile: Profile) -> Array:
    """(band, y, x) or (y, x) bool: `masked`, less the bands for which the file's nodata value is not meant."""
    if not any(profile.plain):
        return masked
    kept = np.broadcast_to(masked, shape).copy()
    kept[list(profile.plain)] = False
    return kept


def _joined(pixels: Array, mask: Array | None, profile: Profile) -> Block:
    """With one mask for all bands: a pixel masked in any of them never reads as valid."""
    layers = []
    for index, (layer, value) in enumerate(zip(pixels, profile.missing, strict=True)):
        masked = None if mask is None else mask if mask.ndim == 2 else mask[index]  # noqa: PLR2004  # (y, x)
        if value is not None:
            equal = (layer == value) if value == value else (layer != layer)  # noqa: PLR0124  # NaN
            masked = equal if masked is None else masked | equal
        layers.append(masked)
    first = layers[0]
    if all(layer is first for layer in layers):
        return Block(pixels, first[None] if first is not None and first.any() else None, {})
    # None where a band has no nodata value of its own, and the image no mask.
    own = np.stack([np.zeros(pixels.shape[1:], bool) if layer is None else layer for layer in layers])
    everywhere = np.logical_or.reduce(own)
    if not everywhere.any():
        return Block(pixels, None, {})
    return Block(pixels, everywhere[None], {"hidden": everywhere & ~own})


def tallied(block: Block, profile: Profile) -> Tally:
    """Counts and statistics of a block."""
    statistics = [Statistics() for _ in profile.bands]
    add_up(block, statistics)
    return Tally(counted(block), statistics)


def counted(block: Block) -> dict[str, list[int]]:
    """How many valid pixels are lost, by kind, one number a band."""
    return {kind: [int(np.count_nonzero(layer)) for layer in lost] for kind, lost in block.losses.items()}


def add_up(block: Block, statistics: Sequence[Statistics]) -> None:
    """Take a block into account in the statistics of each band; complex numbers have none."""
    if block.pixels.dtype.kind == "c":
        return
    for index, layer in enumerate(block.pixels):
        # The invalid pixels of each band, or the same ones for all.
        invalid = None if block.invalid is None else block.invalid[index % len(block.invalid)]
        statistics[index].add(layer, invalid)
