"""The tables of the discovery page."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from discovery import folder
from discovery_data import FEATURES, KINDS, SHARES
from discovery_summary import Comparison, Curve, Summary

__all__ = ["JUDGED", "ceilings", "gains", "in_markdown", "interval", "learners", "measures", "rings", "sizes"]

JUDGED = ("odd", "artefact", "merger")
_LEARNERS = {
    "forest": "forest",
    "gp": "GP-EI",
    "neighbour": "NeighbourScore",
    "linear": "linear probe",
    "random": "random",
}
_MEASURES = ("precision50", "precision200", "weighted50", "weighted200", "found", "in_hand_ap")


def sizes(summary: Summary) -> str:
    """Return what the pools are."""
    rows = []
    for kind in (*JUDGED, "merger_unseen"):
        for share in SHARES:
            n, rare, hard = summary.sizes(kind, share)
            rows.append(
                [KINDS[kind].told, f"{100 * share:g} %", f"{n:,}", rare, f"{rare / n:.3f}", hard or ""]
            )
    return in_markdown(
        (
            "rare kind",
            "share",
            "galaxies",
            "rare ones",
            "AP by chance",
            "with high-spirality negatives alone",
        ),
        rows,
    )


def learners(summary: Summary) -> str:
    """Return average precision after 200 labels of every learner on every kind of features."""
    rows = []
    for kind in (*JUDGED, "merger_unseen"):
        for share in SHARES:
            for features in FEATURES:
                cells = []
                for learner in _LEARNERS:
                    curve = summary.curve(kind, share, features, learner)
                    cells.append(_spread(curve))
                rows.append([f"{KINDS[kind].told}, {100 * share:g} %", features, *cells])
    return in_markdown(("", "features", *_LEARNERS.values()), rows)


def _spread(curve: Curve | None) -> str:
    """Return mean and standard deviation; of one seed, itself."""
    if curve is None:
        return "–"
    mean, deviation = curve.last("ap")
    return f"{mean:.3f} ± {deviation:.3f}" if len(curve.values["ap"]) > 1 else f"{mean:.3f} (one seed)"


def gains(compared: Mapping[Any, Comparison], summary: Summary) -> str:
    """Return GP-EI beside the forest."""
    rows = []
    for (kind, share, features), one in compared.items():
        gain, factor = one.gain, one.factor
        verdict = "above" if gain[1] > 0 else "**below**" if gain[2] < 0 else "**not told apart**"
        rows.append([
            f"{KINDS[kind].told}, {100 * share:g} %", features, interval(gain), interval(factor, 1), verdict,
            "reached" if factor[0] >= 2 else "not reached", f"{summary.sizes(kind, share)[0]:,}",
        ])  # fmt: skip
    return in_markdown(("", "features", "GP-EI − forest", "GP-EI / forest", "GP-EI is", "2×", "N"), rows)


def ceilings(data_dir: Path, summary: Summary) -> str:
    """Return what all labels would give."""
    rows = []
    for one in json.loads((folder(data_dir) / "ceilings.json").read_text()):
        curve = summary.curve(one["kind"], one["share"], one["features"], "gp")
        got = _spread(curve)
        hard = "" if one["hard_ap"] is None else f"{one['hard_ap']:.3f}"
        rows.append([f"{KINDS[one['kind']].told}, {100 * one['share']:g} %", one["features"], got, f"{one['ap']:.3f} ± {one['sd']:.3f}", hard])  # fmt: skip
    return in_markdown(
        ("", "features", "GP-EI, 200 labels", "all labels", "all labels, high-spirality negatives"), rows
    )


def measures(summary: Summary) -> str:
    """Return the other measures after 200 labels."""
    rows = []
    for kind in JUDGED:
        for share in SHARES:
            _, rare, _ = summary.sizes(kind, share)
            for features in FEATURES:
                for learner in ("forest", "gp"):
                    curve = summary.curve(kind, share, features, learner)
                    if curve is None:
                        continue
                    cells = [f"{curve.last(name)[0]:.3f}" for name in _MEASURES[:4]]
                    found = f"{curve.last('found')[0]:.1f} of {rare}"
                    rows.append([f"{KINDS[kind].told}, {100 * share:g} %", features, _LEARNERS[learner], *cells, found, f"{curve.last('in_hand_ap')[0]:.3f}"])  # fmt: skip
    head = (
        "",
        "features",
        "learner",
        "precision@50",
        "precision@200",
        "S_50",
        "S_200",
        "found among 200 labels",
        "AP in hand",
    )
    return in_markdown(head, rows)


def rings(summary: Summary) -> str:
    """Return the anecdote."""
    told = []
    for learner in ("forest", "gp"):
        curve = summary.curve("ring", 0.03, "trained", learner)
        if curve is not None:
            place = int(np.searchsorted(curve.labels, 50))
            values = curve.values["ap"][:, min(place, len(curve.labels) - 1)]
            told.append(f"{_LEARNERS[learner]} {values.mean():.2f} ± {values.std(ddof=1):.2f}")
    n, rare, _ = summary.sizes("ring", 0.03)
    return f"{rare} rings among {n} pictures of the same survey, average precision after 50 labels: {'; '.join(told)}"


def interval(three: Sequence[float], digits: int = 3) -> str:
    """Return a value with its ends."""
    return f"{three[0]:.{digits}f} ({three[1]:.{digits}f} to {three[2]:.{digits}f})"


def in_markdown(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
