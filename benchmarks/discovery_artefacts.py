"""How well artefacts are told from galaxies that are odd themselves, on simulated and on real sky.

    python benchmarks/discovery_artefacts.py --real PUBLIC_SETS [--data-dir skylike-data] [--seeds 31 32 33] [--out FILE]

Artefacts of two strengths (benchmarks/artefact_injection.py) are painted into galaxies that have none: the simulated
survey's with seeds that no rule was chosen on (rules: seeds up to 23), SDSS and KiDS stamps, and Galaxy Zoo pictures. With
``--data-dir`` the planted oddities of its demo survey are judged too. Hardware: one core. Takes about ten minutes.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from artefact_injection import ARTEFACTS, DEFECT_OF, STRENGTHS, inject
from artefact_skies import galaxies_zoo, kids_stamps, oddities, planted, sdss_stamps, simulated
from figures import figure, table
from progress import Progress

from index.causes.cause import KINDS, cause_of
from survey.cutout import Cutout
from survey.defects.verdict import DEFECTS
from survey.inspection import Inspection, inspect

COMMAND = "python benchmarks/discovery_artefacts.py"
N_SIMULATED, N_PICTURES, N_ODDITIES = 200, 300, 200
# What each planted kind should be put down to.
TRUTH = {
    "ring": "astrophysical",
    "arc": "astrophysical",
    "blend": "blend",
    "satellite_trail": "data_quality",
    "missing_band": "data_quality",
    "saturated_star": "data_quality",
}


def main() -> int:
    """Measure and print; write the figures where asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", type=Path, help="with a demo survey, whose oddities are judged too")
    parser.add_argument("--real", type=Path, required=True, help="folder of the public sets")
    parser.add_argument("--seeds", type=int, nargs="+", default=[31, 32, 33])
    parser.add_argument("--out", type=Path, help="JSON file of the figures")
    options = parser.parse_args()
    skies: dict[str, list[Cutout]] = {
        f"simulated, seed {seed}": list(simulated(seed, N_SIMULATED)) for seed in options.seeds
    }
    skies |= {"SDSS stamps": sdss_stamps(options.real), "KiDS stamps": kids_stamps(options.real)}
    pictures = {"Galaxy Zoo pictures": galaxies_zoo(options.real, N_PICTURES)}
    figures = []
    for what, chosen in (("flux", skies), ("pictures", pictures)):
        figures += measure(chosen, what, options.seeds[0])
    figures += confusion(
        [pair for seed in options.seeds for pair in oddities(seed, N_ODDITIES)],
        "oddities",
        len(options.seeds),
    )
    if options.data_dir:
        figures += confusion(planted(options.data_dir), "planted", 1)
    print(table(figures))
    if options.out:
        options.out.write_text(json.dumps({"figures": figures}, indent=1) + "\n")
    return 0


def measure(skies: dict[str, list[Cutout]], what: str, seed: int) -> list[dict[str, Any]]:
    """Inject every artefact at every strength into every sky; print recall and false alarms, return the figures."""
    alarms: Counter[str] = Counter()
    clean: dict[str, list[Cutout]] = {}
    n = 0
    print(f"\n## {what}: false alarms per hundred on galaxies as they are")
    for name, cutouts in skies.items():
        found = [inspect(cutout) for cutout in cutouts]
        # Real stamps have real defects; what has none is painted into.
        clean[name] = [cutout for cutout, one in zip(cutouts, found, strict=True) if not grave(one)]
        here = Counter(defect for one in found for defect in grave(one))
        alarms += here
        n += len(found)
        told = ", ".join(f"{d} {100 * here[d] / len(found):.2f}" for d in DEFECTS if here[d]) or "none"
        print(f"{name}: {told} (n = {len(found)})")
    named: dict[tuple[str, str], list[bool]] = {}
    caused: dict[tuple[str, str], list[bool]] = {}
    progress = Progress(what, len(ARTEFACTS) * len(STRENGTHS) * len(clean))
    for name, cutouts in clean.items():
        for artefact in ARTEFACTS:
            for strength in STRENGTHS:
                rng = np.random.default_rng([seed, ARTEFACTS.index(artefact), STRENGTHS.index(strength)])
                found = [inspect(inject(cutout, artefact, strength, rng)) for cutout in cutouts]
                hits = [DEFECT_OF[artefact] in one.names for one in found]
                named.setdefault((artefact, strength), []).extend(hits)
                causes = [cause_of(one).kind == "data_quality" for one in found]
                caused.setdefault((artefact, strength), []).extend(causes)
                progress.step()
                print(f"{name}, {artefact}, {strength}: {np.mean(hits):.3f} (n = {len(hits)})")
    return [*_alarms(alarms, n, what), *_recalls(named, caused, what)]


def grave(inspection: Inspection) -> list[str]:
    """Return the defects that explain an oddity."""
    return [verdict.name for verdict in inspection.defects if verdict.severity != "note"]


def confusion(pairs: Sequence[tuple[str, Cutout]], what: str, n_seeds: int) -> list[dict[str, Any]]:
    """Print what each planted kind is put down to; return the shares that are right, and the impostors."""
    print(f"\n## {what}: causes, {n_seeds} seed(s)")
    print(f"| kind | n | {' | '.join(KINDS)} |\n| --- | --- | --- | --- | --- |")
    causes = [(kind, cause_of(inspect(cutout))) for kind, cutout in pairs]
    figures = []
    for kind, truth in TRUTH.items():
        mine = [cause for planted_kind, cause in causes if planted_kind == kind]
        if not mine:
            continue
        counts = Counter(cause.kind for cause in mine)
        print(f"| {kind} | {len(mine)} | {' | '.join(str(counts[cause]) for cause in KINDS)} |")
        figures.append(_share(f"cause_right_{kind}_{what}", counts[truth], len(mine)))
    # Sorted by the probability that the galaxy itself is odd: what has a defect must not come first.
    ranked = sorted(causes, key=lambda pair: -pair[1].p_astrophysical)
    own = sum(TRUTH[kind] == "astrophysical" for kind, _ in causes)
    spoilt = [TRUTH[kind] == "data_quality" for kind, _ in ranked[:own]]
    print(f"data-quality oddities among the first {own} by p_astrophysical: {sum(spoilt)}")
    figures.append(_share(f"spoilt_among_astrophysical_{what}", sum(spoilt), own, better="lower"))
    return figures


def _alarms(alarms: Counter[str], n: int, what: str) -> Iterator[dict[str, Any]]:
    for defect in DEFECTS:
        yield _share(f"false_{defect}_{what}", alarms[defect], n, better="lower")


def _recalls(
    named: dict[tuple[str, str], list[bool]], caused: dict[tuple[str, str], list[bool]], what: str
) -> Iterator[dict[str, Any]]:
    suffix = "" if what == "flux" else f"_{what}"
    for strength in STRENGTHS:
        shares = {a: float(np.mean(named[a, strength])) for a in ARTEFACTS}
        worst = min(ARTEFACTS, key=lambda a: shares[a])
        hits = named[worst, strength]
        faint = "" if strength == "median" else "_faint"
        against = {**shares, "mean": float(np.mean(list(shares.values())))}
        yield {
            **_share(f"artefact_recall{faint}{suffix}", sum(hits), len(hits)),
            "against": {name: round(value, 4) for name, value in against.items()},
        }
        for artefact in ARTEFACTS:
            found = caused[artefact, strength]
            yield _share(f"data_quality_{artefact}{faint}{suffix}", sum(found), len(found))


def _share(name: str, k: int, n: int, *, better: str = "higher") -> dict[str, Any]:
    """Return a share with its Wilson 95 % interval (Wilson 1927, JASA 22, 209)."""
    z = 1.96
    centre, width = (k + z**2 / 2) / (n + z**2), z * np.sqrt(k * (n - k) / n + z**2 / 4) / (n + z**2)
    interval = (max(0.0, centre - width), min(1.0, centre + width))
    return figure(name, k / n, "share", n=n, better=better, command=COMMAND, interval=interval)


if __name__ == "__main__":
    sys.exit(main())
