"""What an audit found as tables and as one summary."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa

from index.audit.release_audit import Audit

__all__ = ["conflicting_pairs", "summary", "tables"]


def tables(audit: Audit) -> dict[str, pa.Table]:
    """Return the tables of the parts that were done: ``same_sky``, ``conflicts``, ``artefacts``."""
    made = {"same_sky": _same_sky(audit)}
    if audit.conflicts is not None:
        made["conflicts"] = _conflicts(audit)
    if audit.artefacts is not None:
        made["artefacts"] = _artefacts(audit)
    return made


def conflicting_pairs(audit: Audit) -> list[tuple[int, int]]:
    """Return the pairs of one sky whose two labels differ, both known."""
    pairs = [(int(a), int(b)) for a, b in audit.pairs.rows]
    return [
        (a, b)
        for a, b in pairs
        if None not in {audit.labels[a], audit.labels[b]} and audit.labels[a] != audit.labels[b]
    ]


def summary(audit: Audit) -> dict[str, Any]:
    """Return the counts, what was left out, and what the parts that were done cannot see."""
    rows = np.unique(audit.pairs.rows)
    labelled = [
        1 for a, b in audit.pairs.rows.tolist() if audit.labels[a] is not None and audit.labels[b] is not None
    ]
    every, paired = Counter(audit.labels), Counter(audit.labels[row] for row in rows.tolist())
    found: dict[str, Any] = {
        "release": audit.release_id,
        "survey": audit.survey,
        "objects": len(audit.ids),
        "same_sky": {
            "pairs": len(audit.pairs),
            "objects": len(rows),
            "groups": len(np.unique(audit.groups[rows])),
            "largest_group": int(np.bincount(audit.groups[rows]).max()) if len(rows) else 0,
            "radius_arcsec": audit.radius_arcsec,
            "pairs_with_two_labels": len(labelled),
            "pairs_whose_labels_differ": len(conflicting_pairs(audit)),
            "share_by_label": {
                name: round(paired[name] / n, 4)
                for name, n in sorted(every.items(), key=str)
                if name is not None
            },
        },
    }
    if audit.conflicts is not None:
        conflicts = audit.conflicts
        found["label_conflicts"] = {
            "labelled": len(conflicts.rows),
            "suspected": int(conflicts.found.is_suspected.sum()),
            "expected_disagreement": round(float(conflicts.found.p_disagree.mean()), 4),
            "temperature": round(conflicts.posterior.temperature, 4),
            "joint": {
                mine: dict(zip(conflicts.posterior.labels, np.round(share, 4).tolist(), strict=True))
                for mine, share in zip(conflicts.posterior.labels, conflicts.found.joint, strict=True)
            },
        }
    if audit.artefacts is not None:
        names = Counter(name for one in audit.artefacts.defects for name in one.split(","))
        found["artefacts"] = {"objects": len(audit.artefacts.rows), "defects": dict(names.most_common())}
    return found | {"left_out": audit.left_out, "notes": audit.notes}


def _same_sky(audit: Audit) -> pa.Table:
    pairs = audit.pairs
    first, second = pairs.rows[:, 0].tolist(), pairs.rows[:, 1].tolist()
    labels = [[audit.labels[row] for row in side] for side in (first, second)]
    return pa.table(
        {
            "group": pa.array(audit.groups[pairs.rows[:, 0]]),
            "first_id": [audit.ids[row] for row in first],
            "second_id": [audit.ids[row] for row in second],
            "overlap": _floats(pairs.overlap),
            "correlation": _floats(pairs.correlation),
            "shift_x_px": _floats(pairs.shift_px[:, 1]),
            "shift_y_px": _floats(pairs.shift_px[:, 0]),
            "separation_arcsec": _floats(pairs.separation_arcsec),
            "first_label": pa.array(labels[0], pa.string()),
            "second_label": pa.array(labels[1], pa.string()),
        }
    ).sort_by([("group", "ascending"), ("first_id", "ascending"), ("second_id", "ascending")])


def _conflicts(audit: Audit) -> pa.Table:
    conflicts = audit.conflicts
    assert conflicts is not None
    found, labels = conflicts.found, conflicts.posterior.labels
    return pa.table(
        {
            "object_id": [audit.ids[row] for row in conflicts.rows[found.rows].tolist()],
            "label": [labels[code] for code in conflicts.codes[found.rows].tolist()],
            "other": [labels[code] for code in found.other.tolist()],
            "p_label": _floats(found.p_label),
            "p_other": _floats(found.p_other),
            "p_disagree": _floats(found.p_disagree),
            "is_suspected": pa.array(found.is_suspected),
        }
    )


def _artefacts(audit: Audit) -> pa.Table:
    artefacts = audit.artefacts
    assert artefacts is not None
    rows = artefacts.rows.tolist()
    return pa.table(
        {
            "object_id": [audit.ids[row] for row in rows],
            "defects": artefacts.defects,
            "p_data_quality": _floats(artefacts.p_data_quality),
            "label": pa.array([audit.labels[row] for row in rows], pa.string()),
        }
    )


def _floats(values: Any) -> pa.Array:
    """Return numbers with four decimals, null for NaN."""
    return pa.array(np.round(np.asarray(values, np.float64), 4), from_pandas=True)
