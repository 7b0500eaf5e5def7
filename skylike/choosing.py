"""Which model indexes a survey."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from index.model import Model
from index.released import adopt, released_models
from skylike.encoding import Step
from survey.archive import SurveyFolder
from training.fixed import fit_fixed

__all__ = ["NoSuchModel", "choose_model"]

_DEFAULT_METHOD: Final = "polar48"


class NoSuchModel(ValueError):
    """A model that neither the data folder nor Skylike itself holds."""


def choose_model(data_dir: Path, survey: SurveyFolder, model_id: str | None, *, step: Step) -> Model:
    """Return the model asked for, else the survey's own (polar48 before others), else fit one.

    A released model is copied into the data folder when it is asked for by name.

    Raises
    ------
    NoSuchModel
        If ``model_id`` is not there.
    """
    folder = data_dir / "models"
    if model_id is not None:
        if (folder / model_id / "card.json").exists():
            return Model.open(folder / model_id)
        if (adopted := adopt(model_id, folder)) is not None:
            return adopted
        known = ", ".join(model.card.id for model in released_models()) or "none"
        raise NoSuchModel(
            f"no model {model_id!r}; released ones: {known}; or fit one: "
            f"skylike train fixed polar48 --survey {survey.info.name}"
        )
    own = []
    for card in sorted(folder.glob("[!.]*/card.json")):
        model = Model.open(card.parent)
        fits = model.contract.is_display == (survey.info.kind == "display")
        if model.card.training.get("survey") == survey.info.name and fits:
            own.append(model)
    if own:
        return min(own, key=lambda model: (model.card.method != _DEFAULT_METHOD, model.card.id))
    fitted = f"{_DEFAULT_METHOD}-{survey.info.name}"[:64].rstrip("-")
    with step(f"Fitting {_DEFAULT_METHOD}") as progress:
        return fit_fixed(_DEFAULT_METHOD, survey, out=folder / fitted, model_id=fitted, progress=progress)
