"""Add the tables of interest sessions and of labels.

Revision: 0005, after 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "records_sessions",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("survey", sa.String(64), nullable=False),
        sa.Column("release_id", sa.String(64), nullable=False),
        sa.Column("model_id", sa.String(64), nullable=False),
        sa.Column("learner", sa.String(32), nullable=False),
        sa.Column("threshold", sa.Double(), nullable=False),
        sa.Column("filters", sa.JSON().with_variant(JSONB(), "postgresql"), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_records_sessions"),
    )
    op.create_index("ix_records_sessions_owner_created_at", "records_sessions", ["owner", "created_at"])
    op.create_table(
        "records_labels",
        _counted(),
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("session_id", sa.String(32)),
        sa.Column("survey", sa.String(64), nullable=False),
        sa.Column("object_id", sa.String(128), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("value", sa.Double()),
        sa.Column("note", sa.String(2000)),
        sa.Column("origin", sa.String(16), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("release_id", sa.String(64), nullable=False),
        sa.Column("model_id", sa.String(64), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("client_key", sa.String(64)),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("ended_by", sa.String(32)),
        sa.PrimaryKeyConstraint("number", name="pk_records_labels"),
        sa.UniqueConstraint("id", name="uq_records_labels_id"),
        sa.UniqueConstraint("owner", "client_key", name="uq_records_labels_owner_client_key"),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["records_sessions.id"],
            name="fk_records_labels_session_id",
            ondelete="CASCADE",
        ),
    )
    op.create_index(
        "ix_records_labels_owner_survey_object_id", "records_labels", ["owner", "survey", "object_id"]
    )
    op.create_index("ix_records_labels_owner_at", "records_labels", ["owner", "at"])
    op.create_index("ix_records_labels_session_id_number", "records_labels", ["session_id", "number"])


def downgrade() -> None:
    for table in ("records_labels", "records_sessions"):
        op.drop_table(table)


def _counted() -> sa.Column[int]:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column("number", number, autoincrement=True, nullable=False)
