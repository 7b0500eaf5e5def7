"""What a vector tells besides morphology: size, brightness, colour, and which set a picture is from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from retrieval_data import Floats, Gallery, read_rows
from retrieval_scores import Teller

from index.fields import Rejection, fields_for
from survey.contract import InputContract
from training.nuisance import Nuisance, measure_nuisances, ridge_r2
from training.source_probe import source_accuracy

__all__ = ["tell_nuisance", "tell_sources"]

_PER_SOURCE = 300


def measured(gallery: Gallery, contract: InputContract) -> dict[Nuisance, NDArray[np.float64]]:
    """Measure each picture; NaN where it does not fit the contract."""
    cutouts = read_rows(gallery.survey, gallery.rows)
    fields = fields_for(contract, cutouts)
    good = [n for n, one in enumerate(fields) if not isinstance(one, Rejection)]
    told = measure_nuisances(contract, np.stack([fields[n].field for n in good]))  # type: ignore[union-attr]  # rejections left out
    whole = {what: np.full(len(fields), np.nan) for what in told}
    for what, values in told.items():
        whole[what][good] = values
    return whole


def tell_nuisance(
    teller: Teller, gallery: Gallery, vectors: Mapping[str, Sequence[Floats]], contract: InputContract
) -> None:
    """Add R² of size, brightness and colour from each model's vectors, mean over seeds."""
    for what, values in measured(gallery, contract).items():
        n = int(np.isfinite(values).sum())
        for name, seeds in vectors.items():
            found = [ridge_r2(one, values) for one in seeds]
            spread = (min(found), max(found)) if len(found) > 1 else None
            teller.tell(
                f"r2_{what}_{name}", float(np.mean(found)), n=n, unit="R²", better="", interval=spread
            )


def tell_sources(teller: Teller, sets: Mapping[str, tuple[Gallery, Mapping[str, Sequence[Floats]]]]) -> None:
    """Add how often a linear classifier tells from the vector which of the JPEG sets a picture is from.

    Parameters
    ----------
    sets
        By name: the pictures, and by kind of model each seed's vectors of them.
    """
    drawn = {name: _some(gallery, vectors) for name, (gallery, vectors) in sets.items()}
    sources = [name for name, places in drawn.items() for _ in places]
    # Patches of sky stay whole across the two gz1 sets; a row number alone would join unrelated galaxies.
    groups = [
        group if isinstance(group := sets[name][0].groups[place], tuple) else (name, group)
        for name, places in drawn.items()
        for place in places
    ]
    for kind, seeds in next(iter(sets.values()))[1].items():
        found = []
        for n in range(len(seeds)):
            vectors = np.concatenate([sets[name][1][kind][n][places] for name, places in drawn.items()])
            found.append(source_accuracy(vectors, sources, groups, np.random.default_rng(0)))
        spread = (min(found), max(found)) if len(found) > 1 else None
        teller.tell(
            f"source_accuracy_{kind}",
            float(np.mean(found)),
            n=len(sources),
            better="lower",
            interval=spread,
            against={"chance": 1 / len(sets), "power_spectrum": 0.76},
        )


def _some(gallery: Gallery, vectors: Mapping[str, Sequence[Floats]]) -> NDArray[np.intp]:
    """Draw places whose pictures every model takes."""
    every = [np.isfinite(one).all(axis=1) for seeds in vectors.values() for one in seeds]
    good = np.flatnonzero(np.all(every, axis=0))
    assert len(gallery.groups) == len(every[0])
    return np.sort(np.random.default_rng(0).permutation(good)[:_PER_SOURCE])
