"""What a request may say of the catalog, and what an installation."""

from __future__ import annotations

from typing import Literal

import attrs
from bourn.plugin import option

from bourn_catalog.image import CatalogImage  # noqa: TC001  # attrs resolves it at run time

__all__ = ["Options", "Settings"]


@attrs.frozen
class Options:
    """Where in the catalog an image goes, and how its pixels may be changed on the way."""

    image: CatalogImage = option(
        help="The image to upload to: a `catalog.Image`, or a mapping with `product_id` and `name`."
    )
    overwrite: bool = option(default=False, help="Whether an image of this id is replaced if there is one.")
    rescale: bool = option(
        default=False,
        help="Whether pixels of each band that has both ranges are rescaled from `physical_range` to `data_range`.",
    )
    change_dtype: bool = option(
        default=False, help="Whether pixels are converted to the product's data type, saturating at its limits."
    )
    on_loss: Literal["warn", "error"] = option(
        default="warn",
        help="What happens where pixels can't be kept as they are: a warning, or nothing is published.",
    )


@attrs.frozen
class Settings:
    """How the catalog works here."""

    grace_minutes: float = option(
        default=60.0, ge=0, le=525_600, unit="minutes",
        help="How long the file of an image that was overwritten or deleted stays for those who read it.",
    )  # fmt: skip
