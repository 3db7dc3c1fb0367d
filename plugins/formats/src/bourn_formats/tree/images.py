"""An image as a plain tree of its arrays and facts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections import Counter

__all__ = ["image_apart", "image_together"]


def image_apart(image: Any, _report: Counter[str]) -> dict[str, Any]:
    """Its array (one a band where they are of unlike dtypes), mask, names, grid and facts."""
    computed = image.compute()
    unlike = len(set(computed.dtypes)) > 1
    return {
        "array": [computed.band(name) for name in computed.bands] if unlike else computed.array,
        "mask": computed.mask,
        "bands": computed.bands,
        "geobox": computed.geobox,
        "properties": dict(computed.properties),
        "bandinfo": {name: dict(facts) for name, facts in computed.bandinfo.items()},
    }


def image_together(parts: Any) -> Any:
    """The image of these parts."""
    from bourn.plugin import Image  # numpy: only where the tree has an image

    array, bands, mask = parts["array"], parts["bands"], parts["mask"]
    return Image(array, bands, mask, parts["geobox"], parts["properties"], parts["bandinfo"])
