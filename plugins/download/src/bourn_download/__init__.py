"""The download destination: a link to the result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bourn.plugin import ANY, Destination, Example, NoOptions, Receipt

if TYPE_CHECKING:
    from bourn.plugin import Artifact, Context

__all__ = ["Download"]


class Download(Destination[NoOptions]):
    """A link to the result, valid for ten days.

    Stores a result in any format, and gives it back and a link to it: to go on working in Python with the format
    `pyarrow`, or to keep a file with formats such as `geotiff`. The link works from the moment the data is stored until
    ten days after the job's completion (the setting `link_days`); then the data is erased. Anyone with the link has the
    data.
    """

    formats = ANY
    kinds = ANY
    examples = (
        Example("The Python object back, and a link to it", destination="download"),
        Example("A Cloud Optimized GeoTIFF to download", destination="download", format="geotiff"),
        Example("JSON, small enough to read", destination={"type": "download"}, format={"type": "json"}),
    )

    def deliver(self, artifact: Artifact, options: NoOptions, context: Context) -> Receipt:
        """The link, as the receipt: the artifact is stored by then, and there is nothing else to hand over."""
        return Receipt(url=context.link())
