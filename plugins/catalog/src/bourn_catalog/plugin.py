"""The catalog destination."""

from __future__ import annotations

import attrs
from bourn.plugin import Destination, Example, option

from bourn_catalog.model.image import Image  # noqa: TC001  # attrs resolves it at run time

__all__ = ["Catalog", "Options"]


@attrs.frozen
class Options:
    """Where in the catalog an image goes, and how it may be changed on the way."""

    image: Image = option(help="The image to upload to: a `catalog.Image`, or a mapping with `product_id` and `name`.")


class Catalog(Destination[Options]):
    """Make an image part of a product, every pixel accounted for."""

    formats = ("geotiff",)
    kinds = ("image",)
    gives_data = False
    examples = (
        Example("An image of a product", {"type": "catalog", "image": {"name": "t1", "product_id": "org:ndvi"}}),
    )
