"""The tables of the records; every row has an owner."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB

from service.records.base import records

__all__ = ["audit", "job_chunks", "jobs", "keys", "labels", "sessions", "uploads"]

_JSON = JSON().with_variant(JSONB(), "postgresql")
# SQLite counts up by itself only in an INTEGER primary key.
_COUNTED = BigInteger().with_variant(Integer, "sqlite")

audit = Table(
    "records_audit",
    records,
    Column("id", _COUNTED, primary_key=True, autoincrement=True),
    Column("owner", String(128), nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("action", String(64), nullable=False),
    Column("subject", String(256), nullable=False),
    Column("detail", _JSON, nullable=False),
    Index(None, "owner", "at"),
)

keys = Table(
    "records_keys",
    records,
    Column("id", _COUNTED, primary_key=True, autoincrement=True),
    Column("owner", String(64), nullable=False, index=True),
    Column("name", String(100), nullable=False),
    Column("key_hash", String(64), nullable=False, unique=True),
    Column("prefix", String(16), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True)),
    Column("revoked_at", DateTime(timezone=True)),
)

uploads = Table(
    "records_uploads",
    records,
    Column("id", String(32), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("n_bytes", BigInteger, nullable=False),
    Column("release_id", String(64), nullable=False),
    Column("about", _JSON, nullable=False),
    UniqueConstraint("owner", "digest"),
    Index(None, "owner", "created_at"),
)

jobs = Table(
    "records_jobs",
    records,
    Column("id", String(32), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("phase", String(16), nullable=False),
    Column("parameters", _JSON, nullable=False),
    Column("format", String(32), nullable=False),
    Column("n_rows", BigInteger, nullable=False),
    Column("chunk_rows", Integer, nullable=False),
    Column("n_chunks", Integer, nullable=False),
    Column("n_bytes", BigInteger, nullable=False),
    Column("error", String(1000)),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("started_at", DateTime(timezone=True)),
    Column("ended_at", DateTime(timezone=True)),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("turn_at", DateTime(timezone=True), nullable=False),
    Index(None, "owner", "created_at"),
    Index(None, "phase", "turn_at"),
    Index(None, "expires_at"),
)

job_chunks = Table(
    "records_job_chunks",
    records,
    Column("job_id", String(32), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("owner", String(64), nullable=False),
    Column("n_rows", Integer, nullable=False),
    Column("token", BigInteger, nullable=False),
    Column("holder", String(64)),
    Column("leased_until", DateTime(timezone=True)),
    Column("lapses", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("result", String(64)),
    Column("digest", String(64)),
    Column("n_bytes", BigInteger, nullable=False),
    Column("ended_at", DateTime(timezone=True)),
    ForeignKeyConstraint(["job_id"], ["records_jobs.id"], ondelete="CASCADE"),
)

sessions = Table(
    "records_sessions",
    records,
    Column("id", String(32), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("name", String(200), nullable=False),
    Column("survey", String(64), nullable=False),
    Column("release_id", String(64), nullable=False),
    Column("model_id", String(64), nullable=False),
    Column("learner", String(32), nullable=False),
    Column("threshold", Double(), nullable=False),
    Column("filters", _JSON, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("closed_at", DateTime(timezone=True)),
    Index(None, "owner", "created_at"),
)

# Nothing in a row changes but how it ended: `ended_at`, and by which later label, none where it was withdrawn.
labels = Table(
    "records_labels",
    records,
    Column("number", _COUNTED, primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("owner", String(64), nullable=False),
    Column("session_id", String(32)),
    Column("survey", String(64), nullable=False),
    Column("object_id", String(128), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("value", Double()),
    Column("note", String(2000)),
    Column("origin", String(16), nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("release_id", String(64), nullable=False),
    Column("model_id", String(64), nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("client_key", String(64)),
    Column("ended_at", DateTime(timezone=True)),
    Column("ended_by", String(32)),
    ForeignKeyConstraint(["session_id"], ["records_sessions.id"], ondelete="CASCADE"),
    UniqueConstraint("owner", "client_key"),
    Index(None, "owner", "survey", "object_id"),
    Index(None, "owner", "at"),
    Index(None, "session_id", "number"),
)
