"""``bourn catalog``: products and images at the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, BinaryIO

import click
from bourn.plugin import Problem, RequestError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bourn.plugin import Session

    from bourn_catalog.image import CatalogImage
    from bourn_catalog.product import Product

__all__ = ["catalog_command"]

KEPT = ("created", "updated")
"""What the catalog itself says of a product, beside what one gave it."""

_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group("catalog")
def catalog_command() -> None:
    """Products of the image catalog, and their images."""


@catalog_command.command("products")
@click.argument("text", default="")
@_as_json
def products_command(*, text: str, as_json: bool) -> None:
    """The products that you may see; with TEXT those whose id or name has it in it."""
    from bourn_catalog.product import Product  # SQLAlchemy, on first use

    found = Product.search(text, session=_session())
    if as_json:
        _print_json([_product_as_json(product) for product in found])
        return
    rows = [[product.id, _bands(product), product.name if product.name != product.id else ""] for product in found]
    _print_table(["product", "bands", "name"], rows, "There are no products.")


@catalog_command.command("show")
@click.argument("id", metavar="ID")
@_as_json
def show_command(*, id: str, as_json: bool) -> None:
    """A product, or an image by its whole id (``product:name``)."""
    from bourn_catalog.errors import UnknownProduct  # see above
    from bourn_catalog.image import CatalogImage
    from bourn_catalog.product import Product

    try:
        product = Product.get(id, session=_session())
    except UnknownProduct:
        image = CatalogImage.get(id, session=_session()) if ":" in id else None
        if image is None:
            raise
        _print_json(image.stac) if as_json else click.echo(_image_page(image))
        return
    _print_json(_product_as_json(product)) if as_json else click.echo(_product_page(product))


@catalog_command.command("images")
@click.argument("product_id", metavar="PRODUCT")
@click.option("--start", help="Acquired at or after this time (ISO 8601).")
@click.option("--end", help="Acquired at or before this time; a day to its end.")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="How many at most.")
@_as_json
def images_command(*, product_id: str, start: str | None, end: str | None, limit: int, as_json: bool) -> None:
    """The images of a product, by the time at which they were acquired."""
    from bourn_catalog.product import Product  # see above

    product = Product.get(product_id, session=_session())
    found = product.images(start=start, end=end, limit=limit, session=_session())
    if as_json:
        _print_json([_image_as_json(image) for image in found])
        return
    rows = [
        [image.name, f"{image.acquired:%Y-%m-%d %H:%M}", f"{image.created:%Y-%m-%d %H:%M}", f"{image.size_bytes:,}"]
        for image in found
    ]
    _print_table(["image", "acquired, UTC", "created, UTC", "bytes"], rows, f"{product_id} has no images there.")


@catalog_command.command("add-product")
@click.argument("file", type=click.File("rb"))
@_as_json
def add_product_command(*, file: BinaryIO, as_json: bool) -> None:
    """Save the product that FILE describes (JSON or TOML; ``-`` for standard input, in JSON).

    What ``bourn catalog show --json ID`` prints will do.
    """
    from bourn_catalog.product import Product  # see above

    document = {key: value for key, value in _document(file).items() if key not in KEPT}
    product = Product.from_mapping(document).save(session=_session())
    if as_json:
        _print_json(_product_as_json(product))
    else:
        again = "Saved" if product.revision == 1 else f"Saved again (revision {product.revision})"
        click.echo(f"{again}:\n{_product_page(product)}")


def _session() -> Session:
    session: Session = click.get_current_context().find_root().obj
    return session


def _document(file: BinaryIO) -> Mapping[str, Any]:
    import tomllib  # for this alone

    name, content = str(getattr(file, "name", "-")), file.read()
    try:
        document = tomllib.loads(content.decode()) if name.endswith(".toml") else json.loads(content)
    except (ValueError, RecursionError) as error:  # both kinds of document say so, and wrong UTF-8 does
        raise RequestError([Problem("file", f"{name} can't be read: {error}")]) from error
    if not isinstance(document, dict):
        raise RequestError([Problem("file", f"expected a product as a mapping, got a {type(document).__name__}")])
    return document


def _product_as_json(product: Product) -> dict[str, Any]:
    return {**product.as_mapping(), **{name: getattr(product, name) for name in KEPT}}


def _image_as_json(image: CatalogImage) -> dict[str, Any]:
    return {
        "id": image.id, "name": image.name, "product_id": image.product_id, "acquired": image.acquired,
        "created": image.created, "size_bytes": image.size_bytes, "sha256": image.sha256,
        "properties": image.properties,
    }  # fmt: skip


def _image_page(image: CatalogImage) -> str:
    facts = {"acquired": image.acquired, "size": f"{image.size_bytes:,} bytes", "sha256": image.sha256}
    facts |= image.properties
    return "\n".join([repr(image), *(f"  {key}: {value}" for key, value in facts.items())])


def _product_page(product: Product) -> str:
    lines = [repr(product)]
    lines += [f"  {name}: {', '.join(listed)}" for name in ("owners", "writers", "readers")
              if (listed := getattr(product, name))]  # fmt: skip
    return "\n".join(lines)


def _bands(product: Product) -> str:
    names = [band.name for band in product.bands]
    dtypes = "/".join(dict.fromkeys(band.data_type for band in product.bands))
    return f"{', '.join(names[:6])}{', ...' if len(names) > 6 else ''} ({dtypes})"  # noqa: PLR2004  # fits a line


def _print_table(head: Sequence[str], rows: Sequence[Sequence[str]], nothing: str) -> None:
    if not rows:
        click.echo(nothing)
        return
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for row in (head, *rows):
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _print_json(document: Any) -> None:
    click.echo(json.dumps(document, indent=2, default=str))
