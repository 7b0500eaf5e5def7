"""The metadata of the records: what people made, which no folder can bring back."""

from __future__ import annotations

from sqlalchemy import MetaData

from index.catalogue.base import NAMING

__all__ = ["records"]

records = MetaData(naming_convention=NAMING)
