"""A forecast as JSON values, with its sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from index.interest.forecast import Forecast, Reach

__all__ = ["TARGET", "forecast_members", "summary"]

#: Share of all interesting objects that is aimed at where nobody says another.
TARGET: Final = 0.8


def forecast_members(made: Forecast, target: float) -> dict[str, Any]:
    """Return what an answer tells of a forecast."""
    reach = made.to_reach(target)
    n, low, high = made.total
    curve = {"recall": made.recall, "low": made.low, "high": made.high}
    return {
        "level": made.level,
        "recall": round(float(made.recall[0]), 4),
        "total": {name: round(one, 1) for name, one in (("n", n), ("low", low), ("high", high))},
        "to_reach": {
            "target": target,
            **{name: None if reach is None else getattr(reach, name) for name in ("n", "low", "high")},
        },
        "summary": summary(made, reach, target),
        "curve": {
            "inspected": made.inspected.tolist(),
            **{name: [round(float(one), 4) for one in values] for name, values in curve.items()},
        },
    }


def summary(made: Forecast, reach: Reach | None, target: float) -> str:
    """Say how many more are to be inspected, or why nobody knows."""
    if not made.inspected[-1]:
        return "Everything that the filters allow is inspected."
    if reach is None:
        return f"Too early to say: {made.reason}."
    if not reach.high:
        return f"With {100 * made.level:.0f} % probability {100 * target:.0f} % are found already."
    return f"Inspect about {reach.n:,} more ({reach.low:,} to {reach.high:,}) to reach {100 * target:.0f} %."
