"""A block of an image as the file's pixels: dtypes that TIFF has, masks applied, counted and added up on the way.

The same rules as `pixels.Passage` has for whole strips, for blocks that several threads work on at once: what is
counted is given back with each block, and nothing is shared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from bourn_formats.raster.statistics import Statistics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bourn_formats.raster.profile import Profile

__all__ = ["Block", "Tally", "meant", "prepared", "seen", "tallied"]

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
        pixels = np.where(meant(mask, pixels.shape, profile), nodata, pixels)
    return seen(pixels, None, profile)._replace(losses=losses)


def seen(pixels: Array, valid: Array | None, profile: Profile) -> Block:
    """Pixels of the file as a reader sees them, `valid` being those of its mask."""
    if valid is not None:
        return Block(pixels, None if valid.all() else ~valid[None], {})
    if profile.nodata is None or pixels.dtype.kind == "c":
        return Block(pixels, None, {})
    nodata = np.array(profile.nodata).astype(pixels.dtype)
    invalid = pixels == nodata if nodata == nodata else pixels != pixels  # noqa: PLR0124  # NaN
    if not invalid.any():
        return Block(pixels, None, {})
    return Block(pixels, meant(invalid, pixels.shape, profile), {})


def meant(masked: Array, shape: tuple[int, ...], profile: Profile) -> Array:
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
    counts = {kind: [int(np.count_nonzero(layer)) for layer in lost] for kind, lost in block.losses.items()}
    statistics = [Statistics() for _ in profile.bands]
    if block.pixels.dtype.kind != "c":
        for index, layer in enumerate(block.pixels):
            invalid = None if block.invalid is None else block.invalid[index % len(block.invalid)]
            statistics[index].add(layer, invalid, None)
    return Tally(counts, statistics)
