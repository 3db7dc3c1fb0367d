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

from bourn_catalog.pixels.rule import alpha_of, rules_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from typing import BinaryIO

    from bourn_catalog.model.definition import Definition
    from bourn_catalog.pixels.rule import Rule
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
    rules = rules_of(product)
    if isinstance(path_or_file, str | os.PathLike):
        path, reader = Path(path_or_file), _Reader(rules, scaled)
    else:
        path, reader = _copied(path_or_file), _Reader(rules, scaled)
        # Whatever reads the file does so through the reader.
        weakref.finalize(reader, _gone, path)
    stored = Image.open(path, keep_alpha=True)
    properties = {**stored.properties, **record.properties, "date": record.acquired_at}
    return stored.changed(
        reader.read,
        dtypes=reader.dtypes,
        mask_ndim=3,
        bands=[rule.name for rule in rules],
        bandinfo={
            rule.name: _facts(rule, stored.bandinfo[name], scaled=scaled)
            for rule, name in zip(rules, stored.bands, strict=True)
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

    rules: Sequence[Rule]
    scaled: bool

    @property
    def dtypes(self) -> list[np.dtype[Any]]:
        """Of the bands as they are given."""
        physical = np.dtype(np.float64)
        return [physical if self.scaled and rule.scale is not None else rule.dtype for rule in self.rules]

    def read(self, pixels: Any, mask: Array | None) -> tuple[Any, Array]:
        """(pixels, mask) of a block, `mask` being the file's."""
        masks = self._masks(pixels, mask)
        if not self.scaled:
            return pixels, masks
        layers = []
        for layer, masked, rule in zip(pixels, masks, self.rules, strict=True):
            made = layer
            if rule.scale is not None:
                made = layer * np.float64(rule.scale)
                made += np.float64(rule.offset)
                made[masked] = np.nan
            layers.append(made)
        return (np.stack(layers) if len(set(self.dtypes)) == 1 else tuple(layers)), masks

    def _masks(self, pixels: Any, mask: Array | None) -> Array:
        alpha = alpha_of(self.rules)
        shape = (len(self.rules), *pixels[0].shape)
        masks: Array = np.zeros(shape, bool) if mask is None else np.broadcast_to(mask, shape).copy()
        for layer, masked, rule in zip(pixels, masks, self.rules, strict=True):
            if rule.nodata is not None:
                masked |= layer == np.array(rule.nodata).astype(layer.dtype)  # noqa: PLW2901  # in place
        if alpha is not None:
            transparent = pixels[alpha] == 0
            masks |= transparent
            masks[alpha] = transparent  # a value of it that happens to be nodata is none
        return masks


def _facts(rule: Rule, stored: Any, *, scaled: bool) -> dict[str, Any]:
    facts = {key: stored[key] for key in ("unit", "description") if key in stored}
    if rule.is_alpha:
        return {**facts, "kind": "mask", "opaque": 1 if rule.opaque is None else rule.opaque}
    facts["kind"] = rule.kind
    if scaled and rule.scale is not None:
        return facts
    if rule.scale is not None:
        facts |= {"scale": rule.scale, "offset": rule.offset}
    if rule.nodata is not None:
        facts["nodata"] = rule.nodata
    return facts
