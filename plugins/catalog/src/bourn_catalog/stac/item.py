"""An image as a STAC Item."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bourn_catalog.stac.bands import extensions_of, of_asset
from bourn_catalog.stac.common import unfit
from bourn_catalog.stac.footprint import footprint

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from bourn_catalog.image import CatalogImage
    from bourn_catalog.model.definition import Definition

__all__ = ["item"]

SHA2_256 = "1220"
"""Of a multihash: the function and the length, 32 bytes."""


def item(  # noqa: PLR0913  # what is known of a file
    product: Definition,
    image: CatalogImage,
    *,
    href: str,
    shape: Sequence[int],
    crs: Any,
    transform: Any,
    size: int,
    sha256: str,
    created: datetime,
    statistics: Sequence[Mapping[str, Any] | None] | None = None,
    thumbnail_href: str | None = None,
    sampling: str = "area",
) -> dict[str, Any]:
    """The STAC Item of an image.

    Parameters
    ----------
    product : Definition
    image : CatalogImage
        With its `acquired`.
    href : str
        Where the file can be had.
    shape : (int, int)
        (y, x).
    crs : rasterio, odc-geo or pyproj CRS
    transform : Affine
        From pixel corners to the CRS.
    size : int
        Of the file, in bytes.
    sha256 : str
        Of the file, in hex.
    created : datetime
        When it was published.
    statistics : sequence of mapping or None
        One a band: minimum, maximum, mean, stddev, valid_percent.
    thumbnail_href : str, optional
    sampling : "area" or "point"
        What a pixel stands for.
    """
    import pystac  # 0.3 s

    known = _crs(crs)
    left_out = unfit(image.properties)
    place = footprint(shape, transform, known)
    properties = {
        # None of them takes the place of ours.
        **{name: value for name, value in image.properties.items() if name not in left_out},
        "title": image.name,
        "created": pystac.utils.datetime_to_str(created),
        **_projection(shape, transform, known),
    }
    properties.pop("datetime", None)
    made = pystac.Item(
        id=image.id, geometry=place.geometry, bbox=place.bbox, datetime=image.acquired, properties=properties,
        collection=product.id, stac_extensions=extensions_of(product, "projection", "file"),
    )  # fmt: skip
    made.add_link(pystac.Link(pystac.RelType.COLLECTION, "./collection.json", pystac.MediaType.JSON))
    facts = {
        **of_asset(product, statistics, sampling=sampling),
        "file:size": size,
        "file:checksum": SHA2_256 + sha256,
    }
    made.add_asset("data", pystac.Asset(href, media_type=pystac.MediaType.COG, roles=["data"], extra_fields=facts))
    if thumbnail_href is not None:
        made.add_asset("thumbnail", pystac.Asset(thumbnail_href, media_type="image/png", roles=["thumbnail"]))
    return made.to_dict(include_self_link=False, transform_hrefs=False)


def _crs(given: Any) -> Any:
    from pyproj import CRS  # 0.2 s

    return given if isinstance(given, CRS) else CRS.from_wkt(given.to_wkt())


def _projection(shape: Sequence[int], transform: Any, crs: Any) -> dict[str, Any]:
    corners = [transform * corner for corner in ((0, 0), (shape[1], 0), (0, shape[0]), (shape[1], shape[0]))]
    xs, ys = zip(*corners, strict=True)
    facts = {
        "proj:shape": [int(length) for length in shape],
        "proj:transform": [float(number) for number in tuple(transform)[:6]],
        "proj:bbox": [min(xs), min(ys), max(xs), max(ys)],
    }
    document = crs.to_json_dict()
    declared = document.get("id", {})
    authority = crs.to_authority(min_confidence=100) or (declared.get("authority"), declared.get("code"))
    if authority[0] is None:
        return {"proj:code": None, "proj:projjson": document, **facts}
    return {"proj:code": f"{authority[0]}:{authority[1]}", **facts}
