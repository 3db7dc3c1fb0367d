"""A product as a STAC Collection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bourn_catalog.stac.bands import extensions_of, of_asset

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from bourn_catalog.model.definition import Definition

__all__ = ["collection"]

EVERYWHERE = (-180.0, -90.0, 180.0, 90.0)


def collection(
    product: Definition,
    *,
    bbox: Sequence[float] = EVERYWHERE,
    interval: tuple[datetime | None, datetime | None] = (None, None),
) -> dict[str, Any]:
    """The STAC Collection of a product, whose items have one asset, ``data``.

    Parameters
    ----------
    product : Definition
    bbox : sequence of float
        Around its images.
    interval : (datetime or None, datetime or None)
        Of its images.
    """
    import pystac  # 0.3 s

    made = pystac.Collection(
        id=product.id,
        title=product.name,
        description=product.description or product.name,
        license="other",
        extent=pystac.Extent(pystac.SpatialExtent([list(bbox)]), pystac.TemporalExtent([list(interval)])),
        stac_extensions=extensions_of(product),
        extra_fields={
            "item_assets": {"data": {"type": str(pystac.MediaType.COG), "roles": ["data"], **of_asset(product)}}
        },
    )
    for name, moment in (("created", product.created), ("updated", product.updated)):
        if moment is not None:
            made.extra_fields[name] = pystac.utils.datetime_to_str(moment)
    return made.to_dict(include_self_link=False, transform_hrefs=False)
