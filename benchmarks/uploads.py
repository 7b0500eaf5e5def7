"""Uploads judged: the FITS zoo, one galaxy in many layouts, wrong inputs; with the cost and the fuzzers' figures beside.

    python benchmarks/uploads.py --data-dir skylike-data [--galaxies 24] [--wrong 10] [--dry]

The folder holds the demo survey with its releases (`make demo`); gz1 and kids beside it answer more of the zoo. Needs ../shared/data
and the extra `demo`. Hardware: two idle cores; about fifteen minutes, progress shown. The layouts, which take longest, are kept by
commit under build/uploads, so an interrupted run continues there. The figures of upload_fuzz.py, api_fuzz.py and hostile_load.py are
copied from their own pages' files with their commands and commits.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
from figures import REPOSITORY, figure, machine, read_figures, table, write_results
from progress import Progress
from service_process import service
from upload_layouts import agreements, layout_rows, layout_table, plot
from upload_wrong import right_inputs, right_table, tried, wrong_rows, wrong_table
from upload_zoo import VERDICTS, Outcome, cases, false_refusals, post, remedied, verdict_table, zoo_page

sys.path.insert(0, str(REPOSITORY))

DATA = REPOSITORY.parent / "shared" / "data"
COMMAND = "python benchmarks/uploads.py"
# What others measured: their figures are copied with their own commands and commits.
_BORROWED = ("upload_fuzz", "api_fuzz", "hostile_load")

Row = tuple[str, float, str, int, str]

PAGE = """# Uploads

Written by `{command}` on {machine}, service with: {releases}.

{figures}

* `zoo_*`: the {requests} requests of the FITS zoo, one at a time, sets of five files as one. `zoo_answered_*` is the share with 200,
  `zoo_remedied_*` after doing what the answer asks for (benchmarks/zoo_remedies.csv), `zoo_refused_reject` that with a 4xx and its code.
  `zoo_deaths` are children that died; `prescan_false_refusals` counts honest files that the prescan alone refuses.
* The cost of an honest upload (`upload_*_ms`, `encoder_*_ms` …) and neighbours by id under hostile uploads are explained on
  [their page](hostile_load.md), the fuzzers on [theirs](upload_fuzz.md) and [theirs](api_fuzz.md).
* `layout_*`: {galaxies} galaxies of the demo survey in {layouts} layouts against themselves in our own writer's. The survey's renderer gives the light, so
  that every grid samples it and no pixel is interpolated in the making; the PSF is the same everywhere. Without noise only the writing
  differs: that is the judgement. `_same_noise`: the catalogue's own noise is part of the sky, but a pixel of another size averages another
  part of it. `_own_noise`: every file has noise of its own at the survey's depth; what is lost there is the model's, not the reader's.
* `layout_field_difference_worst`: largest difference between calibrated fields over the largest that interpolation explains to second order
  (tests/support/layout_judge.py); 1 is the bound.

## The zoo by verdict

{verdicts}

## One galaxy in many layouts

Median (worst) of {galaxies} galaxies; the bars are cosine 0.98 and overlap 0.9 (`polar48`).

{layout_table}

![cosines by layout](uploads.png)

## Wrong inputs

Each was made of {wrong} galaxies of the catalogue. *Named* is refused with the code, or answered with the flag, that says what is wrong.

{wrong_table}

Right files of {wrong} galaxies, as observed, in every layout: how many raised a flag that casts doubt on them.

{right_table}

## Every file of the zoo

{zoo}

## SDSS and KiDS

{surveys}
"""


def zoo_rows(outcomes: Sequence[Outcome], again: Sequence[Outcome]) -> Iterator[Row]:
    """Return the zoo's figures."""
    later = {outcome.case.name: outcome for outcome in again}
    for verdict in ("accept", "partial"):
        of = [outcome for outcome in outcomes if outcome.case.group == verdict]
        answered = sum(outcome.is_answered for outcome in of)
        mended = sum(later.get(outcome.case.name, outcome).is_answered for outcome in of)
        yield f"zoo_answered_{verdict}", round(answered / len(of), 4), "", len(of), "higher"
        yield f"zoo_remedied_{verdict}", round(mended / len(of), 4), "", len(of), "higher"
    reject = [outcome for outcome in outcomes if outcome.case.group == "reject"]
    refused = sum(400 <= outcome.status < 500 and outcome.code != "ok" for outcome in reject)
    yield "zoo_refused_reject", round(refused / len(reject), 4), "", len(reject), "higher"
    every = [*outcomes, *again]
    yield "zoo_5xx", sum(outcome.status >= 500 for outcome in every), "answers", len(every), "lower"
    yield "zoo_max_seconds", round(max(outcome.seconds for outcome in every), 3), "s", len(every), "lower"
    died = {"upload.crashed", "upload.timeout", "upload.memory"}
    yield "zoo_deaths", sum(outcome.code in died for outcome in every), "children", len(every), "lower"


def zoo_memory(outcomes: Sequence[Outcome]) -> Iterator[Row]:
    """Return the most memory and processor time that a child took for a request of the zoo."""
    from service.sandbox import Sandbox
    from survey.ingest import CutoutRejected, Overrides

    ends: list[Any] = []
    with Sandbox(on_end=ends.append) as sandbox:
        for outcome in outcomes:
            files = [(path.name, path.read_bytes()) for path in outcome.case.files]
            with suppress(CutoutRejected):
                sandbox.run(files, Overrides())
    told = [end for end in ends if end is not None]
    yield "zoo_max_rss_mb", round(max(end.peak_bytes for end in told) / 2**20, 1), "MiB", len(told), "lower"
    yield "zoo_max_cpu_seconds", round(max(end.cpu_seconds for end in told), 3), "s", len(told), "lower"


def borrowed() -> list[dict[str, Any]]:
    """Return the figures of the fuzzers and of the cost, unchanged."""
    found = []
    for page in _BORROWED:
        entries = read_figures(page)
        if not entries:
            sys.stderr.write(f"docs/results/{page}.json is not there: run benchmarks/{page}.py first\n")
        found += entries.values()
    return found


def main() -> None:
    """Post everything and write ``docs/results/uploads.{md,json,png}``."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", type=Path, default=REPOSITORY / "skylike-data")
    parser.add_argument("--galaxies", type=int, default=24, help="galaxies in all layouts")
    parser.add_argument("--wrong", type=int, default=10, help="galaxies in all wrong inputs")
    parser.add_argument("--dry", action="store_true", help="print only")
    options = parser.parse_args()
    with service(options.data_dir) as running, httpx.Client(base_url=running.url, timeout=60) as client:
        releases = ", ".join(sorted(item["id"] for item in client.get("/api/v1/releases").json()["releases"]))
        listed = list(cases(DATA))
        progress = Progress("real files", len(listed))
        outcomes = [_posted(client, case, progress) for case in listed]
        zoo = [outcome for outcome in outcomes if outcome.case.group in VERDICTS]
        again = [post(client, case) for case in remedied(zoo)]
        wrong = tried(client, options.data_dir, options.wrong)
        right = right_inputs(client, options.data_dir, options.wrong)
    refused, honest = false_refusals(DATA)
    found = agreements(options.data_dir, options.galaxies)
    rows: list[Row] = [
        *zoo_rows(zoo, again),
        *zoo_memory(zoo),
        ("prescan_false_refusals", refused, "files", honest, "lower"),
        *layout_rows(found),
        *wrong_rows(wrong, right),
    ]
    figures = [
        figure(name, value, unit, n=n, better=better, command=COMMAND)
        for name, value, unit, n, better in rows
    ] + borrowed()
    surveys = [outcome for outcome in outcomes if outcome.case.group not in VERDICTS]
    page = PAGE.format(
        command=COMMAND,
        machine=machine(),
        releases=releases,
        figures=table(figures),
        requests=len(zoo),
        galaxies=options.galaxies,
        wrong=options.wrong,
        layouts=len({one.layout for one in found}),
        verdicts=verdict_table(zoo),
        layout_table=layout_table(found),
        wrong_table=wrong_table(wrong),
        right_table=right_table(right),
        zoo=zoo_page(zoo, again),
        surveys="\n".join(_line(outcome) for outcome in surveys),
    )
    sys.stdout.write(page)
    if not options.dry:
        plot(found)
        write_results("uploads", figures, page)


def _posted(client: httpx.Client, case: Any, progress: Progress) -> Outcome:
    outcome = post(client, case)
    progress.step(case.name)
    return outcome


def _line(outcome: Outcome) -> str:
    told = f"{outcome.detail} {', '.join(outcome.flags)}".strip()
    return f"* {outcome.case.name}: {outcome.shown} {told} ({outcome.seconds * 1e3:.0f} ms)"


if __name__ == "__main__":
    main()
