"""Models that come with Skylike, wherever it is installed."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

from index.model import Model
from index.shipped import released_folder
from survey.archive import SurveyInfo
from survey.contract import InputContract
from survey.manifests import CorruptFolder, publish_folder

__all__ = ["adopt", "fitting", "released_models"]

_CARD = "card.json"


def released_models(folder: Path | None = None) -> list[Model]:
    """Open every released model, by name.

    Parameters
    ----------
    folder
        Default: :func:`index.shipped.released_folder`.

    Raises
    ------
    CorruptFolder
        If one is damaged.
    """
    folder = folder or released_folder()
    return (
        [] if folder is None else [Model.open(card.parent) for card in sorted(folder.glob(f"[!.]*/{_CARD}"))]
    )


def fitting(info: SurveyInfo, *, display: bool, folder: Path | None = None) -> Model | None:
    """Return a released model that reads a survey's images, one trained on it before others; None if none does.

    Models with directions taken out are offered by name only.

    Parameters
    ----------
    display
        Whether it is to read display images; a flux survey's are rendered to colour.
    """
    found = [
        model
        for model in released_models(folder)
        if _reads(model.contract, info, display=display) and not model.card.training.get("without")
    ]
    return min(
        found,
        key=lambda model: (info.name not in model.card.training.get("surveys", {}), model.card.id),
        default=None,
    )


def adopt(name: str, models: Path, *, folder: Path | None = None) -> Model | None:
    """Copy a released model into a data folder's models; None if none has this name.

    A whole model of this name that is there already stays: indexes were built with it, whatever this version brings.

    Raises
    ------
    CorruptFolder
        If the released model is damaged.
    """
    folder = folder or released_folder()
    if folder is None or not (folder / name / _CARD).is_file():
        return None
    with suppress(CorruptFolder):
        return Model.open(models / name)
    released = Model.open(folder / name)
    staged = models / f".{name}.staged"
    shutil.rmtree(staged, ignore_errors=True)
    shutil.copytree(released.path, staged)
    publish_folder(staged, models / name)
    return Model.open(models / name)


def _reads(contract: InputContract, info: SurveyInfo, *, display: bool) -> bool:
    """Whether a contract takes a survey's images without changing their scale by more than a tenth."""
    if contract.is_display or display:
        return contract.is_display and display
    if info.bands is None or not set(contract.bands.ids) <= set(info.bands.ids):
        return False
    if contract.pixel_scale_arcsec is None or info.pixel_scale_arcsec is None:
        return False
    ratio = contract.pixel_scale_arcsec / info.pixel_scale_arcsec
    return abs(ratio - 1) < 0.1 and contract.min_coverage_px * ratio <= info.field_px
