"""What catalogues write where they know nothing."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

__all__ = ["NO_MAGNITUDE", "NO_POSITION", "NO_REDSHIFT", "SENTINELS", "is_sentinel"]

NO_REDSHIFT = (-1.0, -9.0, -99.0, -99.9, -999.0, -9999.0, 99.0, 99.9, 99.99, 999.0, 9999.0)
NO_MAGNITUDE = (-9.0, -99.0, -99.9, -999.0, -9999.0, 99.0, 99.9, 99.99, 999.0, 9999.0)
NO_POSITION = (-99.0, -999.0, -9999.0)

#: By standard column.
SENTINELS: Mapping[str, tuple[float, ...]] = {
    "ra_deg": NO_POSITION,
    "dec_deg": NO_POSITION,
    "z_spec": NO_REDSHIFT,
    "ebv": NO_MAGNITUDE,
    "mag_r": NO_MAGNITUDE,
}


def is_sentinel(values: NDArray[np.float64], sentinels: tuple[float, ...]) -> NDArray[np.bool_]:
    """Whether each value is one of the sentinels; float32 columns hold -99.9 to a few parts in ten million."""
    return np.asarray(np.isclose(values[:, None], sentinels, rtol=1e-6, atol=0).any(axis=1))
