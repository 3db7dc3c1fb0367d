"""Stamps of the installation, marks of damaged artifacts and of held ones, indexes for millions of jobs."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

PARTIAL = {
    "ix_deliveries_expires_at": ("expires_at", "expired_at IS NULL"),
    "ix_deliveries_next_try_at": ("next_try_at", "next_try_at IS NOT NULL"),
    "ix_deliveries_erasable": ("id", "expired_at IS NOT NULL AND erased_at IS NULL AND held = 0"),
    "ix_deliveries_erased_at": ("erased_at", "erased_at IS NOT NULL"),
}


def upgrade() -> None:
    op.create_table(
        "stamps",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    op.add_column("deliveries", sa.Column("damaged_at", sa.BigInteger))
    op.add_column("deliveries", sa.Column("held", sa.Integer, nullable=False, server_default="0"))
    op.execute("UPDATE deliveries SET held = 1 WHERE id IN (SELECT delivery_id FROM holds)")
    for name in ("ix_deliveries_expires_at", "ix_deliveries_next_try_at"):
        op.drop_index(name, "deliveries")
    for name, (column, condition) in PARTIAL.items():
        where = sa.text(condition)
        op.create_index(name, "deliveries", [column], sqlite_where=where, postgresql_where=where)
    op.create_index("ix_jobs_stage_created_at", "jobs", ["stage", "created_at"])
    op.create_index("ix_jobs_principal_created_at", "jobs", ["principal", "created_at"])
    op.create_index("ix_jobs_principal_stage_created_at", "jobs", ["principal", "stage", "created_at"])
    op.create_index("ix_jobs_stage_finished_at", "jobs", ["stage", "finished_at"])


def downgrade() -> None:
    for columns in ("stage_finished_at", "principal_stage_created_at", "principal_created_at", "stage_created_at"):
        op.drop_index(f"ix_jobs_{columns}", "jobs")
    for name in PARTIAL:
        op.drop_index(name, "deliveries")
    for name in ("expires_at", "next_try_at"):
        op.create_index(f"ix_deliveries_{name}", "deliveries", [name])
    with op.batch_alter_table("deliveries") as table:
        table.drop_column("held")
        table.drop_column("damaged_at")
    op.drop_table("stamps")
