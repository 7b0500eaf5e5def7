"""Case number → hostile upload, the same in every run."""

from __future__ import annotations

import bz2
import gzip
from dataclasses import dataclass

import numpy as np
from support.fuzz_seeds import seeds
from support.mutations import FITS_MUTATIONS, flip_bits
from support.picture_mutations import JPEG_MUTATIONS, PNG_MUTATIONS, cut

from survey.ingest import Overrides
from survey.wrappers import unpack

__all__ = ["FuzzCase", "make_case"]

#: Share of cases that are not mutated at all: if these are not understood, the run tests nothing.
_HONEST = 0.01
#: Share of cases that begin as one of the extra files.
_EXTRA = 0.25
_MOST_BYTES = 4 << 20


@dataclass(frozen=True)
class FuzzCase:
    """One upload.

    Attributes
    ----------
    seed
        Name of the honest file that it began as.
    mutations
        What was done to it, in order; empty for an honest file.
    """

    number: int
    seed: str
    mutations: tuple[str, ...]
    files: tuple[tuple[str, bytes], ...]
    overrides: Overrides
    field_arcsec: float | None


def make_case(number: int, *, folder: str = "/nowhere", extra: dict[str, bytes] | None = None) -> FuzzCase:
    """Build a case from its number alone.

    Parameters
    ----------
    folder
        A folder that hostile file names point into; nothing may ever appear there.
    extra
        Further seeds: name to the bytes of one FITS file.
    """
    rng = np.random.default_rng([20261122, number])
    known = seeds()
    if extra and rng.random() < _EXTRA:
        known = {name: (((name, data),), None) for name, data in sorted(extra.items())}
    seed = list(known)[int(rng.integers(len(known)))]
    files, bands = known[seed]
    mutations: list[str] = []
    if rng.random() >= _HONEST:
        for _ in range(int(rng.choice([1, 1, 1, 2, 2, 3, 5]))):
            at = int(rng.integers(len(files)))
            name, data = files[at]
            data, done = _mutated(data or b"\x00", rng)
            mutations.append(done)
            files = (*files[:at], (name, data[:_MOST_BYTES]), *files[at + 1 :])
    if rng.random() < 0.1:
        hostile = (
            f"{folder}/out.fits",
            f"!{folder}/out.fits",
            f"x({folder}/out.fits)",
            f"file://{folder}/x",
            "\x00|touch",
        )
        files = tuple((hostile[int(rng.integers(len(hostile)))], data) for _, data in files)
    field_arcsec = 33.264 if rng.random() < 0.5 else None
    return FuzzCase(
        number, seed, tuple(mutations), files, _overrides(bands, bool(mutations), rng), field_arcsec
    )


def _mutated(data: bytes, rng: np.random.Generator) -> tuple[bytes, str]:
    if data.startswith((b"\x1f\x8b", b"BZh")):
        if rng.random() < 0.2:
            damage = (flip_bits, cut)[int(rng.integers(2))]
            return damage(data, rng), f"wrapper {damage.__name__}"
        is_gzip = data[0] == 0x1F
        try:
            inside = unpack(data, "gzip" if is_gzip else "bzip2")
        except ValueError:
            return flip_bits(data, rng), "wrapper flip_bits"
        changed, name = _mutated(inside, rng)
        return gzip.compress(changed, 1, mtime=0) if is_gzip else bz2.compress(changed, 1), name
    kinds = {b"\x89P": PNG_MUTATIONS, b"\xff\xd8": JPEG_MUTATIONS}
    options = kinds.get(data[:2], FITS_MUTATIONS)
    mutation = options[int(rng.integers(len(options)))]
    # A cut may have left nothing, not even inside a wrapper.
    return mutation(data or b"\x00", rng), mutation.__name__


def _overrides(bands: str | None, is_mutated: bool, rng: np.random.Generator) -> Overrides:
    """Mostly what the file needs; for mutated ones now and then something else that the query would allow."""
    if not is_mutated or rng.random() < 0.85:
        return Overrides(bands=bands)
    has_place = bool(rng.random() < 0.3)
    return Overrides(
        bands=(bands, "sdss:r", "ugriz", "grz", "sdss-ugriz", ":,,")[int(rng.integers(6))],
        hdu=(None, 0, 1, 2, 1000)[int(rng.integers(5))],
        pixel_scale_arcsec=(None, 1e-3, 0.396, 100.0)[int(rng.integers(4))],
        ra_deg=float(rng.choice([0, 150.1, 360])) if has_place else None,
        dec_deg=float(rng.choice([-90, 2.2, 90])) if has_place else None,
    )
