"""The discovery page: figures, tables and picture from what the discovery benchmarks left in a data folder.

    python benchmarks/discovery_page.py --data-dir FOLDER --parts scores.json artefacts.json ...

Reads FOLDER/cache/discovery (benchmarks/discovery.py and discovery_planted.py) and the files that the other scripts of this page
wrote with --out: {"figures": [...], "text": "Markdown"}. Writes docs/results/discovery.md, .json and .png. Takes about 2 minutes, seconds the next time.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from discovery import folder
from discovery_data import FEATURES, KINDS, SHARES
from discovery_planted import planted
from discovery_plots import draw_curves
from discovery_summary import Comparison, Summary
from discovery_tables import JUDGED, ceilings, gains, in_markdown, interval, learners, measures, rings, sizes
from discovery_words import PAGE, SECTIONS, WHY
from figures import machine, table, write_results
from retrieval_scores import Teller

COMMAND = "python benchmarks/discovery.py --data-dir FOLDER && python benchmarks/discovery_page.py --data-dir FOLDER"


def main() -> None:
    """Gather and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--parts", type=Path, nargs="*", default=())
    arguments = parser.parse_args()
    summary, teller = Summary(arguments.data_dir), Teller(COMMAND)
    compared = {
        (kind, share, features): summary.compared(kind, share, (features, "gp"), (features, "forest"))
        for kind in (*JUDGED, "merger_unseen")
        for share in SHARES
        for features in FEATURES
    }
    _headline(teller, summary, compared)
    hard = _hard(teller, summary)
    for told in teller.figures:
        # Not the commit of the page: that of the sessions.
        told["commit"] = ", ".join(summary.commits)
    oddities = planted(teller, folder(arguments.data_dir) / "planted.json")
    parts = {path.stem: json.loads(path.read_text()) for path in arguments.parts}
    for part in parts.values():
        for told in part["figures"]:
            teller.copy(told)
    draw_curves(summary)
    seeds = {
        len(one) for (kind, _, _, learner), one in summary.lines.items() if kind in JUDGED and learner == "gp"
    }
    page = PAGE.format(
        command=COMMAND,
        machine=machine(),
        commits=", ".join(f"`{one}`" for one in summary.commits),
        seeds=" or ".join(map(str, sorted(seeds))),
        sizes=sizes(summary),
        headline=_told(teller),
        why=_why(compared, teller),
        learners=learners(summary),
        gains=gains(compared, summary),
        hard=hard,
        ceilings=ceilings(arguments.data_dir, summary),
        measures=measures(summary),
        rings=rings(summary),
        planted=oddities,
        sections="\n\n".join(
            f"## {SECTIONS[name]}\n\n{part.get('text') or table(part['figures'])}"
            for name, part in sorted(parts.items(), key=lambda pair: list(SECTIONS).index(pair[0]))
        ),
        table=table(teller.figures),
    )
    write_results("discovery", teller.figures, page)


def _headline(teller: Teller, summary: Summary, compared: Mapping[Any, Comparison]) -> None:
    """Tell the mean over all six tasks, and every task."""
    n = sum(summary.sizes(kind, share)[0] for kind in JUDGED for share in SHARES)
    tasks = [(kind, share) for kind in JUDGED for share in SHARES]
    means = {}
    for features in FEATURES:
        ours = [compared[(*task, features)] for task in tasks]
        means[features] = Comparison(
            float(np.mean([one.one for one in ours])),
            float(np.mean([one.other for one in ours])),
            np.mean([one.draws for one in ours], axis=0),
        )
    chance = float(np.mean([summary.sizes(*task)[1] / summary.sizes(*task)[0] for task in tasks]))
    for features, one in means.items():
        beside = {"forest": one.other, "chance": chance}
        if features == "trained":
            beside |= {f"gp_{other}": means[other].one for other in FEATURES if other != features}
        teller.tell(f"ap200_gp_{features}", one.one, n=n, interval=one.interval(), against=beside)
        teller.tell(
            f"ap200_forest_{features}", one.other, n=n, interval=one.interval(1), against={"chance": chance}
        )
        value, low, high = one.factor
        teller.tell(
            f"ap200_factor_{features}", value, n=n, unit="times", interval=(low, high), against={"aim": 2.0}
        )
    for (kind, share, features), one in compared.items():
        size = summary.sizes(kind, share)
        name = f"{features}_{kind}_{100 * share:g}pct"
        teller.tell(f"ap200_gp_{name}", one.one, n=size[0], interval=one.interval(), against={"forest": one.other, "chance": size[1] / size[0]})  # fmt: skip
        value, low, high = one.gain
        teller.tell(f"ap200_gain_{name}", value, n=size[0], interval=(low, high))
    for task in tasks:
        one = summary.compared(*task, ("trained", "gp"), ("polar48", "gp"))
        value, low, high = one.gain
        teller.tell(f"ap200_trained_less_polar48_{task[0]}_{100 * task[1]:g}pct", value, n=summary.sizes(*task)[0], interval=(low, high))  # fmt: skip


def _told(teller: Teller) -> str:
    rows = [
        [features, *(teller.shown(f"ap200_{what}_{features}") for what in ("forest", "gp", "factor"))]
        for features in FEATURES
    ]
    return in_markdown(("features", "forest", "GP-EI", "factor"), rows)


def _why(compared: Mapping[Any, Comparison], teller: Teller) -> str:
    """Name what is not as hoped, by the figures, and say why."""
    tasks = {key: f"{KINDS[key[0]].told}, {100 * key[1]:g} %, {key[2]}" for key in compared}
    short = [told for key, told in tasks.items() if compared[key].gain[1] > 0 and compared[key].factor[0] < 2]
    open_ones = [told for key, told in tasks.items() if compared[key].gain[1] <= 0]
    gains = {
        f"{KINDS[kind].told}, {100 * share:g} %": f"ap200_trained_less_polar48_{kind}_{100 * share:g}pct"
        for kind in JUDGED
        for share in SHARES
    }
    shown = "; ".join(f"{told}: {teller.shown(name)}" for told, name in gains.items())
    return WHY.format(
        n=len(compared),
        above=len(compared) - len(open_ones),
        twice=sum(one.factor[0] >= 2 for one in compared.values()),
        short="; ".join(short) or "none",
        open="; ".join(open_ones) or "none",
        gains=shown,
    )


def _hard(teller: Teller, summary: Summary) -> str:
    rows = []
    for share in SHARES:
        _, rare, hard = summary.sizes("odd", share)
        assert hard is not None
        for features in FEATURES:
            one = summary.compared("odd", share, (features, "gp"), (features, "forest"), is_hard=True)
            beside = {"forest": one.other, "chance": rare / hard}
            name = f"hard_ap200_gp_{features}_odd_{100 * share:g}pct"
            teller.tell(name, one.one, n=hard, interval=one.interval(), against=beside)
            rows.append([f"{100 * share:g} %", features, f"{rare / hard:.3f}", f"{one.other:.3f}", f"{one.one:.3f}", interval(one.gain), interval(one.factor, 1)])  # fmt: skip
    return in_markdown(
        ("share", "features", "chance", "forest", "GP-EI", "GP-EI − forest", "GP-EI / forest"), rows
    )


if __name__ == "__main__":
    main()
