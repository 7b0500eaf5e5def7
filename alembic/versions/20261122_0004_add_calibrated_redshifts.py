"""Add the columns of calibrated redshifts and the index that filters by them.

Revision: 0004, after 0003
"""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_NUMBERS = (
    "z_l90",
    "z_u90",
    "z_err68",
    "z_conf",
    "z_mode2",
    "z_mode2_area",
    "z_neighbours",
    "support_percentile",
)
_COUNTS = ("z_n_peaks", "z_flags")
_INDEX = "ix_photoz_release_id_z_best"


def upgrade() -> None:
    for name in _NUMBERS:
        op.add_column("photoz", sa.Column(name, sa.Double()))
    for name in _COUNTS:
        op.add_column("photoz", sa.Column(name, sa.Integer()))
    op.create_index(_INDEX, "photoz", ["release_id", "z_best"])


def downgrade() -> None:
    op.drop_index(_INDEX, "photoz")
    with op.batch_alter_table("photoz") as table:
        for name in (*_NUMBERS, *_COUNTS):
            table.drop_column(name)
