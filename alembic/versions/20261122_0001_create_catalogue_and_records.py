"""Create the tables of the catalogue and of the records.

Revision: 0001, the first
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_POINTS = ("z_best", "z_mode", "z_mean", "z_median", "z_l68", "z_u68", "z_l95", "z_u95", "z_odds")


def upgrade() -> None:
    _create_surveys()
    _create_releases()
    _create_answers()
    _create_records()


def downgrade() -> None:
    for table in ("records_audit", "scores", "photoz", "active_releases", "releases", "galaxies", "surveys"):
        op.drop_table(table)


def _json() -> sa.types.TypeEngine[object]:
    return sa.JSON().with_variant(JSONB(), "postgresql")


def _create_surveys() -> None:
    op.create_table(
        "surveys",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("n_objects", sa.Integer(), nullable=False),
        sa.Column("info", _json(), nullable=False),
        sa.Column("ingested_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_surveys"),
    )
    op.create_table(
        "galaxies",
        sa.Column("survey", sa.String(64), nullable=False),
        sa.Column("object_id", sa.String(), nullable=False),
        sa.Column("ra_deg", sa.Double()),
        sa.Column("dec_deg", sa.Double()),
        sa.Column("hpx29", sa.BigInteger()),
        sa.Column("ebv", sa.Double()),
        sa.Column("z_spec", sa.Double()),
        sa.Column("photometry", _json(), nullable=False),
        sa.Column("attributes", _json(), nullable=False),
        sa.ForeignKeyConstraint(["survey"], ["surveys.name"], name="fk_galaxies_survey", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("survey", "object_id", name="pk_galaxies"),
    )
    op.create_index("ix_galaxies_survey_hpx29", "galaxies", ["survey", "hpx29"])


def _create_releases() -> None:
    op.create_table(
        "releases",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("survey", sa.String(64), nullable=False),
        sa.Column("model_id", sa.String(64), nullable=False),
        sa.Column("survey_sha256", sa.String(64), nullable=False),
        sa.Column("model_sha256", sa.String(64), nullable=False),
        sa.Column("manifest_sha256", sa.String(64), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("dimension", sa.Integer(), nullable=False),
        sa.Column("metric", sa.String(16), nullable=False),
        sa.Column("recall_at_10", sa.Double(), nullable=False),
        sa.Column("exact", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("activated_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_releases"),
    )
    op.create_index("ix_releases_survey_model_id", "releases", ["survey", "model_id"])
    op.create_table(
        "active_releases",
        sa.Column("survey", sa.String(64), nullable=False),
        sa.Column("model_id", sa.String(64), nullable=False),
        sa.Column("release_id", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(["release_id"], ["releases.id"], name="fk_active_releases_release_id"),
        sa.PrimaryKeyConstraint("survey", "model_id", name="pk_active_releases"),
    )


def _create_answers() -> None:
    op.create_table(
        "photoz",
        sa.Column("release_id", sa.String(64), nullable=False),
        sa.Column("object_id", sa.String(), nullable=False),
        *(sa.Column(name, sa.Double(), nullable=False) for name in _POINTS),
        sa.ForeignKeyConstraint(
            ["release_id"], ["releases.id"], name="fk_photoz_release_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("release_id", "object_id", name="pk_photoz"),
    )
    op.create_table(
        "scores",
        sa.Column("release_id", sa.String(64), nullable=False),
        sa.Column("object_id", sa.String(), nullable=False),
        sa.Column("anomaly_percentile", sa.Double(), nullable=False),
        sa.Column("knn_distance", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["release_id"], ["releases.id"], name="fk_scores_release_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("release_id", "object_id", name="pk_scores"),
    )
    op.create_index("ix_scores_release_id_anomaly_percentile", "scores", ["release_id", "anomaly_percentile"])


def _create_records() -> None:
    op.create_table(
        "records_audit",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("owner", sa.String(128), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(256), nullable=False),
        sa.Column("detail", _json(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_records_audit"),
    )
    op.create_index("ix_records_audit_owner_at", "records_audit", ["owner", "at"])
