"""A model's redshift network, ready to run on this CPU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from index.photoz_calibration import PhotozCalibration
from index.sessions import GoldenMismatch, open_session
from survey.manifests import CorruptFolder

if TYPE_CHECKING:
    from index.model import Model

__all__ = ["PHOTOZ_FILES", "NetworkOutput", "PhotozEncoder"]

#: Of a model folder, both or none: the graph, and its :class:`index.photoz_calibration.PhotozCalibration`.
PHOTOZ_FILES = ("photoz.onnx", "photoz.npz")
# Half the summed differences of two p(z), the largest difference of a probability: rounding on another CPU gives 1e-4,
# and a hundredth moves no quantile by more than a tenth of its error.
_MAX_DIFFERENCE = 0.01
_BATCH = 256

FloatArray = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class NetworkOutput:
    """What the graph gives for Q galaxies, float32.

    Attributes
    ----------
    logits
        Shape (Q, B).
    photometry
        Magnitudes measured inside the graph, shape (Q, P).
    features
        For the support, shape (Q, F).
    """

    logits: FloatArray
    photometry: FloatArray
    features: FloatArray


class PhotozEncoder:
    """The graph of a model's redshift network with its calibration.

    Parameters
    ----------
    threads
        Threads inside one call; 0 takes every core.
    check
        Whether the golden objects are estimated first.

    Attributes
    ----------
    calibration
        Fitted to the graph's outputs.

    Raises
    ------
    CorruptFolder
        If the model has no such network, or the graph or the calibration cannot be read or does not fit the card.
    GoldenMismatch
        If the p(z) of a golden object comes out otherwise.
    """

    def __init__(self, model: Model, threads: int = 1, *, check: bool = True) -> None:
        if model.card.photoz is None:
            raise CorruptFolder(f"{model.path.name} has no redshift network")
        self.model = model
        graph, calibration = (model.path / name for name in PHOTOZ_FILES)
        self.calibration = PhotozCalibration.load(calibration)
        self._session = open_session(graph, threads)
        self._check_shapes(graph.name)
        if check:
            self.check_golden()

    def run(self, inputs: FloatArray) -> NetworkOutput:
        """Run network inputs, shape (Q, C, S, S), as ``contract.finish`` gives them; Q may be 0.

        Raises
        ------
        ValueError
            If the shape does not fit.
        """
        contract = self.model.contract
        expected = (len(contract.bands), contract.input_px, contract.input_px)
        if inputs.ndim != 4 or inputs.shape[1:] != expected:
            raise ValueError(f"inputs have shape {inputs.shape}; the model reads (N, {str(expected)[1:]}")
        blocks = [
            self._session.run(
                list(_OUTPUTS), {"images": np.ascontiguousarray(inputs[n : n + _BATCH], dtype=np.float32)}
            )
            for n in range(0, len(inputs), _BATCH)
        ]
        joined = [
            np.concatenate([np.empty((0, width), np.float32), *(block[n] for block in blocks)])
            for n, width in enumerate(self._widths)
        ]
        return NetworkOutput(*joined)

    def redshifts_of_fields(self, fields: FloatArray) -> NDArray[np.float64]:
        """Return p(z) of calibrated fields (Q, C, F, F), shape (Q, B)."""
        found = self.run(self.model.contract.finish(fields))
        return self.calibration.apply(found.logits, found.photometry, found.features)[0]

    def check_golden(self) -> float:
        """Estimate the golden objects and return the largest difference from their p(z): half the summed differences.

        Raises
        ------
        GoldenMismatch
            If it is above 0.01.
        """
        expected = self.model.golden_redshifts
        assert expected is not None
        difference = np.abs(self.redshifts_of_fields(self.model.golden[0]) - expected).sum(axis=1) / 2
        largest = float(difference.max())
        if not largest <= _MAX_DIFFERENCE:
            raise GoldenMismatch(
                f"model {self.model.card.id}: the p(z) of a golden object differs by {largest:.4f} on this CPU "
                f"(limit {_MAX_DIFFERENCE}); export the model again here and rebuild its index"
            )
        return largest

    def _check_shapes(self, name: str) -> None:
        card, contract = self.model.card.photoz, self.model.contract
        assert card is not None
        c, s = len(contract.bands), contract.input_px
        inputs = {one.name: one.shape[1:] for one in self._session.get_inputs()}
        outputs: dict[str, list[Any]] = {one.name: one.shape[1:] for one in self._session.get_outputs()}
        grid = self.calibration.grid
        if (grid.z_max, grid.n_bins) != (card.z_max, card.n_bins):
            raise CorruptFolder(f"{self.model.path.name}: the calibration has another grid than the card")
        support = self.calibration.support
        widths = {
            "logits": card.n_bins,
            "photometry": len(self.calibration.photometry_names),
            "features": None if support is None else len(support.centre),
        }
        fits = inputs == {"images": [c, s, s]} and set(outputs) == set(widths)
        for output, width in widths.items():
            shape = outputs.get(output, [])
            fits &= len(shape) == 1 and isinstance(shape[0], int) and width in {None, shape[0]}
        if not fits:
            raise CorruptFolder(
                f"{self.model.path.name}: {name} maps {inputs} to {outputs}; card and calibration say images "
                f"{[c, s, s]} to {widths}"
            )
        self._widths = tuple(int(outputs[output][0]) for output in _OUTPUTS)


_OUTPUTS = ("logits", "photometry", "features")
