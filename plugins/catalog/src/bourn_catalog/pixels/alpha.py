"""The alpha of a product: where it is transparent, so that a masked pixel never reads as valid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bourn_catalog.pixels.count import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bourn_catalog.pixels.count import Counts

__all__ = ["Alpha"]

Array = np.ndarray[Any, Any]


class Alpha:
    """Fills the alpha band of a product, and counts what it hides.

    | | the file has nodata | it has none |
    |---|---|---|
    | transparent, 0 | where every band is masked | where any band is masked |
    | else | opaque; of an alpha that the image brings its own value, at most that | the same |

    Parameters
    ----------
    opaque : number
    any_masked : bool
        Whether one masked band is enough, since the file has no nodata.
    is_bool : bool
        Whether the alpha that the image brings is yes and no.
    counts : Counts
        Of the alpha band.
    """

    def __init__(self, opaque: float, *, any_masked: bool, is_bool: bool, counts: Counts) -> None:
        self._opaque = opaque
        self._any_masked = any_masked
        self._is_bool = is_bool
        self._counts = counts

    def made(self, out: Array, invalid: Sequence[Array | None], counts: Sequence[Counts]) -> None:
        """Make the alpha of a block.

        Parameters
        ----------
        out : (y, x) array of the product's dtype
        invalid : sequence of (y, x) bool array or None
            Of the other bands, where nothing is valid; None where all is.
        counts : sequence of Counts
            Of the other bands.
        """
        out.fill(self._opaque)
        transparent = self._transparent(invalid)
        if transparent is None:
            return
        np.copyto(out, 0, where=transparent)
        _count_hidden(transparent, None, invalid, counts)

    def brought(self, out: Array, own: Array | None, invalid: Sequence[Array | None], counts: Sequence[Counts]) -> None:
        """Join the alpha that the image brings with what the masks say.

        Parameters
        ----------
        out : (y, x) array of the product's dtype
            The alpha as it was converted; 0 where it is masked itself.
        own : (y, x) bool array or None
            Where it is masked itself.
        invalid, counts
            As of `made`.
        """
        if self._is_bool:
            np.copyto(out, self._opaque, where=out != 0)
        else:
            np.clip(out, 0, self._opaque, out=out)
        transparent = self._transparent(invalid)
        if own is not None:
            transparent = own if transparent is None else transparent | own
        if transparent is not None:
            already = out == 0 if own is None else (out == 0) & ~own
            _count_hidden(transparent, already, invalid, counts)
            np.copyto(out, 0, where=transparent)
        if not self._is_bool:
            self._counts.translucent += counted((out > 0) & (out < self._opaque))

    def _transparent(self, invalid: Sequence[Array | None]) -> Array | None:
        """Where the masks of the other bands make a pixel transparent; None: nowhere."""
        found = None
        for layer in invalid:
            if layer is None:
                if self._any_masked:
                    continue
                return None
            if found is None:
                found = layer.copy()
            elif self._any_masked:
                found |= layer
            else:
                found &= layer
        return found


def _count_hidden(
    transparent: Array, already: Array | None, invalid: Sequence[Array | None], counts: Sequence[Counts]
) -> None:
    """Count valid pixels that are transparent through a mask that is not their own band's."""
    hiding = transparent if already is None else transparent & ~already
    for layer, count in zip(invalid, counts, strict=True):
        count.hidden += counted(hiding if layer is None else hiding & ~layer)
