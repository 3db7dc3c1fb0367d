"""Products in their table: saved, found, seen by those who may."""

from __future__ import annotations

import hashlib
import json
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from bourn_catalog.access import may
from bourn_catalog.errors import AccessDenied, ProductInUse, UnknownProduct
from bourn_catalog.names import product_id_fault
from bourn_catalog.records.insert import insert_new
from bourn_catalog.records.rows import ProductRow
from bourn_catalog.records.tables import images, products

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from sqlalchemy import Connection

__all__ = ["bands_digest", "find_product", "get_product", "list_products", "save_product"]

# What only describes a band may change at any time.
_SHOWN = frozenset({"display_range", "description", "unit", "class_labels", "colormap", "common_name"})


def bands_digest(document: Mapping[str, Any]) -> str:
    """What the stored pixels of a product depend on, in short."""
    stored = [{key: value for key, value in band.items() if key not in _SHOWN} for band in document["bands"]]
    return hashlib.sha256(json.dumps(stored, sort_keys=True).encode()).hexdigest()


def find_product(connection: Connection, product_id: str, principal: str, *, lock: bool = False) -> ProductRow | None:
    """Return the product of an id; None if there is none, or `principal` may not read it.

    With `lock` it can't be changed until the transaction ends.
    """
    if product_id_fault(product_id) is not None:  # no database has seen it, nor takes every character
        return None
    chosen = sa.select(products).where(products.c.id == product_id)
    row = connection.execute(chosen.with_for_update(read=True) if lock else chosen).one_or_none()
    product = None if row is None else _product(row)
    return product if product is not None and product.may(principal, "read") else None


def get_product(connection: Connection, product_id: str, principal: str) -> ProductRow:
    """The product of that id, or UnknownProduct."""
    product = find_product(connection, product_id, principal)
    if product is None:
        near = get_close_matches(product_id, [seen.id for seen in list_products(connection, principal)], n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        msg = f"there is no product {product_id!r}, or none that {principal!r} may see{hint}"
        raise UnknownProduct(msg)
    return product


def list_products(connection: Connection, principal: str, *, text: str = "") -> Iterator[ProductRow]:
    """Those that `principal` may see, by their ids; with `text` only those whose id or name has it in it."""
    wanted = text.casefold()
    for row in connection.execute(sa.select(products).order_by(products.c.id)):
        searched = f"{row.id}\n{row.document['name']}".casefold()
        if wanted in searched and may(row.document, principal, "read"):
            yield _product(row)


def save_product(connection: Connection, document: Mapping[str, Any], principal: str, now: datetime) -> ProductRow:
    """Create it, or replace the one of its id where that harms no image. Without owners `principal` is one.

    Raises
    ------
    AccessDenied
        The one that is there is somebody else's.
    ProductInUse
        It has images, and the bands are others.
    """
    id_, digest = document["id"], bands_digest(document)
    new = {
        "id": id_, "document": _owned(document, [principal]), "bands_digest": digest,
        "revision": 1, "created_at": now, "updated_at": now,
    }  # fmt: skip
    if insert_new(connection, products, new):
        return ProductRow(**{key: value for key, value in new.items() if key != "id"})
    old = _product(connection.execute(sa.select(products).where(products.c.id == id_).with_for_update()).one())
    if not old.may(principal, "own"):
        msg = f"the id {id_!r} is taken, and {principal!r} does not own that product"
        raise AccessDenied(msg)
    if old.bands_digest != digest:
        _check_unused(connection, old, document)
    new |= {
        "document": _owned(document, old.document["owners"]), "revision": old.revision + 1, "created_at": old.created_at
    }  # fmt: skip
    connection.execute(products.update().where(products.c.id == id_).values(new))
    return ProductRow(**{key: value for key, value in new.items() if key != "id"})


def _owned(document: Mapping[str, Any], owners: list[str]) -> dict[str, Any]:
    return {**document, "owners": document["owners"] or owners}


def _check_unused(connection: Connection, old: ProductRow, new: Mapping[str, Any]) -> None:
    """Bands may change while there is no image made for the old ones."""
    seen = sa.select(sa.func.count()).where(images.c.product_id == old.id, images.c.superseded_at.is_(None))
    count = connection.scalar(seen)
    if count:
        were, are = ([band["name"] for band in document["bands"]] for document in (old.document, new))
        what = f"{', '.join(were)} would become {', '.join(are)}" if were != are else f"{', '.join(were)} would change"
        images_are = "1 image is" if count == 1 else f"{count:,} images are"
        msg = f"{images_are} made for the bands of {old.id!r}: {what}; save the product under another id"
        raise ProductInUse(msg)


def _product(row: sa.Row[Any]) -> ProductRow:
    return ProductRow(
        document=row.document, bands_digest=row.bands_digest, revision=row.revision,
        created_at=row.created_at, updated_at=row.updated_at,
    )  # fmt: skip
