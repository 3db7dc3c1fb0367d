"""The tables of the catalog, as SQLAlchemy Core, and the indexes that only one kind of database knows."""

from __future__ import annotations

from bourn.plugin import Instant
from sqlalchemy import (
    DDL,
    JSON,
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    event,
    text,
)

__all__ = ["boxes", "deliveries", "images", "metadata", "products"]

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
    }
)

# SQLite counts rows up by itself in a column of this very type only.
_Number = BigInteger().with_variant(Integer, "sqlite")

products = Table(
    "catalog_products",
    metadata,
    Column("id", String(200), primary_key=True),
    Column("document", JSON, nullable=False),
    # Of the bands, as pixels depend on them: what was made for other bands is not let in.
    Column("bands_digest", String(64), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
)

# What became of each delivery: the key that publishing and retracting it contend for.
deliveries = Table(
    "catalog_deliveries",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("retracted", Boolean, nullable=False),
    Column("decided_at", Instant, nullable=False, index=True),
)

# Every image that was ever published, until its file is given up; the one of its id that is not superseded is seen.
images = Table(
    "catalog_images",
    metadata,
    Column("row", _Number, primary_key=True, autoincrement=True),
    Column("id", String(401), nullable=False),
    Column("product_id", String(200), ForeignKey("catalog_products.id"), nullable=False),
    Column("name", String(200), nullable=False),
    Column("delivery_id", String(32), nullable=False, unique=True),
    Column("principal", String(255), nullable=False),
    Column("key", String(255), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("acquired_at", Instant, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("properties", JSON, nullable=False),
    Column("item", JSON, nullable=False),
    Column("thumbnail", LargeBinary),
    # A reader may hold the old image open: its file stays for a while.
    Column("superseded_at", Instant, index=True),
    # By which delivery; empty where it was deleted.
    Column("superseded_by", String(32), index=True),
    Index(
        "uq_catalog_images_seen", "id", unique=True,
        sqlite_where=text("superseded_at is null"), postgresql_where=text("superseded_at is null"),
    ),
    Index("ix_catalog_images_product_acquired", "product_id", "acquired_at", "name"),
)  # fmt: skip

# Where the images that are seen lie, in degrees: one box, or one on each side of the antimeridian.
boxes = Table(
    "catalog_boxes",
    metadata,
    Column("id", _Number, primary_key=True, autoincrement=True),
    Column("image", _Number, ForeignKey("catalog_images.row"), nullable=False, index=True),
    Column("west", Double, nullable=False),
    Column("south", Double, nullable=False),
    Column("east", Double, nullable=False),
    Column("north", Double, nullable=False),
    Column("acquired_at", Instant, nullable=False),
)

# SQLite's index over x, y and time is a table of its own, kept in step by triggers. It holds 32-bit numbers, rounded
# outwards: it finds all that it should and a little more.
SQLITE = (
    "create virtual table catalog_rtree using rtree(id, west, east, south, north, first, last)",
    """create trigger catalog_boxes_in after insert on catalog_boxes begin insert into catalog_rtree values
    (new.id, new.west, new.east, new.south, new.north, new.acquired_at, new.acquired_at); end""",
    """create trigger catalog_boxes_out after delete on catalog_boxes begin
    delete from catalog_rtree where id = old.id; end""",
)

POSTGRESQL = (
    "create index ix_catalog_boxes_box on catalog_boxes using gist (box(point(west, south), point(east, north)))",
    "create index ix_catalog_boxes_acquired_at on catalog_boxes (acquired_at)",
)

for _dialect, _statements in {"sqlite": SQLITE, "postgresql": POSTGRESQL}.items():
    for _statement in _statements:
        _made = DDL(_statement)  # type: ignore[no-untyped-call]  # SQLAlchemy left it out
        event.listen(boxes, "after_create", _made.execute_if(dialect=_dialect))
