"""The metadata of the catalogue: tables that can be rebuilt from survey and release folders."""

from __future__ import annotations

from sqlalchemy import MetaData

__all__ = ["NAMING", "catalogue"]

# Every constraint has a name that is the same on each database, so that migrations can drop it.
NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

catalogue = MetaData(naming_convention=NAMING)
