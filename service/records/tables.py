"""The tables of the records; every row has an owner."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB

from service.records.base import records

__all__ = ["audit", "keys", "uploads"]

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
