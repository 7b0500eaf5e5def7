"""Golden objects: drawn galaxies, since no pixel of a real survey may leave with a model."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from survey.contract import InputContract

__all__ = ["are_drawn", "golden_fields"]

_SKY_COUNTS, _PEAK_COUNTS = 3.0, 160.0
# Total light of the faintest and the brightest, in units of the sky noise of a pixel.
_FAINTEST, _BRIGHTEST = 500.0, 20_000.0


def golden_fields(contract: InputContract, *, n: int = 8, seed: int = 0) -> NDArray[np.float32]:
    """Draw calibrated fields of Sersic galaxies under sky noise.

    Parameters
    ----------
    contract
        Whose fields they are to be: nanomaggies with a sky noise of ``softening``, or display counts.

    Returns
    -------
    ndarray
        Shape (n, C, F, F); index, size, flattening, angle and colour drawn, alike on every machine to rounding.

    References
    ----------
    Sersic 1968; ``b = 2 n - 1/3 + 4 / (405 n)`` of Ciotti & Bertin 1999, A&A 352, 447, eq. 18, first terms.
    """
    rng = np.random.default_rng(seed)
    return np.stack([_field(contract, rng) for _ in range(n)])


def are_drawn(contract: InputContract, fields: NDArray[np.float32]) -> bool:
    """Whether fields are what :func:`golden_fields` draws, to the rounding of another machine (one display count)."""
    drawn = golden_fields(contract, n=len(fields))
    allowed = 1.0 if contract.is_display else 1e-3 * float(np.abs(drawn).max())
    return fields.shape == drawn.shape and bool(np.abs(fields - drawn).max() <= allowed)


def _field(contract: InputContract, rng: np.random.Generator) -> NDArray[np.float32]:
    bands = len(contract.bands)
    light = _sersic(contract.field_px, contract.input_px, rng)
    # Redder or bluer from band to band by up to a factor of three over all of them.
    colour = 3.0 ** (rng.uniform(-0.5, 0.5) * np.linspace(-1, 1, bands))[:, None, None]
    noise = rng.normal(size=(bands, *light.shape))
    if contract.is_display:
        counts = _SKY_COUNTS + _PEAK_COUNTS * colour * np.sqrt(light / light.max()) + 2.0 * noise
        return np.asarray(np.rint(np.clip(counts, 0, 255)), dtype=np.float32)
    total = float(np.exp(rng.uniform(np.log(_FAINTEST), np.log(_BRIGHTEST))))
    sigma = np.array(contract.softening or (1.0,) * bands)[:, None, None]
    return np.asarray(sigma * (total * colour * light / light.sum() + noise), dtype=np.float32)


def _sersic(side: int, seen: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the light of one galaxy in the middle of a field, shape (side, side); nothing smaller than a pixel."""
    index, half_light = rng.uniform(0.7, 4.0), rng.uniform(0.05, 0.2) * seen
    ratio, angle = rng.uniform(0.3, 1.0), rng.uniform(0, np.pi)
    y, x = np.indices((side, side)) - (side - 1) / 2
    along = x * np.cos(angle) + y * np.sin(angle)
    across = (y * np.cos(angle) - x * np.sin(angle)) / ratio
    radius = np.sqrt(along**2 + across**2 + 1.0)
    b = 2 * index - 1 / 3 + 4 / (405 * index)
    return np.asarray(np.exp(-b * ((radius / half_light) ** (1 / index) - 1)))
