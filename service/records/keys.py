"""API keys: who may ask in whose name."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import RowMapping, insert, select, update
from sqlalchemy.orm import Session

from index.catalogue.session import utc
from service.records.tables import keys

__all__ = [
    "LOCAL",
    "BadOwner",
    "KeyRow",
    "checked_owner",
    "find_key",
    "hash_of",
    "issue",
    "list_keys",
    "revoke",
]

#: Who asks without a key on a service that only this machine reaches; no key is ever given out for it.
LOCAL: Final = "local"

_OWNER = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")
_MARK, _SHOWN = "sk_", 9


class BadOwner(ValueError):
    """A name that no owner of a key may have."""


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key as the database knows it; the key itself is nowhere.

    Attributes
    ----------
    prefix
        The key's first characters, to tell keys apart.
    expires_at, revoked_at
        From when on it opens nothing; None for never.
    """

    id: int
    owner: str
    name: str
    prefix: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    def opens(self, now: datetime) -> bool:
        """Whether the key is taken at a moment."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


def checked_owner(owner: str) -> str:
    """Return an owner's name if it is one.

    Raises
    ------
    BadOwner
        If it is not, or is that of the machine's own user.
    """
    if not _OWNER.fullmatch(owner):
        raise BadOwner(
            f"{owner!r} is no owner: use up to 64 lower-case letters, digits and . _ @ -, a letter or digit first"
        )
    if owner == LOCAL:
        raise BadOwner(f"{LOCAL!r} is whoever asks without a key on this machine: choose another name")
    return owner


def hash_of(key: str) -> str:
    """Return what is stored of a key: its SHA-256 as hex.

    A key is 256 random bits, so nobody can guess one and a slow hash (for passwords, which people choose)
    would only cost time in every request.
    """
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()


def issue(
    session: Session,
    *,
    owner: str,
    name: str = "",
    expires_at: datetime | None = None,
    now: datetime | None = None,
) -> tuple[KeyRow, str]:
    """Make a key; flushes, the caller commits.

    Returns
    -------
    tuple
        The row, and the key itself, which exists nowhere else.

    Raises
    ------
    BadOwner
        If the owner's name is none.
    """
    key = _MARK + secrets.token_urlsafe(32)
    values = {
        "owner": checked_owner(owner),
        "name": "".join(c for c in name if c.isprintable())[:100],
        "prefix": key[:_SHOWN],
        "created_at": now or datetime.now(UTC),
        "expires_at": expires_at,
        "revoked_at": None,
    }
    made = session.execute(insert(keys).values(**values, key_hash=hash_of(key)).returning(*_COLUMNS))
    return _key(made.mappings().one()), key


def find_key(session: Session, key_hash: str) -> KeyRow | None:
    """Return the key with a hash, whether it still opens anything or not."""
    row = session.execute(select(*_COLUMNS).where(keys.c.key_hash == key_hash)).mappings().one_or_none()
    return None if row is None else _key(row)


def list_keys(session: Session) -> list[KeyRow]:
    """Return every key, also expired and revoked ones, by owner and time."""
    query = select(*_COLUMNS).order_by(keys.c.owner, keys.c.created_at, keys.c.id)
    return [_key(row) for row in session.execute(query).mappings()]


def revoke(session: Session, key_id: int, *, now: datetime | None = None) -> KeyRow | None:
    """Let a key open nothing from now on; flushes, the caller commits.

    Returns
    -------
    KeyRow
        The key, with the time of its first revocation; None if there is no such key.
    """
    moment = now or datetime.now(UTC)
    session.execute(
        update(keys).where(keys.c.id == key_id, keys.c.revoked_at.is_(None)).values(revoked_at=moment)
    )
    row = session.execute(select(*_COLUMNS).where(keys.c.id == key_id)).mappings().one_or_none()
    return None if row is None else _key(row)


_COLUMNS = [column for column in keys.c if column.name != "key_hash"]


def _key(row: RowMapping) -> KeyRow:
    moments = {name: row[name] for name in ("created_at", "expires_at", "revoked_at")}
    return KeyRow(**{**row, **{name: at and utc(at) for name, at in moments.items()}})
