"""What can be said before anything is computed: every problem, and every note."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from bourn.plugin import Note, Problem

from bourn_catalog.access import may
from bourn_catalog.model.definition import Definition
from bourn_catalog.names import image_id
from bourn_catalog.pixels import band_specs, problems
from bourn_catalog.properties import kept_of, notes_of
from bourn_catalog.records.images import find_image
from bourn_catalog.records.products import find_product, list_products
from bourn_catalog.records.schema import MIGRATIONS
from bourn_catalog.stac.common import notes_of as stac_notes_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from bourn.plugin import Context, ResultInfo
    from sqlalchemy import Connection

    from bourn_catalog.image import CatalogImage
    from bourn_catalog.options import Options
    from bourn_catalog.records.rows import ProductRow

__all__ = ["checks"]

LOSSY = frozenset({"JPEG", "WEBP", "LERC"})
"""Compressions that may move pixels into and out of nodata."""

KEEPING = frozenset({"nearest", "mode"})
"""Resamplers that give no value which was not there."""


def checks(options: Options, info: ResultInfo, context: Context) -> Iterator[Problem | Note]:
    """In the order of the specs: product, access, bands, dtypes, grid, whether it is there already, the file's form."""
    product = None
    if context.database.has_schema(MIGRATIONS):
        with context.database.read() as connection:
            product = find_product(connection, options.image.product_id, context.principal)
            yield from _of_catalog(connection, product, options, info, context.principal)
    else:
        yield _unsaved(options.image.product_id, [])
    if info.kinds:
        yield from _of_grid(info)
        yield from _of_date(options.image, info)
        yield from notes_of(info.properties, options.image.properties)
        yield from stac_notes_of(kept_of(info.properties, options.image.properties))
    yield from _of_format(context.format, product)


def _of_catalog(
    connection: Connection, row: ProductRow | None, options: Options, info: ResultInfo, principal: str
) -> Iterator[Problem | Note]:
    image = options.image
    if row is None:
        yield _unsaved(image.product_id, [product.id for product in list_products(connection, principal)])
        return
    if not may(row.document, principal, "write"):
        owners = ", ".join(row.document["owners"][:3])
        yield Problem(
            "image.product_id", f"{principal!r} may not write to {row.id!r}; its owner ({owners}) may let you"
        )
    specs = band_specs(Definition.from_row(row))
    yield from problems(info, specs, rescale=options.rescale, change_dtype=options.change_dtype)
    there = find_image(connection, image_id(image.product_id, image.name), principal)
    if there is None:
        return
    since = f"{there.created_at:%Y-%m-%d %H:%M} UTC by {there.principal!r}"
    if options.overwrite:
        yield Note(f"it takes the place of the image of {since}", "overwrite")
    else:
        yield Problem("image.name", f"{image.name!r} exists in {row.id!r} since {since}; overwrite=True replaces it")


def _unsaved(product_id: str, visible: list[str]) -> Problem:
    near = get_close_matches(product_id, visible, n=1)
    meant = f"did you mean {near[0]!r}?" if near else "save it first: bourn_catalog.Product(id=..., bands=[...]).save()"
    return Problem("image.product_id", f"there is no product {product_id!r} that you may see; {meant}")


def _of_grid(info: ResultInfo) -> Iterator[Problem]:
    if "image" not in info.kinds or info.bands is None:
        return
    if info.grid is None:
        yield Problem("image", "the result has no grid; give it one by geobox=, or as bourn.Image(..., geobox=...)")
    elif info.grid.crs is None:
        yield Problem("image", "the result's grid has no CRS: the item could not state where it lies")
    else:
        from bourn_catalog.stac.footprint import NotOnEarth, footprint  # shapely, pyproj: 0.3 s

        try:
            footprint(tuple(info.grid.shape), info.grid.affine, info.grid.crs.proj)
        except NotOnEarth as error:
            yield Problem("image", f"the item could not state where the image lies: {error}")


def _of_date(image: CatalogImage, info: ResultInfo) -> Iterator[Note]:
    if image.acquired is None and info.kinds == ("image",) and info.bands is not None:
        source = "properties['date'] of the result" if info.properties.get("date") else "the time of the upload"
        yield Note(f"acquired is not set: it is taken from {source}", "image.acquired")


def _of_format(written: Mapping[str, Any], product: ProductRow | None) -> Iterator[Problem]:
    """A file that many read by parts, and whose pixels are those that were computed."""
    if written.get("tiled") is False:
        yield Problem("", "the catalog takes cloud optimized GeoTIFFs only: leave the format's `tiled` at true")
    compression = str(written.get("compression", "")).upper()
    if compression in LOSSY:
        message = f"{compression} changes pixels, into and out of nodata: choose DEFLATE, ZSTD, LZW or none"
        yield Problem("", f"the catalog takes lossless compression only; the format's {message}")
    resampler = str(written.get("overview_resampler", "nearest"))
    if product is not None and written.get("overviews") and resampler not in KEEPING:
        bands = Definition.from_row(product).bands
        kept = ", ".join(repr(band.name) for band in bands if band.kind != "data" and not band.is_alpha)
        if kept:
            message = f"{resampler} would make classes that do not exist in {kept}: choose nearest or mode"
            yield Problem("", f"the format's overview_resampler {message}")
