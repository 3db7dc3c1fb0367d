"""Convert blocks of an image to pixels of the file: apply masks, count lost pixels, gather statistics.

Blocks share nothing, so that threads work on them independently.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from bourn_formats.geotiff.cog.statistics import Statistics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bourn_formats.geotiff.cog.profile import Profile

__all__ = ["Block", "BlockSummary", "apply_mask", "count_losses", "read_block", "summarize", "update_statistics"]

Array = np.ndarray[Any, Any]


class Block(NamedTuple):
    """Pixels as stored in the file.

    Attributes
    ----------
    pixels : (band, y, x) array
        Of the file's dtype; may be a view of the caller's array.
    invalid : (band or 1, y, x) bool array or None
        Pixels that read as no data; None if there are none.
    losses : mapping of str to (band, y, x) bool array
        Valid pixels that are lost: ``nodata_clash`` (equal to nodata) or ``hidden`` (masked in another band).
    """

    pixels: Array
    invalid: Array | None
    losses: dict[str, Array]


class BlockSummary(NamedTuple):
    """Counts of lost pixels and statistics of a block, per band.

    Attributes
    ----------
    counts : dict of str to list of int
    statistics : sequence of Statistics
    """

    counts: dict[str, list[int]]
    statistics: Sequence[Statistics]


def apply_mask(pixels: Array, mask: Array | None, profile: Profile) -> Block:
    """Convert pixels of an image to those of the file.

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
        return _with_internal_mask(pixels, mask, profile)
    if profile.masking == "none" or mask is None:
        return read_block(pixels, None, profile)
    nodata = np.array(profile.nodata).astype(pixels.dtype)
    equal = pixels == nodata
    losses = {"nodata_clash": equal & ~mask} if equal.any() else {}
    if mask.any():
        pixels = np.where(_where_nodata_applies(mask, pixels.shape, profile), nodata, pixels)
    return read_block(pixels, None, profile)._replace(losses=losses)


def read_block(pixels: Array, masked: Array | None, profile: Profile) -> Block:
    """Return pixels of the file as readers see them; `masked` is True where the internal mask is."""
    if masked is not None:
        return Block(pixels, masked[None] if masked.any() else None, {})
    if profile.nodata is None or pixels.dtype.kind == "c":
        return Block(pixels, None, {})
    nodata = np.array(profile.nodata).astype(pixels.dtype)
    invalid = pixels == nodata if nodata == nodata else pixels != pixels  # noqa: PLR0124  # NaN
    if not invalid.any():
        return Block(pixels, None, {})
    return Block(pixels, _where_nodata_applies(invalid, pixels.shape, profile), {})


def _where_nodata_applies(masked: Array, shape: tuple[int, ...], profile: Profile) -> Array:
    """Return `masked` without the bands to which the file's nodata value does not apply."""
    if not any(profile.plain):
        return masked
    kept = np.broadcast_to(masked, shape).copy()
    kept[list(profile.plain)] = False
    return kept


def _with_internal_mask(pixels: Array, mask: Array | None, profile: Profile) -> Block:
    """Join the masks of all bands: a pixel masked in any of them never reads as valid."""
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
    # A layer is None where the band has no nodata value and the image no mask.
    own = np.stack([np.zeros(pixels.shape[1:], bool) if layer is None else layer for layer in layers])
    everywhere = np.logical_or.reduce(own)
    if not everywhere.any():
        return Block(pixels, None, {})
    return Block(pixels, everywhere[None], {"hidden": everywhere & ~own})


def summarize(block: Block, profile: Profile) -> BlockSummary:
    """Count the lost pixels and gather the statistics of a block."""
    statistics = [Statistics() for _ in profile.bands]
    update_statistics(block, statistics)
    return BlockSummary(count_losses(block), statistics)


def count_losses(block: Block) -> dict[str, list[int]]:
    """Count lost valid pixels by kind, per band."""
    return {kind: [int(np.count_nonzero(layer)) for layer in lost] for kind, lost in block.losses.items()}


def update_statistics(block: Block, statistics: Sequence[Statistics]) -> None:
    """Add a block to the statistics of each band; complex bands have none."""
    if block.pixels.dtype.kind == "c":
        return
    for index, layer in enumerate(block.pixels):
        # Per band, or one for all bands.
        invalid = None if block.invalid is None else block.invalid[index % len(block.invalid)]
        statistics[index].add(layer, invalid)
