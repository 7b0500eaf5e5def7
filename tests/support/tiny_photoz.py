"""A redshift network for the tiny survey: aperture colours to logits, one ONNX graph, calibrated on the survey."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from index.card import PhotozCard
from index.model import Model, PhotozParts, publish_model
from index.pdf import RedshiftGrid
from index.photoz_calibration import PhotozCalibration
from survey.archive import SurveyFolder
from survey.contract import InputContract
from training.graph_writer import GraphWriter

GRID = RedshiftGrid(0.4, 180)
NAMES = ("u", "g", "r", "i", "z")
_SIGMA, _FEATURES = 0.008, 4


def photoz_graph(contract: InputContract, *, offset: float = 0.0) -> bytes:
    """Return the graph: u - z, which is linear in the tiny survey's redshift, as a Gaussian around it.

    Parameters
    ----------
    offset
        Added to every redshift, for a network that is another.
    """
    graph = GraphWriter()
    axes = graph.constant(np.array([2, 3], np.int64))
    stretch = graph.constant(np.array(contract.softening, np.float32)[None, :, None, None])
    flux = graph.add("Mul", graph.add("Sinh", "images"), stretch)
    total = graph.add("ReduceSum", flux, axes, keepdims=0)
    positive = graph.add("Max", total, graph.constant(np.array(1e-2, np.float32)))
    scaled = graph.add(
        "Mul", graph.add("Log", positive), graph.constant(np.array(-2.5 / np.log(10), np.float32))
    )
    graph.add("Add", scaled, graph.constant(np.array(22.5, np.float32)), output="photometry")
    colours = np.zeros((5, _FEATURES), np.float32)
    for band in range(_FEATURES):
        colours[band, band], colours[band + 1, band] = 1, -1
    graph.add("MatMul", "photometry", graph.constant(colours), output="features")
    # exp(2 (redness - 1/2) slope), slope from -1 to 1: u - z = 2.5 / ln 10 * 4 (redness - 1/2).
    per_mag = 0.28 * np.log(10) / 2.5 / 4
    weights = np.array([[per_mag], [0], [0], [0], [-per_mag]], np.float32)
    z = graph.add("MatMul", "photometry", graph.constant(weights))
    z = graph.add("Add", z, graph.constant(np.array(0.02 + 0.14 + offset, np.float32)))
    away = graph.add("Sub", graph.constant(GRID.centres[None].astype(np.float32)), z)
    scaled = graph.add("Mul", away, graph.constant(np.array(1 / _SIGMA, np.float32)))
    squared = graph.add("Mul", scaled, scaled)
    graph.add("Mul", squared, graph.constant(np.array(-0.5, np.float32)), output="logits")
    side = contract.input_px
    return graph.finished(
        images=(len(contract.bands), side, side),
        outputs={"logits": GRID.n_bins, "photometry": len(NAMES), "features": _FEATURES},
    )


def photoz_parts(contract: InputContract, *, offset: float = 0.0, n: int = 400) -> PhotozParts:
    """Return the network with a calibration on galaxies that are drawn as the tiny survey's are."""
    rng = np.random.default_rng(7)
    redness = rng.uniform(0, 1, n)
    z = 0.02 + 0.28 * redness
    slope = np.linspace(-1, 1, 5)
    radius = rng.uniform(2, 6, n)
    flux = 5 * np.exp(2 * (redness[:, None] - 0.5) * slope) * (2 * np.pi * 0.75 * radius[:, None] ** 2)
    photometry = 22.5 - 2.5 * np.log10(flux) + rng.normal(0, 0.02, flux.shape)
    features = -np.diff(photometry, axis=1)
    found = rng.normal(z, _SIGMA)
    logits = -0.5 * ((GRID.centres[None] - found[:, None]) / _SIGMA) ** 2
    half = n // 2
    calibration = PhotozCalibration.fit(
        GRID,
        logits[:half],
        photometry[:half],
        features[:half],
        z[:half],
        photometry_names=NAMES,
        reference_features=features[half:],
    )
    return PhotozParts(photoz_graph(contract, offset=offset), calibration)


def photoz_card(**changes: object) -> PhotozCard:
    """Return the block of the model card."""
    return PhotozCard(**({"z_max": GRID.z_max, "n_bins": GRID.n_bins, "train_set": "tiny spectra"} | changes))


def add_network(model: Model, path: Path, *, offset: float = 0.0) -> Model:
    """Publish a model at ``path`` with the network beside its encoder; the folder names the model."""
    card = model.card.model_copy(update={"id": path.name, "photoz": photoz_card()})
    encoder = (model.path / "encoder.onnx").read_bytes()
    parts = photoz_parts(model.contract, offset=offset)
    return publish_model(path, card, encoder=encoder, golden=model.golden, photoz=parts)


def network_model(data_dir: Path, survey: SurveyFolder, name: str = "polar48-net") -> Model:
    """Fit polar48 on a survey and publish it with the network in a data folder's models."""
    from training.fixed import fit_fixed

    plain = fit_fixed("polar48", survey, out=data_dir / "models" / "plain", model_id="plain")
    return add_network(plain, data_dir / "models" / name)
