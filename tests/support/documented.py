"""The tables of README and docs that follow from the code, and the command that rewrites them.

python tests/support/documented.py
"""

import json
import re
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]

# Where each table stands, between `<!-- name -->` and `<!-- /name -->`.
PLACES = {
    "settings": "README.md",
    "figures": "README.md",
    "errors": "docs/api.md",
    "paths": "docs/api.md",
    "flags": "docs/uploads.md",
    "limits": "docs/security.md",
    "hostile": "docs/security.md",
    "redshift-columns": "docs/photoz.md",
    "redshift-flags": "docs/photoz.md",
}

# What the README tells of the figures, in this order.
FIGURES = {
    "demo_seconds": "`make demo` on a clean clone, installation included, until it answers",
    "second_start_seconds": "the same again",
    "demo_galaxies": "galaxies of the demo survey",
    "rss_mb": "memory of the serving process, two releases of the demo",
    "byid_rps": "neighbours by id over HTTP: 20,000 galaxies, one worker, 32 connections",
    "vector_rps_20k": "neighbours by vector, the same, exact",
    "vector_rps_20k_plain": "the same from FAISS behind a plain FastAPI route",
    "vector_rps_1m": "neighbours by vector among a million, by an approximate index",
    "recall10_1m": "share of the true ten nearest that it finds",
    "recall10_filter1pct": "the same under a filter that one in a hundred passes: compared exactly",
    "swap_errors": "failed or mixed answers during 20 swaps and 5 rollbacks of releases under load",
    "purity10_trained": "same morphology among the ten nearest, held-out real SDSS images, the trained model",
    "purity10_polar48": "the same, `polar48`, which needs no training",
    "purity10_pca48": "the same, `pca48`: plain pixels",
    "knn_sigma_mad_pixels": "demo survey: σ_MAD of redshifts from magnitudes measured on the pixels, local-linear kNN",
    "embedding_sigma_mad": "demo survey: σ_MAD of redshifts from spectroscopic neighbours in the embedding alone",
    "sigma_mad_image": "rendered test galaxies: σ_MAD of redshifts from the image, by the network",
    "sigma_mad_fair_rival": "the same galaxies: boosted trees on the fluxes measured on the same pixels",
    "coverage68": "the same: true redshifts inside the 68 % intervals",
    "coverage68_worst_cell": "the same, in the worst of ten cells of magnitude and colour",
    "flag_outlier_ratio_low95": "the same: outliers among flagged galaxies against the others, lower 95 % end",
    "batch_rows_per_s": "redshifts of batches by id over HTTP, 2,000 a request",
    "rows_lost": "rows lost in 100 kills of workers, on each of two databases",
    "oddity_recall_top5": "demo survey: planted oddities among the 5 % highest anomaly scores",
    "oddity_recall_top1_density_trained": "four simulated surveys: planted oddities among the 1 % highest, which can hold 0.73",
    "ap200_gp_trained": "rare kinds of real galaxies (2 and 5 %): average precision after 200 labels, Gaussian process, trained model",
    "ap200_gp_polar48": "the same on `polar48`, which needs no training",
    "ap200_forest_trained": "the same by the isolation forest on the trained model's vectors, which learns nothing",
    "artefact_recall": "injected trails, missing bands, stars, cosmic rays and edges that get the right cause",
    "audit_pairs_recall": "pairs of Galaxy Zoo 1 pictures of one sky that `skylike index audit` finds",
    "audit_pairs_precision": "share of the pairs it names that are",
}


def table(head, rows):
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def settings():
    from service.settings import Settings

    def row(name, field):
        default = field.get_default(call_default_factory=True)
        shown = (
            "unset"
            if default is None
            else f"`{str(default).lower() if isinstance(default, bool) else default}`"
        )
        return f"`SKYLIKE_{name.upper()}`", shown, field.description.replace("|", "\\|")

    return table(
        ("variable", "default", "what it does"), (row(n, f) for n, f in Settings.model_fields.items())
    )


def errors():
    from service.problems import PROBLEMS

    rows = ((f"`{p.slug}`", str(p.status), p.title) for p in sorted(PROBLEMS.values(), key=lambda p: p.slug))
    return table(("code", "status", "means"), rows)


def flags():
    from survey.ingest import FLAGS

    return table(("flag", "means"), ((f"`{flag}`", text) for flag, text in FLAGS.items()))


def paths():
    file = REPOSITORY / "docs" / "api" / "openapi.json"
    if not file.is_file():
        return ""
    listed = json.loads(file.read_text())["paths"].items()
    rows = (
        (f"{method.upper()} `{path}`", operation.get("summary", ""))
        for path, methods in listed
        for method, operation in methods.items()
    )
    return table(("request", "answer"), rows)


def all_figures():
    """Every figure of docs/results by id, with the name of the page that explains it."""
    found = {}
    for file in sorted((REPOSITORY / "docs" / "results").glob("*.json")):
        for figure in json.loads(file.read_text()).get("figures", []):
            # first_light.json gathers what the others measured.
            if figure["id"] not in found or file.stem == "first_light":
                found[figure["id"]] = (figure, file.stem)
    return found


def figures():
    found = all_figures()
    if not found:
        return ""
    rows = [(told, _shown(found[name][0]), f"`{name}`") for name, told in FIGURES.items() if name in found]
    where = "What was measured, how, and on which machine: [docs/results/](docs/results)."
    return f"{where}\n\n{table(('figure', 'value', 'id'), rows)}"


def _shown(figure):
    value, unit = figure["value"], figure.get("unit") or ""
    number = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{number} {unit}".strip()


def rewritten(text, name, content):
    block = (
        f"<!-- {name} -->\n{content}\n<!-- /{name} -->" if content else f"<!-- {name} -->\n<!-- /{name} -->"
    )
    return re.sub(rf"<!-- {name} -->\n.*?<!-- /{name} -->", lambda _: block, text, count=1, flags=re.DOTALL)


def redshift_columns():
    from index.photoz_columns import COLUMNS

    rows = (
        (f"`{c.name}`", c.kind, f"`{c.ucd}`" if c.ucd else "", c.description.replace("|", "\\|"))
        for c in COLUMNS
    )
    return table(("column", "kind", "UCD", "means"), rows)


def redshift_flags():
    from index.photoz_columns import FLAGS

    rows = ((f"`{flag.name.lower()}`", str(int(flag)), text) for flag, text in FLAGS.items())
    return table(("flag", "bit", "means"), rows)


def limits():
    from support.security_tables import limits as written

    return written()


def hostile():
    from support.security_tables import hostile as written

    return written()


TABLES = {
    "settings": settings,
    "figures": figures,
    "errors": errors,
    "paths": paths,
    "flags": flags,
    "limits": limits,
    "hostile": hostile,
    "redshift-columns": redshift_columns,
    "redshift-flags": redshift_flags,
}


def main():
    for name, place in PLACES.items():
        file = REPOSITORY / place
        file.write_text(rewritten(file.read_text(), name, TABLES[name]()))


if __name__ == "__main__":
    # Not this folder, whose html.py is not Python's own.
    sys.path[0] = str(REPOSITORY / "tests")
    sys.exit(main())
