"""The catalog destination: the steps of an upload, in their order."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import attrs
from bourn.plugin import DeliveryRefused, Destination, Example, Receipt, ResultRefused, warn

from bourn_catalog.context import OWNER
from bourn_catalog.errors import LossWarning, UnknownImage
from bourn_catalog.image import CatalogImage
from bourn_catalog.options import Options, Settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    import bourn
    from bourn.plugin import Artifact, Context, Note, Problem, ResultInfo

    from bourn_catalog.records.rows import ProductRow

__all__ = ["Catalog"]


class Catalog(Destination[Options]):
    """Make an image part of a product, every pixel accounted for."""

    Settings = Settings
    formats = ("geotiff",)
    kinds = ("image",)
    gives_data = False
    examples = (
        Example(
            "An image of a product",
            destination={"type": "catalog", "image": {"product_id": "org:my_product_id", "name": "my_image"}},
        ),
        Example(
            "Physical values into a product of integers, in place of the image that is there",
            destination={
                "type": "catalog", "image": {"product_id": "org:my_product_id", "name": "my_image"},
                "overwrite": True, "rescale": True, "change_dtype": True,
            },
        ),
        Example(
            "With smooth overviews",
            destination={"type": "catalog", "image": {"product_id": "org:my_product_id", "name": "my_image"}},
            format={"type": "geotiff", "overview_resampler": "average"},
        ),
    )  # fmt: skip

    def from_shorthand(self, obj: Any) -> Options:
        """The image, and all other options as they are by default."""
        return Options(image=attrs.evolve(obj))  # as asked for: of one from the catalog the record is left behind

    def preflight(self, options: Options, info: ResultInfo, context: Context) -> Iterable[Problem | Note]:
        """Everything that can be known before computing."""
        from bourn_catalog.preflight import checks  # SQLAlchemy and numpy, on first use

        return checks(options, info, context)

    def prepare(self, result: bourn.Image, options: Options, context: Context) -> bourn.Image:
        """The pixels as the product stores them, changed and counted while they are read."""
        from bourn_catalog.model.definition import Definition  # see above
        from bourn_catalog.pixels import band_specs, prepare
        from bourn_catalog.properties import kept_of, notes_of
        from bourn_catalog.stac.common import notes_of as stac_notes_of

        product = _product(options, context, ResultRefused)
        own = options.image.properties
        kept = kept_of(result.properties, own)
        # What is settled here is kept with the artifact: every delivery of it finds the same.
        acquired = options.image.acquired or result.date or context.clock()
        facts = {
            "acquired": acquired.isoformat(), "bands_digest": product.bands_digest,
            "properties": kept,
        }  # fmt: skip
        return prepare(
            result, band_specs(Definition.from_row(product)), rescale=options.rescale,
            change_dtype=options.change_dtype, on_loss=options.on_loss, facts=facts,
            notes=[note.message for note in (*notes_of(result.properties, own), *stac_notes_of(kept))],
        )  # fmt: skip

    def deliver(self, artifact: Artifact, options: Options, context: Context) -> Receipt:
        """Keep the file for good, then let the image be seen, in one transaction."""
        from bourn_catalog.item import described  # rasterio: 0.3 s
        from bourn_catalog.pixels import warnings as losses
        from bourn_catalog.records.publish import Publication, publish

        assert context.delivery_id is not None  # there is one from here on
        report = artifact.report["prepare"]
        acquired, now = datetime.fromisoformat(report["acquired"]), context.clock()
        # An artifact of an older version has no properties in its report.
        properties = report.get("properties", options.image.properties)
        image = attrs.evolve(options.image, acquired=acquired, properties=properties)
        product = _product(options, context, DeliveryRefused)
        row, thumbnail = described(image, product, artifact, delivery_id=context.delivery_id,
                                   principal=context.principal, now=now)  # fmt: skip
        publication = Publication(
            image=row, bands_digest=report["bands_digest"], thumbnail=thumbnail, overwrite=options.overwrite, now=now
        )
        # Held before it can be seen: a row never leads to a file that expires.
        context.hold(artifact, OWNER)
        created = context.database.write(lambda connection: publish(connection, publication))
        counts = {key: report[key] for key in ("lost", "counted", "valid", "notes") if key in report}
        detail = {
            "image": image.id, "product": image.product_id, "acquired": report["acquired"],
            "created": created.isoformat(), "size_bytes": artifact.size_bytes, "sha256": artifact.sha256,
            "warnings": losses(report), **counts,
        }  # fmt: skip
        return Receipt(detail=detail)

    def retract(self, options: Options, context: Context) -> None:
        """Take the image back; one that it had replaced is seen again."""
        from bourn_catalog.records.publish import retract
        from bourn_catalog.records.schema import MIGRATIONS  # SQLAlchemy, on first use

        delivery_id = context.delivery_id
        assert delivery_id is not None  # there is one from here on
        context.database.ensure_schema(MIGRATIONS)
        now = context.clock()
        context.database.write(lambda connection: retract(connection, delivery_id, now=now))
        context.release(delivery_id, OWNER)

    def load(self, receipt: Receipt, artifact: Artifact, context: Context) -> CatalogImage:
        """The image as the catalog has it, fresh; what was lost is warned of."""
        from bourn_catalog.records.images import published_image  # SQLAlchemy, on first use

        assert context.delivery_id is not None  # there is one from here on
        with context.database.read() as connection:
            row = published_image(connection, context.delivery_id, receipt.detail["image"], context.principal)
        if row is None:
            msg = (
                f"the image {receipt.detail['image']!r} was deleted, or {context.principal!r} may not read its product"
            )
            raise UnknownImage(msg)
        for lost in receipt.detail.get("warnings", ()):
            warn(f"{receipt.detail['image']}: {lost}", LossWarning)
        return CatalogImage.from_row(row, context)


def _product(options: Options, context: Context, refuse: type[Exception]) -> ProductRow:
    """The product as it is now, as the principal sees it."""
    from bourn_catalog.records.products import find_product
    from bourn_catalog.records.schema import MIGRATIONS  # SQLAlchemy, on first use

    context.database.ensure_schema(MIGRATIONS)
    with context.database.read() as connection:
        row = find_product(connection, options.image.product_id, context.principal)
    if row is None:
        msg = f"there is no product {options.image.product_id!r} any more, or none that {context.principal!r} may see"
        raise refuse(msg)
    return row
