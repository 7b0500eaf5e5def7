"""Which columns of a table hold one value per row."""

from __future__ import annotations

import pyarrow as pa

__all__ = ["is_scalar", "stored_type"]


def is_scalar(kind: pa.DataType) -> bool:
    """Whether a column of this type has one number, word, truth or time per row."""
    return bool(
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_null(kind)
        or pa.types.is_date(kind)
        or pa.types.is_timestamp(kind)
        or pa.types.is_decimal(kind)
        or (pa.types.is_dictionary(kind) and is_scalar(kind.value_type))
    )


def stored_type(kind: pa.DataType) -> pa.DataType:
    """Return the type that a scalar column is kept as: a number, a truth or a text; JSON knows no others."""
    if pa.types.is_dictionary(kind):
        return stored_type(kind.value_type)
    if pa.types.is_decimal(kind):
        return pa.float64()
    text = pa.types.is_large_string(kind) or pa.types.is_date(kind) or pa.types.is_timestamp(kind)
    return pa.string() if text else kind
