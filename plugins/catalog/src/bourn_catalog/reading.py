"""The pixels of a published image: stored values of all bands, or physical ones; read when they are asked for."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
from bourn.plugin import Image

from bourn_catalog.pixels.band_spec import alpha_of, band_specs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from typing import BinaryIO

    from bourn_catalog.model.definition import Definition
    from bourn_catalog.pixels.band_spec import BandSpec
    from bourn_catalog.records.rows import ImageRow

__all__ = ["open_image"]

Array = np.ndarray[Any, Any]

PIECE = 1 << 20
"""Bytes that are copied at a time."""


def open_image(
    path_or_file: str | os.PathLike[str] | AbstractContextManager[BinaryIO],
    product: Definition,
    record: ImageRow,
    *,
    scaled: bool = False,
) -> Image:
    """The image in a file of the catalog; lazy.

    A band is masked where it has its nodata value, and all bands are where the alpha is transparent, or the file's own
    mask says so. `record` says when it was acquired, and what else is known of it.

    Parameters
    ----------
    path_or_file : path, or binary file for ``with``
        A file that is not on this machine is copied to it first; the copy is gone with the last use of the image.
    product : Definition
    record : ImageRow
    scaled : bool
        Whether to give physical values, as float64 and NaN where masked, of bands with a ``physical_range``.
    """
    specs = band_specs(product)
    if isinstance(path_or_file, str | os.PathLike):
        path, reader = Path(path_or_file), _Reader(specs, scaled)
    else:
        path, reader = _copied(path_or_file), _Reader(specs, scaled)
        # Whatever reads the file does so through the reader.
        weakref.finalize(reader, _gone, path)
    stored = Image.open(path, keep_alpha=True)
    properties = {**stored.properties, **record.properties, "date": record.acquired_at}
    return stored.changed(
        reader.read,
        dtypes=reader.dtypes,
        mask_ndim=3,
        bands=[spec.name for spec in specs],
        bandinfo={
            spec.name: _facts(spec, stored.bandinfo[name], scaled=scaled)
            for spec, name in zip(specs, stored.bands, strict=True)
        },
        properties=properties,
    )


def _copied(file: AbstractContextManager[BinaryIO]) -> Path:
    descriptor, name = tempfile.mkstemp(prefix="bourn-", suffix=".tif")
    try:
        with os.fdopen(descriptor, "wb") as target, file as source:
            shutil.copyfileobj(source, target, PIECE)
    except BaseException:
        _gone(Path(name))
        raise
    return Path(name)


def _gone(path: Path) -> None:
    with suppress(OSError):
        path.unlink()


@attrs.frozen(eq=False, weakref_slot=True)
class _Reader:
    """What becomes of a block of the file."""

    specs: Sequence[BandSpec]
    scaled: bool

    @property
    def dtypes(self) -> list[np.dtype[Any]]:
        """Of the bands as they are given."""
        physical = np.dtype(np.float64)
        return [physical if self.scaled and spec.scale is not None else spec.dtype for spec in self.specs]

    def read(self, pixels: Any, mask: Array | None) -> tuple[Any, Array]:
        """(pixels, mask) of a block, `mask` being the file's."""
        masks = self._masks(pixels, mask)
        if not self.scaled:
            return pixels, masks
        layers = []
        for layer, masked, spec in zip(pixels, masks, self.specs, strict=True):
            made = layer
            if spec.scale is not None:
                made = layer * np.float64(spec.scale)
                made += np.float64(spec.offset)
                made[masked] = np.nan
            layers.append(made)
        return (np.stack(layers) if len(set(self.dtypes)) == 1 else tuple(layers)), masks

    def _masks(self, pixels: Any, mask: Array | None) -> Array:
        alpha = alpha_of(self.specs)
        shape = (len(self.specs), *pixels[0].shape)
        masks: Array = np.zeros(shape, bool) if mask is None else np.broadcast_to(mask, shape).copy()
        for layer, masked, spec in zip(pixels, masks, self.specs, strict=True):
            if spec.nodata is not None:
                masked |= layer == np.array(spec.nodata).astype(layer.dtype)  # noqa: PLW2901  # in place
        if alpha is not None:
            transparent = pixels[alpha] == 0
            masks |= transparent
            masks[alpha] = transparent  # a value of it that happens to be nodata is none
        return masks


def _facts(spec: BandSpec, stored: Any, *, scaled: bool) -> dict[str, Any]:
    facts = {key: stored[key] for key in ("unit", "description") if key in stored}
    if spec.is_alpha:
        return {**facts, "kind": "mask", "opaque": 1 if spec.opaque is None else spec.opaque}
    facts["kind"] = spec.kind
    if scaled and spec.scale is not None:
        return facts
    if spec.scale is not None:
        facts |= {"scale": spec.scale, "offset": spec.offset}
    if spec.nodata is not None:
        facts["nodata"] = spec.nodata
    return facts
