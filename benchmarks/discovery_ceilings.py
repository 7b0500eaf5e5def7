"""What the features would give if every galaxy were labelled: a ceiling for what 200 labels can.

    python benchmarks/discovery_ceilings.py --data-dir FOLDER

A support vector machine on the features that sessions learn on, five folds over the whole pool; writes
FOLDER/cache/discovery/ceilings.json. One core: about 5 minutes.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold
from sklearn.svm import SVC

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from discovery import folder
from discovery_curves import Ranking
from discovery_data import FEATURES, KINDS, Pool, rarefied

from index.interest.features import Features

_SEEDS, _FOLDS, _PENALTY = 3, 5, 3.0


def main() -> None:
    """Judge all pools."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", type=Path, required=True)
    data_dir = parser.parse_args().data_dir
    found = []
    for name in ("odd", "artefact", "merger"):
        for share in KINDS[name].shares:
            for features in FEATURES:
                pools = [rarefied(data_dir, name, share, seed) for seed in range(_SEEDS)]
                judged = [_judge(pool, features) for pool in pools]
                ap, hard = np.array(judged).T
                found.append({
                    "kind": name, "share": share, "features": features, "ap": float(ap.mean()), "sd": float(ap.std(ddof=1)),
                    "hard_ap": float(hard.mean()) if np.isfinite(hard).all() else None,
                })  # fmt: skip
                print(json.dumps(found[-1]), file=sys.stderr, flush=True)
    (folder(data_dir) / "ceilings.json").write_text(json.dumps(found, indent=1) + "\n")


def _judge(pool: Pool, features: str) -> tuple[float, float]:
    """Return average precision over the pool, and among high-spirality negatives (NaN where these are none)."""
    order = _held_out(Features.of(pool.vectors[features]).values, pool.is_rare)
    whole = Ranking(order, pool.is_rare).average_precision()
    if pool.is_hard is None:
        return whole, np.nan
    return whole, Ranking(order[pool.is_hard], pool.is_rare[pool.is_hard]).average_precision()


def _held_out(values: NDArray[np.float32], is_rare: NDArray[np.bool_]) -> NDArray[np.float64]:
    order = np.zeros(len(values))
    for told, asked in StratifiedKFold(_FOLDS, shuffle=True, random_state=0).split(values, is_rare):
        machine = SVC(C=_PENALTY, class_weight="balanced").fit(values[told], is_rare[told])
        order[asked] = machine.decision_function(values[asked])
    return order


if __name__ == "__main__":
    main()
