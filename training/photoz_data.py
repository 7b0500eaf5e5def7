"""The data of a photo-z fit: fields, redshifts and dust of a survey's parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from survey.archive import SurveyFolder
from survey.contract import InputContract
from training.augment.recipe import Views
from training.config import BadConfig
from training.photoz_config import PhotozConfig
from training.photoz_split import PARTS, parts_of
from training.stored_fields import StoredFields, store_fields

__all__ = ["Part", "photoz_parts", "whole_survey"]

_LEAST = 20

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Some galaxies of a survey.

    Attributes
    ----------
    places
        Which of the stored fields are meant, shape (n,).
    z, ebv
        Their spectroscopic redshifts (NaN without one) and E(B-V) in mag (0 where unknown), shape (n,).
    """

    contract: InputContract
    source: StoredFields
    places: NDArray[np.int64]
    z: NDArray[np.float64]
    ebv: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.places)

    @property
    def ids(self) -> list[str]:
        """Object ids."""
        names = self.source.survey.ids
        return [names[row] for row in self.source.rows[self.places]]

    def take(self, rows: NDArray[np.int64] | slice) -> Part:
        """Return some of them."""
        return replace(self, places=self.places[rows], z=self.z[rows], ebv=self.ebv[rows])

    def thinned(self, n: int) -> Part:
        """Return about ``n`` of them, evenly."""
        return self.take(slice(None, None, max(1, len(self) // n)))

    def fields(self, rows: slice = slice(None)) -> Tensor:
        """Return calibrated fields as stored, shape (n, C, F, F)."""
        return torch.from_numpy(np.asarray(self.source.fields[self.places[rows]]))

    def inputs(self, rows: slice = slice(None)) -> Tensor:
        """Return unchanged network inputs, shape (n, C, S, S)."""
        return Views(self.contract, ()).plain(self.fields(rows))

    def dust(self, rows: slice = slice(None)) -> Tensor:
        """Return E(B-V), shape (n,), float32."""
        return torch.from_numpy(self.ebv[rows]).float()


def photoz_parts(
    config: PhotozConfig, data_dir: Path, *, progress: Progress | None = None
) -> dict[str, Part]:
    """Open the survey, calibrate its fields once, part it.

    Returns
    -------
    dict
        Galaxies with a spectrum for each name of :data:`training.photoz_split.PARTS`; ``train`` holds only as many as the
        configuration asks for.

    Raises
    ------
    BadConfig
        If the survey shows display images, or too few galaxies with a spectrum.
    CorruptFolder, ValueError
        If a survey is missing or does not fit the contract.
    """
    labels = config.labels
    parts = _parted(whole_survey(config, data_dir, labels.survey, progress=progress))
    if labels.learn_from is not None:
        other = _parted(whole_survey(config, data_dir, labels.learn_from, progress=progress))
        parts |= {part: other[part] for part in ("train", "validation")}
    if labels.n is not None:
        drawn = np.random.default_rng((labels.draw, len(parts["train"]))).permutation(len(parts["train"]))
        parts["train"] = parts["train"].take(np.sort(drawn[: labels.n]))
    for name in PARTS:
        if len(parts[name]) < _LEAST:
            raise BadConfig(
                f"labels: {parts[name].source.survey.info.name} has {len(parts[name])} galaxies with a spectrum to {name} on; "
                f"at least {_LEAST} are needed"
            )
    return parts


def whole_survey(
    config: PhotozConfig, data_dir: Path, name: str, *, progress: Progress | None = None
) -> Part:
    """Open any survey for a configuration's contract.

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
    return Part(contract, source, np.arange(len(source)), z, np.nan_to_num(ebv))


def _parted(whole: Part) -> dict[str, Part]:
    source = whole.source
    place_of = np.full(len(source.survey), -1, dtype=np.int64)
    place_of[source.rows] = np.arange(len(source))
    places = {part: place_of[rows] for part, rows in parts_of(source.survey).items()}
    return {
        part: whole.take(found[(found >= 0) & np.isfinite(whole.z[found])]) for part, found in places.items()
    }
