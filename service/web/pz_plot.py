"""A redshift distribution as an inline SVG."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup, escape

__all__ = ["pz_svg"]

_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 320, 150, 10, 22


def pz_svg(
    z_grid: Sequence[float],
    pdf: Sequence[float],
    *,
    interval: tuple[float, float],
    z_spec: float | None = None,
) -> Markup:
    """Draw p(z) with its central 68 % interval and, where known, the spectroscopic redshift.

    Parameters
    ----------
    z_grid, pdf
        Redshifts in increasing order and the density there, both of shape (G,).
    interval
        Lower and upper end of the central 68 %.
    z_spec
        Drawn as a dashed line when given.

    Returns
    -------
    Markup
        An ``<svg>`` element without scripts or inline styles, so that a strict CSP shows it.
    """
    z, density = np.asarray(z_grid, dtype=float), np.asarray(pdf, dtype=float)
    seen = np.flatnonzero(density > 0.002 * density.max())
    low = min(z[seen[0]], z_spec if z_spec is not None else np.inf)
    high = max(z[seen[-1]], z_spec if z_spec is not None else -np.inf)
    pad = 0.08 * (high - low) + 0.002
    low, high = max(0.0, low - pad), high + pad
    shown = (z >= low) & (z <= high)
    x = _LEFT + (z[shown] - low) / (high - low) * (_WIDTH - 2 * _LEFT)
    floor = _HEIGHT - _BOTTOM
    y = floor - density[shown] / density.max() * (floor - 12)

    def at(value: float) -> float:
        return float(_LEFT + (value - low) / (high - low) * (_WIDTH - 2 * _LEFT))

    curve = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    left, right = (at(float(np.clip(end, low, high))) for end in interval)
    title = f"p(z): central 68 % from {interval[0]:.3f} to {interval[1]:.3f}"
    truth = ""
    if z_spec is not None:
        truth = (
            f'<line class="truth" x1="{at(z_spec):.1f}" x2="{at(z_spec):.1f}" y1="4" y2="{floor}"/>'
            f'<text x="{min(at(z_spec) + 4, _WIDTH - 62):.1f}" y="12">spec {z_spec:.4f}</text>'
        )
    ticks = "".join(
        f'<text x="{at(tick):.1f}" y="{_HEIGHT - 6}" text-anchor="middle">{tick:g}</text>'
        for tick in _ticks(low, high)
    )
    return Markup(  # noqa: S704 - numbers formatted here, the title escaped
        f'<svg class="pz" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>"
        f'<rect class="interval" x="{left:.1f}" y="4" width="{max(right - left, 1):.1f}" height="{floor - 4}"/>'
        f'<polygon class="curve" points="{x[0]:.1f},{floor} {curve} {x[-1]:.1f},{floor}"/>{truth}'
        f'<line class="axis" x1="{_LEFT}" x2="{_WIDTH - _LEFT}" y1="{floor}" y2="{floor}"/>{ticks}</svg>'
    )


def _ticks(low: float, high: float) -> list[float]:
    """Three to six round numbers inside the range."""
    for step in (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0):
        ticks = np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step
        if len(ticks) <= 6:
            return [round(float(tick), 4) for tick in ticks]
    return [round(low, 2), round(high, 2)]
