"""schemathesis against a running service, with all checks in all phases."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

__all__ = ["APIRun", "fuzz"]

TESTS = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class APIRun:
    """What a run of schemathesis found.

    Attributes
    ----------
    cases
        Requests that were made up and sent.
    failures
        Kind of failure to how many different ones.
    answers
        (method and path, status) to how often.
    text
        What it printed.
    """

    cases: int
    failures: dict[str, int]
    answers: Counter[tuple[str, int]]
    text: str

    @property
    def server_errors(self) -> int:
        """Answers of 500 and above, but 503, which says when to come back."""
        return sum(n for (_, status), n in self.answers.items() if status >= 500 and status != 503)


def fuzz(
    url: str,
    folder: Path,
    *,
    ids: list[str],
    seed: int,
    max_examples: int,
    key: str | None = None,
    uploads: list[str] | None = None,
    phases: str = "examples,coverage,fuzzing,stateful",
    timeout_s: float = 3600,
) -> APIRun:
    """Run schemathesis.

    Parameters
    ----------
    folder
        Where its report goes.
    ids
        Objects that the service has.
    max_examples
        Requests made up for each operation in the fuzzing phase; the other phases make their own number.
    key
        An API key that is sent with every request.
    uploads
        Kept uploads of whoever asks; they are read, never deleted.
    """
    report, tally = folder / "report.json", folder / "tally.jsonl"
    for path in (report, tally):
        path.unlink(missing_ok=True)
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        *("--config-file", str(TESTS / "support" / "schemathesis.toml")),
        *("run", f"{url}/api/v1/openapi.json", "--checks", "all", "--phases", phases),
        *("--seed", str(seed), "--max-examples", str(max_examples), "--continue-on-failure", "--no-shrink"),
        *("--suppress-health-check", "all", "--no-color"),
        *("--report", "json", "--report-json-path", str(report)),
        *(("--header", f"Authorization: Bearer {key}") if key else ()),
    ]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)]),
        "SCHEMATHESIS_HOOKS": "support.api_fuzz_hooks",
        "SKYLIKE_FUZZ_IDS": ",".join(ids),
        "SKYLIKE_FUZZ_UPLOADS": ",".join(uploads or []),
        "SKYLIKE_FUZZ_TALLY": str(tally),
    }
    done = subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True, check=False, timeout=timeout_s
    )
    text = done.stdout + done.stderr
    if done.returncode not in (0, 1) or not report.is_file():
        raise RuntimeError(f"schemathesis ended with {done.returncode}:\n{text[-3000:]}")
    found = json.loads(report.read_text())
    failures = {item["title"]: item["count"] for item in found["failures"]}
    if found["errors"]:
        failures["errors of schemathesis itself"] = len(found["errors"])
    lines = [json.loads(line) for line in tally.read_text().splitlines()]
    answers = Counter((f"{line['method']} {line['path']}", line["status"]) for line in lines)
    return APIRun(found["test_cases"]["generated"], failures, answers, text)
