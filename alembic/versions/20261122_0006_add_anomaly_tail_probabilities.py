"""Add tail probabilities, causes and defects to the scores; the mean distance is no longer written.

Revision: 0006, after 0005
"""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_INDEX = "ix_scores_release_id_anomaly_p"


def upgrade() -> None:
    op.add_column("scores", sa.Column("anomaly_p", sa.Double()))
    op.add_column("scores", sa.Column("cause", sa.String(16)))
    op.add_column("scores", sa.Column("defects", sa.String()))
    with op.batch_alter_table("scores") as table:
        table.alter_column("knn_distance", existing_type=sa.Double(), nullable=True)
    op.create_index(_INDEX, "scores", ["release_id", "anomaly_p"])


def downgrade() -> None:
    op.drop_index(_INDEX, "scores")
    # Scores are made anew from the releases: skylike index activate.
    op.execute("DELETE FROM scores WHERE knn_distance IS NULL")
    with op.batch_alter_table("scores") as table:
        table.alter_column("knn_distance", existing_type=sa.Double(), nullable=False)
        for name in ("anomaly_p", "cause", "defects"):
            table.drop_column(name)
