"""From a finished photo-z run to ``photoz.onnx`` and ``photoz.npz`` in a model's folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.card import PhotozCard
from index.model import Model, PhotozParts, publish_model
from index.pdf import RedshiftGrid, cde_loss, summarise
from index.photoz_calibration import PhotozCalibration
from index.support import Degraded
from index.temperature import softmax
from training.config import BadConfig
from training.models.apertures import aperture_names
from training.photoz import grid_of, load_network
from training.photoz_config import PhotozConfig
from training.photoz_data import Part
from training.photoz_degraded import BOTH_SIDES, DEGRADATIONS, degraded_inputs
from training.photoz_export import OUTPUTS, photoz_graph
from training.photoz_metrics import normalised_dz, sigma_mad
from training.photoz_prediction import Predicted, batches_of
from training.precision import PRECISIONS, Precision
from training.quantise import half_weights, open_graph, quantised, run_graph, tensor_ranges
from training.release import NotTrained
from training.runs import RunFolder

__all__ = ["CELL_APERTURE", "export_photoz", "run_photoz_graph"]

#: Cells of the calibration are made of r and g - r in this aperture.
CELL_APERTURE = "9px"
# Another precision is taken if the scatter grows by no more than two parts in a hundred (reference figures of the
# evaluation), and the loss neither.
_MOST_LOST = 0.02
_N_CALIBRATION, _N_REFERENCE = 512, 5000

Told = Callable[[str, int, int], None]


def export_photoz(
    config: PhotozConfig,
    parts: dict[str, Part],
    run: RunFolder,
    models: Path,
    *,
    precision: Precision | None = None,
    progress: Told | None = None,
) -> Model:
    """Add a run's best network, calibrated, to the model it belongs to.

    The precision is chosen on the validation part; the calibration part then calibrates the very graph that is released.

    Parameters
    ----------
    models
        The folder with the model ``config.model_id``, which gets the two files.
    precision
        None takes the smallest that is as good as single precision.

    Raises
    ------
    NotTrained
        If the run has no state yet.
    BadConfig
        If the model reads other inputs than the network.
    CorruptFolder
        If there is no such model.
    """
    tell = progress or (lambda _step, _done, _total: None)
    network = load_network(config, run)
    if network is None:
        raise NotTrained(f"run {run.path.name} has not finished an epoch; fit it first")
    base = Model.open(models / config.model_id)
    if base.contract != config.contract.contract():
        raise BadConfig(
            f"contract: that of {base.card.id} is another one; a photo-z network reads its model's inputs"
        )
    contract, grid = base.contract, grid_of(config)
    exact = photoz_graph(
        network, bands=len(contract.bands), input_px=contract.input_px, n_bins=grid.n_bins, views=config.views
    )
    graph, metrics = _chosen(
        exact, parts, grid=grid, has_trunk=network.trunk is not None, asked=precision, tell=tell
    )
    calibrate = run_photoz_graph(graph, parts["calibrate"], lambda *done: tell("Calibrating", *done))
    few = parts["train"].thinned(_N_REFERENCE)
    reference = run_photoz_graph(graph, few, lambda *done: tell("Describing", *done))
    degraded = [
        Degraded(run_graph(graph, degraded_inputs(few, kind), ("features",))[0], both=kind in BOTH_SIDES)
        for kind in DEGRADATIONS
    ]
    calibration = PhotozCalibration.fit(
        grid,
        calibrate.logits,
        calibrate.photometry,
        calibrate.features,
        parts["calibrate"].z,
        photometry_names=aperture_names(contract),
        magnitude=f"r_{CELL_APERTURE}",
        colour=(f"g_{CELL_APERTURE}", f"r_{CELL_APERTURE}"),
        reference_features=reference.features,
        degraded=degraded,
        n_watched=network.n_photometry,
    )
    train = parts["train"]
    told = PhotozCard(
        z_max=grid.z_max,
        n_bins=grid.n_bins,
        train_set=f"{train.source.survey.info.name}: {len(train)} spectra",
        views=config.views,
        n_train=len(train),
        n_calibration=len(parts["calibrate"]),
        metrics={
            **metrics,
            "temperature": round(calibration.temperature, 4),
            "config": config.model_dump(mode="json"),
        },
    )
    return publish_model(
        base.path,
        base.card.model_copy(update={"photoz": told, "files": {}}),
        encoder=(base.path / "encoder.onnx").read_bytes(),
        golden=base.golden,
        photoz=PhotozParts(graph, calibration),
    )


def run_photoz_graph(
    graph: bytes, part: Part, progress: Callable[[int, int], None] | None = None
) -> Predicted:
    """Run a graph on stored fields, one thread."""
    session = open_graph(graph)
    found = [
        session.run(list(OUTPUTS), {"images": np.ascontiguousarray(part.inputs(some).numpy())})
        for some in batches_of(len(part), progress)
    ]
    return Predicted(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


def _chosen(
    exact: bytes,
    parts: dict[str, Part],
    *,
    grid: RedshiftGrid,
    has_trunk: bool,
    asked: Precision | None,
    tell: Told,
) -> tuple[bytes, dict[str, Any]]:
    """Return the graph in the precision that pays, and what each does on the validation part."""
    validation = parts["validation"]
    graphs = {"fp32": exact, "fp16": half_weights(exact)}
    if has_trunk:
        graphs["int8"] = quantised(
            exact, tensor_ranges(exact, parts["train"].thinned(_N_CALIBRATION).inputs().numpy())
        )
    images = validation.inputs().numpy()
    measured: dict[str, dict[str, float]] = {}
    for done, (name, graph) in enumerate(graphs.items(), start=1):
        logits = run_graph(graph, images, ("logits",))[0]
        measured[name] = {"bytes": len(graph), **_scores(logits, validation.z, grid)}
        tell("Comparing precisions", done, len(graphs))
    best = measured["fp32"]
    good = [
        name
        for name in reversed(PRECISIONS)
        if name in measured
        and measured[name]["sigma_mad"] <= (1 + _MOST_LOST) * best["sigma_mad"]
        and measured[name]["cde_loss"] <= best["cde_loss"] + _MOST_LOST * abs(best["cde_loss"])
    ]
    name = asked or good[0]
    return graphs[name], {"precision": name, "precisions": measured, "n_validation": len(validation)}


def _scores(logits: NDArray[np.float32], z: NDArray[np.float64], grid: RedshiftGrid) -> dict[str, float]:
    probability = softmax(logits)
    scatter = sigma_mad(normalised_dz(summarise(probability, grid).z_best, z))
    return {"cde_loss": round(cde_loss(probability, grid, z), 4), "sigma_mad": round(scatter, 5)}
