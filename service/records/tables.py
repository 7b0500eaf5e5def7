"""The tables of the records; every row has an owner."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, DateTime, Index, Integer, String, Table
from sqlalchemy.dialects.postgresql import JSONB

from service.records.base import records

__all__ = ["audit"]

audit = Table(
    "records_audit",
    records,
    # SQLite counts up by itself only in an INTEGER primary key.
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("owner", String(128), nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("action", String(64), nullable=False),
    Column("subject", String(256), nullable=False),
    Column("detail", JSON().with_variant(JSONB(), "postgresql"), nullable=False),
    Index(None, "owner", "at"),
)
