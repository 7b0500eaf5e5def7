"""From the names in a configuration to augmentations, and from fields to the two views of each galaxy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields as fields_of
from typing import Any

import torch
from torch import Tensor

from survey.contract import InputContract
from training.augment import display, flux, geometry
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
    "drop-band": flux.DropBand,
    "brighten": display.Brighten,
    "tint": display.Tint,
    "grey": display.Grey,
    "picture-noise": display.PictureNoise,
    "picture-blur": display.PictureBlur,
}
NAMES = (*_PLACEMENTS, *_CHANGES)
_DISPLAY = {"brighten", "tint", "grey", "picture-noise", "picture-blur"}
_FLUX = {"redden", "worsen-psf", "worsen-noise", "mask-border", "drop-band"}


class Views:
    """Two independent random views of each galaxy, as the network reads them.

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

    def __call__(self, fields: Tensor, generator: torch.Generator) -> Tensor:
        """Return one view of each field: shape (N, C, F, F), any number type, to (N, C, S, S) float32."""
        changed = fields.float()
        for change in self.changes:
            changed = change(changed, generator)
        return self.plain(changed)

    def plain(self, fields: Tensor) -> Tensor:
        """Return the unchanged view, as catalogue and queries are embedded."""
        view: Tensor = self.contract.finish(fields.float(), torch)
        return view


def build_changes(configs: Sequence[ChangeConfig], contract: InputContract) -> list[Change]:
    """Make the augmentations of a configuration; all placements together are the first change.

    Band coefficients of ``redden`` come from the contract's bands.

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
