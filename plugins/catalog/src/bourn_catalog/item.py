"""What is written down of a file: its STAC Item, and a small picture."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import rasterio

from bourn_catalog.model.definition import Definition
from bourn_catalog.records.rows import ImageRow
from bourn_catalog.stac import item, thumbnail

if TYPE_CHECKING:
    from datetime import datetime

    from bourn.plugin import Artifact

    from bourn_catalog.image import Image
    from bourn_catalog.records.rows import ProductRow

__all__ = ["described"]

_STATISTICS = {
    "STATISTICS_MINIMUM": "minimum",
    "STATISTICS_MAXIMUM": "maximum",
    "STATISTICS_MEAN": "mean",
    "STATISTICS_STDDEV": "stddev",
    "STATISTICS_VALID_PERCENT": "valid_percent",
}
"""As GDAL names them in a file, and STAC in an item."""


def described(
    image: Image, product: ProductRow, artifact: Artifact, *, delivery_id: str, principal: str, now: datetime
) -> tuple[ImageRow, bytes | None]:
    """What the catalog will keep of an image, read from its file: by whichever process delivers it."""
    definition = Definition.from_row(product)
    with ExitStack() as stack:
        file: Path | BinaryIO = artifact.local_path or stack.enter_context(artifact.open())
        with rasterio.open(file, driver="GTiff") as source:
            facts = {"shape": source.shape, "crs": source.crs, "transform": source.transform}
            facts["sampling"] = source.tags().get("AREA_OR_POINT", "Area").lower()
            statistics = [_statistics(source.tags(number)) for number in source.indexes]
        if not isinstance(file, Path):
            file.seek(0)
        png = thumbnail(file, definition)
    told = item(
        definition, image, href=artifact.href, **facts, size=artifact.size_bytes,
        sha256=artifact.sha256, created=now, statistics=statistics, thumbnail_href=None,
    )  # fmt: skip
    assert image.acquired is not None  # settled when the pixels were prepared
    row = ImageRow(
        product_id=image.product_id, name=image.name, delivery_id=delivery_id, principal=principal,
        key=artifact.key, size_bytes=artifact.size_bytes, sha256=artifact.sha256, revision=product.revision,
        acquired_at=image.acquired, created_at=now, properties=image.properties, item=told,
    )  # fmt: skip
    return row, png


def _statistics(tags: dict[str, str]) -> dict[str, Any] | None:
    found = {told: float(tags[name]) for name, told in _STATISTICS.items() if name in tags}
    return found or None
