"""schemathesis against a running service: all checks, all phases, with and without an API key.

    python benchmarks/api_fuzz.py [--cases 5000] [--data-dir skylike-data]

The service runs on a copy of the data folder (by default one of 180 synthetic galaxies). Rounds with seeds 1, 2, … alternate
between a caller without a key and one with, until there were enough cases. Hardware: two cores; takes about 5 minutes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import httpx
from figures import REPOSITORY, figure, machine, table, write_results
from service_process import data_folder, service

sys.path.insert(0, str(REPOSITORY / "tests"))
from support.api_fuzz import APIRun, fuzz

COMMAND = "python benchmarks/api_fuzz.py"
EXAMPLES = 60

PAGE = """# Requests made up from the OpenAPI document

Written by `{command}` on {machine}.

{figures}

* schemathesis {version}, phases examples, coverage, fuzzing and stateful, all of its checks, {rounds} rounds of {examples} examples for
  each operation, in turn without a key (from loopback) and with one. Half of the valid requests get an id that exists, or a file that is a galaxy.
* A request that fits the schema may be refused for what it means (a file that shows no galaxy, a cursor of another page): then the
  status must be documented, and the code not `request.invalid`. That is a check of our own (`tests/support/api_fuzz_hooks.py`).
* `schemathesis_5xx` counts answers of 500 and above but 503 (there were {busy}), which asks to come back.

## Failures by check

{failures}

## Answers by operation

{answers}

{unknown:,} requests with methods that their path does not have got 405, all of them with the methods that it has in `Allow`.
"""


def main() -> None:
    """Run the rounds and write ``docs/results/api_fuzz.{md,json}``."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=5_000, help="at least so many")
    parser.add_argument("--data-dir", type=Path, help="serve a copy of this folder")
    parser.add_argument("--dry", action="store_true", help="print only")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data_dir = data_folder(options.data_dir, folder / "data")
        key = issue_key(data_dir)
        with service(data_dir) as running:
            runs = rounds(running.url, folder, options.cases, key)
    figures, page = report(runs)
    sys.stdout.write(page)
    for run in runs:
        if run.failures:
            sys.stdout.write(run.text)
    if not options.dry:
        write_results("api_fuzz", figures, page)


def issue_key(data_dir: Path) -> str:
    """Make a key as an operator does."""
    command = [sys.executable, "-m", "skylike", "keys", "add", "fuzz", "--data-dir", str(data_dir), "--json"]
    said = subprocess.run(command, check=True, capture_output=True, text=True, cwd=REPOSITORY).stdout
    return str(json.loads(said)["key"])


def keep(url: str, key: str | None) -> str:
    """Upload a galaxy that is kept; returns its id."""
    from support.fuzz_seeds import seeds

    ((_, data),), _ = seeds()["written"]
    headers = {"content-type": "image/fits", **({"authorization": f"Bearer {key}"} if key else {})}
    options = {"keep": "true", "pixscale": "0.396"}
    answer = httpx.post(
        f"{url}/api/v1/neighbours/upload", params=options, content=data, headers=headers, timeout=60
    )
    answer.raise_for_status()
    return str(answer.json()["query"]["upload_id"])


def rounds(url: str, folder: Path, cases: int, key: str) -> list[APIRun]:
    """Run schemathesis until there were enough cases, at least once in either role."""
    listed = httpx.get(f"{url}/api/v1/anomalies", params={"limit": 100}).json()
    ids = [item["object_id"] for item in listed["objects"]]
    runs: list[APIRun] = []
    done, begun = 0, time.monotonic()
    while done < cases or len(runs) < 2:
        sent = key if len(runs) % 2 else None
        kept = [keep(url, sent)]
        runs.append(
            fuzz(url, folder, ids=ids, seed=len(runs) + 1, max_examples=EXAMPLES, key=sent, uploads=kept)
        )
        done += runs[-1].cases
        spent = time.monotonic() - begun
        left = max(0.0, spent * (cases / done - 1))
        sys.stderr.write(
            f"round {len(runs)}{' with a key' if sent else ''}: {done:,} of {cases:,} cases, "
            f"{sum(len(run.failures) for run in runs)} kinds of failure, {spent:.0f} s, about {left:.0f} s left\n"
        )
    return runs


def report(runs: list[APIRun]) -> tuple[list[dict[str, object]], str]:
    """Return the figures and the page."""
    import schemathesis

    cases = sum(run.cases for run in runs)
    answers: Counter[tuple[str, int]] = sum((run.answers for run in runs), Counter())
    failures: Counter[str] = sum((Counter(run.failures) for run in runs), Counter())
    rows = [
        ("schemathesis_cases", cases, "requests", "higher"),
        ("schemathesis_5xx", sum(run.server_errors for run in runs), "answers", "lower"),
        ("schemathesis_failures", sum(failures.values()), "failures", "lower"),
        (
            "schemathesis_answered",
            sum(n for (_, status), n in answers.items() if status == 200),
            "answers",
            "higher",
        ),
    ]
    figures = [
        figure(name, value, unit, n=cases, better=better, command=COMMAND)
        for name, value, unit, better in rows
    ]
    operations = sorted({operation for operation, status in answers if status != 405})
    unknown = sum(n for (operation, _), n in answers.items() if operation not in operations)
    statuses = sorted({status for _, status in answers})
    lines = [
        f"| operation | {' | '.join(map(str, statuses))} |",
        "| --- " * (len(statuses) + 1) + "|",
        *(
            f"| `{operation}` | {' | '.join(str(answers[operation, status] or '') for status in statuses)} |"
            for operation in operations
        ),
    ]
    page = PAGE.format(
        command=COMMAND,
        machine=machine(),
        figures=table(figures),
        version=schemathesis.__version__,
        rounds=len(runs),
        examples=EXAMPLES,
        busy=sum(n for (_, status), n in answers.items() if status == 503),
        failures="\n".join(f"* {title}: {count}" for title, count in failures.items()) or "None.",
        answers="\n".join(lines),
        unknown=unknown,
    )
    return figures, page


if __name__ == "__main__":
    main()
