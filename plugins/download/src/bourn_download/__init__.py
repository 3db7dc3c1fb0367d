"""The download destination: a link to the result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bourn.plugin import ANY, Destination, Example, NoOptions, Receipt

if TYPE_CHECKING:
    from bourn.plugin import Artifact, Context

__all__ = ["Download"]


class Download(Destination[NoOptions]):
    """A link to the result, valid for ten days.

    The artifact is stored by then; there is nothing to hand over but its link.
    """

    formats = ANY
    kinds = ANY
    examples = (
        Example("The Python object back, and a link to it", destination="download"),
        Example("A Cloud Optimized GeoTIFF to download", destination="download", format="geotiff"),
        Example("JSON, small enough to read", destination={"type": "download"}, format={"type": "json"}),
    )

    def deliver(self, artifact: Artifact, options: NoOptions, context: Context) -> Receipt:
        """The link, as the receipt."""
        return Receipt(url=context.link())
