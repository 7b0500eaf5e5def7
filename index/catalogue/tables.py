"""The tables of the catalogue."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
)
from sqlalchemy.dialects.postgresql import JSONB

from index.catalogue.base import catalogue

__all__ = ["active_releases", "galaxies", "photoz", "releases", "scores", "surveys"]

_JSON = JSON().with_variant(JSONB(), "postgresql")

_POINTS = ("z_best", "z_mode", "z_mean", "z_median", "z_l68", "z_u68", "z_l95", "z_u95", "z_odds")
_CALIBRATED = (
    "z_l90",
    "z_u90",
    "z_err68",
    "z_conf",
    "z_mode2",
    "z_mode2_area",
    "z_neighbours",
    "support_percentile",
)

surveys = Table(
    "surveys",
    catalogue,
    Column("name", String(64), primary_key=True),
    Column("title", String, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("n_objects", Integer, nullable=False),
    Column("info", _JSON, nullable=False),
    Column("ingested_at", DateTime(timezone=True), nullable=False),
)

galaxies = Table(
    "galaxies",
    catalogue,
    Column("survey", ForeignKey("surveys.name", ondelete="CASCADE"), primary_key=True),
    Column("object_id", String, primary_key=True),
    Column("ra_deg", Double),
    Column("dec_deg", Double),
    Column("hpx29", BigInteger),
    Column("ebv", Double),
    Column("z_spec", Double),
    Column("photometry", _JSON, nullable=False),
    Column("attributes", _JSON, nullable=False),
    # The survey stands first: SQLite without statistics would otherwise take the primary key for
    # "survey = … AND hpx29 BETWEEN …" and read the whole survey.
    Index(None, "survey", "hpx29"),
)

releases = Table(
    "releases",
    catalogue,
    Column("id", String(64), primary_key=True),
    Column("survey", String(64), nullable=False),
    Column("model_id", String(64), nullable=False),
    Column("survey_sha256", String(64), nullable=False),
    Column("model_sha256", String(64), nullable=False),
    Column("manifest_sha256", String(64), nullable=False),
    Column("n", Integer, nullable=False),
    Column("dimension", Integer, nullable=False),
    Column("metric", String(16), nullable=False),
    Column("recall_at_10", Double, nullable=False),
    Column("exact", Boolean, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("activated_at", DateTime(timezone=True)),
    Index(None, "survey", "model_id"),
)

active_releases = Table(
    "active_releases",
    catalogue,
    Column("survey", String(64), primary_key=True),
    Column("model_id", String(64), primary_key=True),
    Column("release_id", ForeignKey("releases.id"), nullable=False),
)

photoz = Table(
    "photoz",
    catalogue,
    Column("release_id", ForeignKey("releases.id", ondelete="CASCADE"), primary_key=True),
    Column("object_id", String, primary_key=True),
    *(Column(name, Double, nullable=False) for name in _POINTS),
    # What calibration adds; null in releases of before it, and where it is unknown.
    *(Column(name, Double) for name in _CALIBRATED),
    Column("z_n_peaks", Integer),
    Column("z_flags", Integer),
    Index(None, "release_id", "z_best"),
)

scores = Table(
    "scores",
    catalogue,
    Column("release_id", ForeignKey("releases.id", ondelete="CASCADE"), primary_key=True),
    Column("object_id", String, primary_key=True),
    Column("anomaly_percentile", Double, nullable=False),
    # Of releases of before format 5, by software of before it; nothing writes it any more.
    Column("knn_distance", Double),
    # Null for releases of before format 5; cause and defects also where pixels were not inspected.
    Column("anomaly_p", Double),
    Column("cause", String(16)),
    Column("defects", String),
    Index(None, "release_id", "anomaly_percentile"),
    Index(None, "release_id", "anomaly_p"),
)
