"""From the names in a configuration to augmentations, and from fields to the two views of each galaxy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields as fields_of
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from survey.contract import InputContract
from training.augment import display, flux, geometry, missing
from training.augment.draws import Change
from training.config import BadConfig, ChangeConfig

__all__ = ["NAMES", "Views", "build_changes"]

_PLACEMENTS: dict[str, type[geometry.Placement]] = {
    "rotate": geometry.Rotate,
    "flip": geometry.Flip,
    "shift": geometry.Shift,
    "scale": geometry.Scale,
}
_CHANGES: dict[str, type[Any]] = {
    "redden": flux.Redden,
    "worsen-psf": flux.WorsenPSF,
    "worsen-noise": flux.WorsenNoise,
    "mask-border": flux.MaskBorder,
    "drop-band": missing.DropBand,
    "brighten": display.Brighten,
    "tint": display.Tint,
    "grey": display.Grey,
    "picture-noise": display.PictureNoise,
    "picture-blur": display.PictureBlur,
}
NAMES = (*_PLACEMENTS, *_CHANGES)
# Beyond a core's cache every change waits for memory; below this the calls themselves begin to show.
_CPU_AT_ONCE = 64
_DISPLAY = {"brighten", "tint", "grey", "picture-noise", "picture-blur"}
_FLUX = {"redden", "worsen-psf", "worsen-noise", "mask-border", "drop-band"}


class Views:
    """Draws random views of galaxies, as the network reads them; called twice it gives two independent ones.

    Only the middle of a field is worked on, that is the network's input and as much around it as the changes to come look at: the
    views are those of whole fields.

    Parameters
    ----------
    contract
        Whose second half makes network inputs.
    changes
        Applied in order to linear fields (display counts for pictures).
    """

    def __init__(self, contract: InputContract, changes: Sequence[Change]) -> None:
        self.contract = contract
        self.changes = tuple(changes)
        #: Side of the field that each change, and last the contract, must be given.
        self.sides = [contract.field_px if contract.shrink else contract.input_px]
        for change in reversed(self.changes):
            is_placing = isinstance(change, geometry.Geometry)
            needed = contract.field_px if is_placing else self.sides[0] + 2 * change.reach_px
            self.sides.insert(0, min(contract.field_px, needed))
        self._changes = [
            replace(change, side_px=side) if isinstance(change, geometry.Geometry) else change
            for change, side in zip(self.changes, self.sides[1:], strict=True)
        ]
        self._finishing = replace(contract, field_px=self.sides[-1])

    def __call__(self, fields: Tensor, generator: torch.Generator) -> Tensor:
        """Return one view of each field: shape (N, C, F, F), any number type, to (N, C, S, S) float32, channels last."""
        n, channels = fields.shape[:2]
        side = self.contract.input_px
        views = torch.empty(
            (n, channels, side, side), device=fields.device, memory_format=torch.channels_last
        )
        at_once = _CPU_AT_ONCE if fields.device.type == "cpu" else n
        for first in range(0, n, at_once):
            some = slice(first, first + at_once)
            views[some] = self._finishing.finish(self._changed(fields[some], generator), torch)
        return views

    def plain(self, fields: Tensor) -> Tensor:
        """Return the unchanged view, as catalogue and queries are embedded."""
        view: Tensor = self.contract.finish(fields.float(), torch)
        return view

    def _changed(self, fields: Tensor, generator: torch.Generator) -> Tensor:
        # A change may write into its argument, which must not be the loader's.
        changed = fields.float() if fields.dtype != torch.float32 else fields.clone()
        for change, side in zip(self._changes, self.sides, strict=False):
            changed = change(_middle(changed, side), generator)
        return _middle(changed, self.sides[-1])


def _middle(fields: Tensor, side_px: int) -> Tensor:
    start = (fields.shape[-1] - side_px) // 2
    return fields[..., start : start + side_px, start : start + side_px]


def build_changes(
    configs: Sequence[ChangeConfig],
    contract: InputContract,
    sample: Callable[[], NDArray[np.generic]] | None = None,
) -> list[Change]:
    """Make the augmentations of a configuration; all placements together are the first change.

    Band coefficients of ``redden`` come from the contract's bands, what ``drop-band`` fills in from a sample.

    Parameters
    ----------
    sample
        Returns fields of training galaxies, shape (n, C, F, F); asked for ``drop-band`` alone.

    Raises
    ------
    BadConfig
        If a name or a number is unknown, or a change does not suit the contract's kind of image.
    """
    wrong_kind = _FLUX if contract.is_display else _DISPLAY
    placements: list[Any] = []
    changes: list[Any] = []
    for config in configs:
        if config.name not in NAMES:
            raise BadConfig(f"augment: {config.name!r} is unknown; known: {', '.join(NAMES)}")
        if config.name in wrong_kind:
            kind = "display images" if contract.is_display else "linear flux"
            raise BadConfig(f"augment: {config.name!r} does not suit {kind}")
        numbers = config.numbers
        if config.name == "redden":
            numbers = {"coefficients": tuple(band.extinction for band in contract.bands), **numbers}
        if config.name == "drop-band":
            numbers = {"usual": _usual_bands(sample, contract), **numbers}
        if config.name == "mask-border":
            # A border that the network does not see is no change.
            numbers = {"most_px": contract.input_px - 1, **numbers}
        kind_of: Any = _PLACEMENTS.get(config.name) or _CHANGES[config.name]
        unknown = set(numbers) - {field.name for field in fields_of(kind_of)}
        if unknown:
            raise BadConfig(f"augment: {config.name!r} has no number {', '.join(sorted(unknown))}")
        try:
            made = kind_of(**numbers)
        except TypeError as error:
            raise BadConfig(f"augment: {config.name!r} lacks a number: {error}") from error
        (placements if config.name in _PLACEMENTS else changes).append(made)
    return [geometry.Geometry(placements), *changes] if placements else changes


def _usual_bands(
    sample: Callable[[], NDArray[np.generic]] | None, contract: InputContract
) -> missing.UsualBands:
    if sample is None:
        raise BadConfig("augment: 'drop-band' needs training galaxies to learn what a band usually has")
    try:
        return missing.UsualBands.fitted(sample(), contract)
    except ValueError as error:
        raise BadConfig(f"augment: 'drop-band': {error}") from error
