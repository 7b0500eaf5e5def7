"""The picture of a cutout with what the model makes of it drawn over it."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from markupsafe import Markup, escape

from survey.cutout import Cutout

if TYPE_CHECKING:
    from survey.contract import Calibrated, InputContract

__all__ = ["Preview", "field_preview", "file_preview"]

# The drawing's own units: the longer side of the picture has so many.
_SIDE = 200.0


class Preview(NamedTuple):
    """A picture, and what it shows in words."""

    svg: Markup
    caption: str


def field_preview(contract: InputContract, calibrated: Calibrated, cutout: Cutout) -> Preview:
    """Show a calibrated field as the model will see it; what was not observed is black.

    Parameters
    ----------
    contract
        Of the model, whose input is drawn as a box where it is smaller than the field.
    calibrated
        What the contract made of the cutout.
    cutout
        As it was read: tells whether north is known.
    """
    scale = contract.pixel_scale_arcsec or None
    field = Cutout(
        flux=np.where(calibrated.known, calibrated.field, np.float32(np.nan)),
        bands=contract.bands,
        pixel_scale_arcsec=scale,
        is_calibrated=cutout.is_calibrated,
        provenance=cutout.provenance,
    )
    share = 1.0 if contract.shrink else contract.input_px / contract.field_px
    what = f"The {contract.field_px} × {contract.field_px} px field as the model gets it{_size(scale, contract.field_px)}"
    box = f"; the box is the {contract.input_px} px that it looks at" if share < 1 else ""
    return _preview(field, _north(cutout), share, f"{what}{box}. The cross marks the galaxy that is meant.")


def file_preview(cutout: Cutout) -> Preview:
    """Show a cutout as it was read, for a file that fits no model."""
    height, width = cutout.shape
    what = f"{width} × {height} px as they were read. The cross marks the galaxy that is meant."
    return _preview(cutout, _north(cutout), 1.0, what)


def _preview(cutout: Cutout, north_deg: float | None, share: float, caption: str) -> Preview:
    # Rendering pulls in Pillow and is only needed here.
    from survey.rendering import compass_arms, encode, to_rgb  # noqa: PLC0415

    picture = base64.b64encode(encode(to_rgb(cutout), "png")).decode()
    height, width = cutout.shape
    unit = _SIDE / max(height, width)
    w, h = width * unit, height * unit
    parts = [
        f'<image href="data:image/png;base64,{picture}" width="{w:g}" height="{h:g}" preserveAspectRatio="none"/>'
    ]
    if share < 1:
        parts.append(
            f'<rect class="mark box" x="{w * (1 - share) / 2:.2f}" y="{h * (1 - share) / 2:.2f}" '
            f'width="{w * share:.2f}" height="{h * share:.2f}"/>'
        )
    parts += [
        f'<line class="mark" x1="{w / 2 + dx * 5:.2f}" y1="{h / 2 + dy * 5:.2f}" '
        f'x2="{w / 2 + dx * 13:.2f}" y2="{h / 2 + dy * 13:.2f}"/>'
        for dx, dy in ((-1, 0), (1, 0), (0, -1), (0, 1))
    ]
    if cutout.pixel_scale_arcsec is not None:
        arcsec = _round_length(width * cutout.pixel_scale_arcsec / 3)
        length = arcsec / cutout.pixel_scale_arcsec * unit
        parts.append(
            f'<line class="mark bar" x1="8" x2="{8 + length:.2f}" y1="{h - 8:.2f}" y2="{h - 8:.2f}"/>'
            f'<text x="8" y="{h - 12:.2f}">{arcsec:g}″</text>'
        )
    said = "north unknown" if north_deg is None else "north up, east left" if abs(north_deg) < 1 else ""
    if north_deg is not None:
        arms = 18 * compass_arms(north_deg)
        right, top = w - 14 - max(0.0, float(arms[:, 0].max())), 14 - min(0.0, float(arms[:, 1].min()))
        for (x, y), letter in zip(arms.tolist(), "NE", strict=True):
            parts.append(
                f'<line class="mark" x1="{right:.2f}" y1="{top:.2f}" x2="{right + x:.2f}" y2="{top + y:.2f}"/>'
                f'<text class="arm" x="{right + 1.35 * x:.2f}" y="{top + 1.35 * y:.2f}">{letter}</text>'
            )
    caption = f"{caption[:-1]}; {said}." if said else caption
    label = escape(f"Preview. {caption}")
    return Preview(
        Markup(  # noqa: S704 - numbers formatted here, our own PNG, the label escaped
            f'<svg class="preview" viewBox="0 0 {w:g} {h:g}" role="img" aria-label="{label}">{"".join(parts)}</svg>'
        ),
        caption,
    )


def _north(cutout: Cutout) -> float | None:
    """Return the angle from up to north, positive to the left; None where nothing tells."""
    # A position can be given by hand; without a WCS the reader says that the orientation is unknown.
    if cutout.bands.is_display or cutout.ra_deg is None or cutout.provenance.get("north") == "unknown":
        return None
    return float(cutout.provenance.get("north_angle_deg", 0.0))


def _size(scale_arcsec: float | None, n_px: int) -> str:
    return "" if scale_arcsec is None else f", {n_px * scale_arcsec:.0f} arcsec a side"


def _round_length(limit: float) -> float:
    """Return the largest 1, 2 or 5 × 10^n that is at most ``limit`` arcsec."""
    power = 10.0 ** np.floor(np.log10(limit))
    return float(power * max(step for step in (1, 2, 5) if step * power <= limit))
