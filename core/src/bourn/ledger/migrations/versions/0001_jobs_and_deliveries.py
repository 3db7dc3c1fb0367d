"""Jobs, deliveries, holds, workers and signing keys."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# A migration is history: it repeats the columns as they were, and never imports today's tables.
# Instants are microseconds since 1970.
Instant = sa.BigInteger


def upgrade() -> None:
    op.create_table(
        "workers",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("machine", sa.String(128), nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("process_start", sa.BigInteger, nullable=False),
        sa.Column("seen_at", Instant, nullable=False),
    )
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(48), primary_key=True),
        sa.Column("group_id", sa.String(48), nullable=False, index=True),
        sa.Column("stage", sa.String(9), nullable=False),
        sa.Column("principal", sa.String(255), nullable=False),
        sa.Column("plan", sa.JSON, nullable=False),
        sa.Column("secrets", sa.JSON),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("started_at", Instant),
        sa.Column("updated_at", Instant, nullable=False),
        sa.Column("finished_at", Instant),
        sa.Column("worker_id", sa.String(64)),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("cancel_requested_at", Instant),
        sa.Column("deadline_at", Instant),
        sa.Column("steps_done", sa.BigInteger, nullable=False),
        sa.Column("steps_total", sa.BigInteger, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("error", sa.JSON),
    )
    op.create_index("ix_jobs_stage_worker_id", "jobs", ["stage", "worker_id"])
    op.create_index("ix_jobs_created_at", "jobs", ["created_at"])
    op.create_table(
        "deliveries",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("job_id", sa.String(48), sa.ForeignKey("jobs.id"), nullable=False, unique=True),
        sa.Column("key", sa.String(255)),
        sa.Column("filename", sa.String(255)),
        sa.Column("suffix", sa.String(32)),
        sa.Column("media_type", sa.String(255)),
        sa.Column("size_bytes", sa.BigInteger),
        sa.Column("sha256", sa.String(64)),
        sa.Column("report", sa.JSON),
        sa.Column("stored_at", Instant),
        sa.Column("expires_at", Instant),
        sa.Column("revoked_at", Instant),
        sa.Column("expired_at", Instant),
        sa.Column("erased_at", Instant),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("first_try_at", Instant),
        sa.Column("next_try_at", Instant),
        sa.Column("checkpoint", sa.JSON),
        sa.Column("receipt", sa.JSON),
    )
    op.create_index("ix_deliveries_next_try_at", "deliveries", ["next_try_at"])
    op.create_index("ix_deliveries_expires_at", "deliveries", ["expires_at"])
    op.create_table(
        "holds",
        sa.Column("delivery_id", sa.String(32), sa.ForeignKey("deliveries.id"), primary_key=True),
        sa.Column("owner", sa.String(255), primary_key=True),
    )
    op.create_table(
        "keys",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("secret", sa.String(128), nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("retired_at", Instant),
    )


def downgrade() -> None:
    for table in ("keys", "holds", "deliveries", "jobs", "workers"):
        op.drop_table(table)
