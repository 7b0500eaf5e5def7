"""The data of a photo-z fit: fields, redshifts and dust of a survey's parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from survey.archive import SurveyFolder
from survey.contract import InputContract
from training.config import BadConfig
from training.photoz_config import PhotozConfig
from training.photoz_split import PARTS, parts_of
from training.stored_fields import StoredFields, store_fields

__all__ = ["PhotozData", "photoz_data", "whole_survey"]

_LEAST = 20


@dataclass(frozen=True, slots=True, eq=False)
class PhotozData:
    """Galaxies with a spectrum, by part.

    Attributes
    ----------
    places
        For each name of :data:`training.photoz_split.PARTS`, which of the stored fields are meant; ``train`` holds only
        as many as the configuration asks for.
    z, ebv
        Of every stored field: spectroscopic redshift (NaN without one), E(B-V) in mag (0 where unknown), shape (n,).
    """

    contract: InputContract
    source: StoredFields
    places: dict[str, NDArray[np.int64]]
    z: NDArray[np.float64]
    ebv: NDArray[np.float64]

    def ids(self, part: str) -> list[str]:
        """Return the object ids of a part."""
        names = self.source.survey.ids
        return [names[row] for row in self.source.rows[self.places[part]]]


def photoz_data(
    config: PhotozConfig, data_dir: Path, *, progress: Callable[[int, int], None] | None = None
) -> PhotozData:
    """Open the survey, calibrate its fields once, part it.

    Raises
    ------
    BadConfig
        If the survey shows display images, or too few galaxies with a spectrum.
    CorruptFolder, ValueError
        If the survey is missing or does not fit the contract.
    """
    data = whole_survey(config, data_dir, config.labels.survey, progress=progress)
    source, z = data.source, data.z
    place_of = np.full(len(source.survey), -1, dtype=np.int64)
    place_of[source.rows] = np.arange(len(source))
    places = {part: place_of[rows] for part, rows in parts_of(source.survey).items()}
    places = {part: found[(found >= 0) & np.isfinite(z[found])] for part, found in places.items()}
    if config.labels.n is not None:
        drawn = np.random.default_rng((config.labels.draw, len(places["train"]))).permutation(places["train"])
        places["train"] = np.sort(drawn[: config.labels.n])
    short = [part for part in PARTS if len(places[part]) < _LEAST]
    if short:
        raise BadConfig(
            f"labels: {config.labels.survey} has {len(places[short[0]])} galaxies with a spectrum to {short[0]} on; at "
            f"least {_LEAST} are needed"
        )
    return replace(data, places=places)


def whole_survey(
    config: PhotozConfig, data_dir: Path, name: str, *, progress: Callable[[int, int], None] | None = None
) -> PhotozData:
    """Open any survey for a configuration's contract; all of its galaxies are the part ``test``.

    Raises
    ------
    BadConfig
        If the contract is one of display images.
    CorruptFolder, ValueError
        If the survey is missing or does not fit the contract.
    """
    contract = config.contract.contract()
    if contract.is_display:
        raise BadConfig("contract: display images carry no calibrated colours; photo-z needs linear flux")
    survey = SurveyFolder(data_dir / "surveys" / name)
    source = store_fields(survey, contract, data_dir / "fields", progress=progress)
    objects = survey.objects.take(source.rows)
    z, ebv = (
        np.asarray(objects.column(column).to_pylist(), dtype=np.float64)
        if column in objects.column_names
        else np.full(len(source), np.nan)
        for column in ("z_spec", "ebv")
    )
    return PhotozData(contract, source, {"test": np.arange(len(source))}, z, np.nan_to_num(ebv))
