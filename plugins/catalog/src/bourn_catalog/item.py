"""Describe an uploaded file: its row, STAC Item and thumbnail."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import rasterio
from bourn.plugin import DeliveryRefused

from bourn_catalog.model.definition import Definition
from bourn_catalog.records.rows import ImageRow
from bourn_catalog.stac import item, thumbnail
from bourn_catalog.stac.footprint import NotOnEarth

if TYPE_CHECKING:
    from datetime import datetime

    from bourn.plugin import Artifact

    from bourn_catalog.image import CatalogImage
    from bourn_catalog.records.rows import ProductRow

__all__ = ["described"]

_STATISTICS = {
    "STATISTICS_MINIMUM": "minimum",
    "STATISTICS_MAXIMUM": "maximum",
    "STATISTICS_MEAN": "mean",
    "STATISTICS_STDDEV": "stddev",
    "STATISTICS_VALID_PERCENT": "valid_percent",
}
"""GDAL's names in a file, and STAC's in an item."""


def described(
    image: CatalogImage, product: ProductRow, artifact: Artifact, *, delivery_id: str, principal: str, now: datetime
) -> tuple[ImageRow, bytes | None]:
    """Return the row and the thumbnail of an image, read from its file."""
    definition = Definition.from_row(product)
    with ExitStack() as stack:
        file: Path | BinaryIO = artifact.local_path or stack.enter_context(artifact.open())
        with rasterio.open(file, driver="GTiff") as source:
            facts = {"shape": source.shape, "crs": _crs_of(source), "transform": source.transform}
            facts["sampling"] = source.tags().get("AREA_OR_POINT", "Area").lower()
            statistics = [_statistics(source.tags(number)) for number in source.indexes]
        if not isinstance(file, Path):
            file.seek(0)
        png = thumbnail(file, definition)
    try:
        document = item(
            definition, image, href=artifact.href, **facts, size=artifact.size_bytes,
            sha256=artifact.sha256, created=now, statistics=statistics, thumbnail_href=None,
        )  # fmt: skip
    except NotOnEarth as cause:
        raise DeliveryRefused(str(cause)) from cause
    assert image.acquired is not None  # settled when the pixels were prepared
    row = ImageRow(
        product_id=image.product_id, name=image.name, delivery_id=delivery_id, principal=principal,
        key=artifact.key, size_bytes=artifact.size_bytes, sha256=artifact.sha256, revision=product.revision,
        acquired_at=image.acquired, created_at=now, properties=image.properties, item=document,
    )  # fmt: skip
    return row, png


def _crs_of(source: Any) -> Any:
    """Return the pyproj CRS of a file by WKT2, since WKT1 can't express every CRS."""
    from pyproj import CRS  # 0.2 s

    if source.crs is None:
        msg = "the file has no CRS: the item could not state where the image lies"
        raise DeliveryRefused(msg)
    return CRS.from_wkt(source.crs.to_wkt(version="WKT2_2019"))


def _statistics(tags: dict[str, str]) -> dict[str, Any] | None:
    found = {field: float(tags[name]) for name, field in _STATISTICS.items() if name in tags}
    return found or None
