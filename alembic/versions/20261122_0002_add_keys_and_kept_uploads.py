"""Add the tables of API keys and of uploads that are kept.

Revision: 0002, after 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "records_keys",
        _counted(),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("key_hash", sa.String(64), nullable=False),
        sa.Column("prefix", sa.String(16), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_records_keys"),
        sa.UniqueConstraint("key_hash", name="uq_records_keys_key_hash"),
    )
    op.create_index("ix_records_keys_owner", "records_keys", ["owner"])
    op.create_table(
        "records_uploads",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("n_bytes", sa.BigInteger(), nullable=False),
        sa.Column("release_id", sa.String(64), nullable=False),
        sa.Column("about", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_records_uploads"),
        sa.UniqueConstraint("owner", "digest", name="uq_records_uploads_owner_digest"),
    )
    op.create_index("ix_records_uploads_owner_created_at", "records_uploads", ["owner", "created_at"])


def downgrade() -> None:
    for table in ("records_uploads", "records_keys"):
        op.drop_table(table)


def _counted() -> sa.Column[int]:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column("id", number, autoincrement=True, nullable=False)
