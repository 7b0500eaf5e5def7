"""Models that need no training run, fitted on a survey in seconds with NumPy."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from index.fields import fields_for
from index.model import Model, ModelCard, publish_model
from survey.archive import SurveyFolder, SurveyInfo
from survey.contract import Calibrated, InputContract
from training.contracts import NotFittable, choose_contract, sky_noise
from training.fusion import polar_moduli
from training.graphs import Description, embed, graph_bytes
from training.pca import principal_axes
from training.pixels import ShrunkPixels

__all__ = ["FIXED_METHODS", "FixedMethod", "NotFittable", "default_contract", "fit_fixed"]

FixedMethod = Literal["pca48", "polar48"]
FIXED_METHODS: tuple[FixedMethod, ...] = get_args(FixedMethod)

_DIMENSION = 48
_BLOCK = 16
_N_GOLDEN = 8
_MIN_OBJECTS = 4
_TITLES: dict[FixedMethod, str] = {
    "pca48": "Pixels: centred, projected on their principal axes, normalised",
    "polar48": "Polar Fourier moduli: unchanged by rotation and reflection",
}


def default_contract(
    method: FixedMethod, info: SurveyInfo, *, display: bool = False, noise: Sequence[float] | None = None
) -> InputContract:
    """Return the contract that :func:`fit_fixed` takes for a survey; see :func:`training.contracts.choose_contract`."""
    _check_method(method)
    return choose_contract(info, display=display, noise=noise)


def fit_fixed(
    method: FixedMethod,
    survey: SurveyFolder,
    *,
    out: Path,
    model_id: str,
    contract: InputContract | None = None,
    seed: int = 0,
    n_fit: int = 4000,
    object_ids: Sequence[str] | None = None,
    created: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Model:
    """Fit a fixed model on a survey's images and publish its folder; no labels are read.

    Parameters
    ----------
    out
        The model's folder; replaced if it exists.
    contract
        Default: :func:`default_contract` with the survey's own sky noise. A display contract on a flux survey
        renders the cutouts to colour first.
    n_fit
        At most this many objects are drawn to find the mean and the axes.
    object_ids
        Draw from these only; default all.
    created
        ISO 8601 time for the card; default now.
    progress
        Called with (done, total) objects.

    Returns
    -------
    Model
        Of dimension 48, or less where the objects drawn span less.

    Raises
    ------
    NotFittable
        If the survey is a catalogue, or fewer than four of the drawn cutouts fit the contract.
    """
    _check_method(method)
    if not survey.has_cutouts:
        raise NotFittable(
            f"survey {survey.info.name} is a catalogue without images; import images to fit a model"
        )
    rng = np.random.default_rng(seed)
    rows = _draw(survey, object_ids, n_fit, rng)
    if contract is None:
        noise = sky_noise(survey, rows) if survey.info.kind == "flux" else None
        contract = default_contract(method, survey.info, noise=noise)
    description = _description(method, contract)
    described, golden = _describe(description, survey, rows, contract, progress)
    principal = principal_axes(described, n_axes=_DIMENSION, rng=rng)
    expected = embed(description.describe(contract.finish(golden)), principal)
    card = ModelCard(
        id=model_id,
        method=method,
        title=_TITLES[method],
        contract=contract.to_json(),
        dimension=principal.axes.shape[1],
        training={
            "survey": survey.info.name,
            "survey_sha256": survey.sha256,
            "n": len(described),
            "n_fit": n_fit,
            "seed": seed,
            "labels": "none",
            "description": description.settings(),
        },
        metrics={"explained_variance": round(float(principal.explained.sum()), 4)},
        code_revision=_version(),
        licence=f"Weights: BSD-3-Clause. Fitted on {survey.info.title}: {survey.info.licence or 'licence not stated'}",
        created=created or dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
    )
    graph = graph_bytes(description, principal, n_bands=len(contract.bands), input_px=contract.input_px)
    return publish_model(out, card, encoder=graph, golden=(golden, expected))


def _check_method(method: str) -> None:
    if method not in FIXED_METHODS:
        raise ValueError(f"unknown method {method!r}; known: {', '.join(FIXED_METHODS)}")


def _draw(
    survey: SurveyFolder, object_ids: Sequence[str] | None, n_fit: int, rng: np.random.Generator
) -> list[int]:
    """Draw rows without replacement, whole blocks of neighbouring rows at a time; return them in stored order."""
    # A block costs as much to read as three single rows of the same shard.
    allowed = (
        np.arange(len(survey)) if object_ids is None else np.unique([survey.row_of(i) for i in object_ids])
    )
    if len(allowed) <= n_fit:
        return [int(row) for row in allowed]
    blocks = np.split(allowed, np.flatnonzero(np.diff(allowed // _BLOCK)) + 1)
    shuffled = np.concatenate([blocks[i] for i in rng.permutation(len(blocks))])
    return [int(row) for row in np.sort(shuffled[:n_fit])]


def _description(method: FixedMethod, contract: InputContract) -> Description:
    n_bands, s = len(contract.bands), contract.input_px
    if method == "pca48":
        return ShrunkPixels(n_bands=n_bands, input_px=s, side_px=min(32, s))
    return polar_moduli(contract)


def _describe(
    description: Description,
    survey: SurveyFolder,
    rows: Sequence[int],
    contract: InputContract,
    progress: Callable[[int, int], None] | None,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Describe what fits the contract; return (n, P) descriptions with the first eight calibrated fields."""
    described: list[NDArray[np.float32]] = []
    golden: list[NDArray[np.float32]] = []
    for done, fields in _batches(survey, rows, contract):
        described.append(description.describe(contract.finish(fields)))
        golden.extend(fields[: _N_GOLDEN - len(golden)])
        if progress is not None:
            progress(done, len(rows))
    n = sum(map(len, described))
    if n < _MIN_OBJECTS:
        raise NotFittable(
            f"{n} of {len(rows)} cutouts of survey {survey.info.name} fit the contract "
            f"({contract.field_px} px field); a model needs at least {_MIN_OBJECTS}"
        )
    return np.concatenate(described), np.stack(golden)


def _batches(
    survey: SurveyFolder, rows: Sequence[int], contract: InputContract
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yield (rows seen, calibrated fields) block by block."""
    seen = 0
    for block, members in groupby(rows, key=lambda row: row // _BLOCK):
        wanted = set(members)
        first = block * _BLOCK
        ((_, cutouts),) = survey.scan(first, first + _BLOCK)
        results = fields_for(contract, [cutout for n, cutout in enumerate(cutouts) if first + n in wanted])
        seen += len(wanted)
        fields = [result.field for result in results if isinstance(result, Calibrated)]
        if fields:
            yield seen, np.stack(fields)


def _version() -> str:
    try:
        return f"skylike {importlib.metadata.version('skylike')}"
    except importlib.metadata.PackageNotFoundError:
        return "skylike, not installed"
