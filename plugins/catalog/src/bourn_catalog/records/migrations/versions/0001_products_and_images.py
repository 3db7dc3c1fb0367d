"""Products, images, deliveries, boxes."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# A migration is history: it repeats the columns as they were, and never imports today's tables.
# Instants are microseconds since 1970.
Instant = sa.BigInteger
Number = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "catalog_products",
        sa.Column("id", sa.String(200), primary_key=True),
        sa.Column("document", sa.JSON, nullable=False),
        sa.Column("bands_digest", sa.String(64), nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("updated_at", Instant, nullable=False),
    )
    op.create_table(
        "catalog_deliveries",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("retracted", sa.Boolean, nullable=False),
        sa.Column("decided_at", Instant, nullable=False, index=True),
    )
    op.create_table(
        "catalog_images",
        sa.Column("row", Number, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(401), nullable=False),
        sa.Column("product_id", sa.String(200), sa.ForeignKey("catalog_products.id"), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("delivery_id", sa.String(32), nullable=False, unique=True),
        sa.Column("principal", sa.String(255), nullable=False),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("acquired_at", Instant, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("properties", sa.JSON, nullable=False),
        sa.Column("item", sa.JSON, nullable=False),
        sa.Column("thumbnail", sa.LargeBinary),
        sa.Column("superseded_at", Instant, index=True),
        sa.Column("superseded_by", sa.String(32), index=True),
    )
    seen = sa.text("superseded_at is null")
    op.create_index(
        "uq_catalog_images_seen", "catalog_images", ["id"], unique=True, sqlite_where=seen, postgresql_where=seen
    )
    op.create_index(
        "ix_catalog_images_product_acquired", "catalog_images", ["product_id", "acquired_at", "name"]
    )
    op.create_table(
        "catalog_boxes",
        sa.Column("id", Number, primary_key=True, autoincrement=True),
        sa.Column("image", Number, sa.ForeignKey("catalog_images.row"), nullable=False, index=True),
        sa.Column("west", sa.Double, nullable=False),
        sa.Column("south", sa.Double, nullable=False),
        sa.Column("east", sa.Double, nullable=False),
        sa.Column("north", sa.Double, nullable=False),
        sa.Column("acquired_at", Instant, nullable=False),
    )
    if op.get_bind().dialect.name == "sqlite":
        op.execute("create virtual table catalog_rtree using rtree(id, west, east, south, north, first, last)")
        op.execute(
            "create trigger catalog_boxes_in after insert on catalog_boxes begin insert into catalog_rtree values "
            "(new.id, new.west, new.east, new.south, new.north, new.acquired_at, new.acquired_at); end"
        )
        op.execute(
            "create trigger catalog_boxes_out after delete on catalog_boxes begin "
            "delete from catalog_rtree where id = old.id; end"
        )
    elif op.get_bind().dialect.name == "postgresql":
        op.execute(
            "create index ix_catalog_boxes_box on catalog_boxes "
            "using gist (box(point(west, south), point(east, north)))"
        )
        op.execute("create index ix_catalog_boxes_acquired_at on catalog_boxes (acquired_at)")


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.drop_table("catalog_rtree")
    for table in ("catalog_boxes", "catalog_images", "catalog_deliveries", "catalog_products"):
        op.drop_table(table)
