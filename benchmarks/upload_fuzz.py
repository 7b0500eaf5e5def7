"""Mutated FITS, PNG and JPEG through prescan, sandbox and calibration, then some of them through HTTP.

    python benchmarks/upload_fuzz.py [--cases 100000] [--http 2000]
    python benchmarks/upload_fuzz.py --case 4711        write that case's files under build/, and say what it does

A case is made from its number alone. What is done is logged under build/ by commit, so an interrupted run continues; the cases
run in a process of their own, whose death is counted and survived. Hardware: two idle cores, 15 to 25 minutes.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil
from figures import REPOSITORY, commit, figure, machine, table, write_results
from progress import Progress

sys.path.insert(0, str(REPOSITORY / "tests"))
from support.fuzz_cases import make_case
from support.fuzz_examination import Examiner

COMMAND = "python benchmarks/upload_fuzz.py"
FOLDER = REPOSITORY / "build" / "upload_fuzz"
ZOO = REPOSITORY.parent / "shared" / "data" / "fits_zoo" / "files"
THREADS = 2
_ZOO_BYTES = 300_000
# What somebody wanted: exits after an exception or Ctrl-C, and by the signals that ask a process to end.
_STOPPED = (1, 130, -signal.SIGINT, -signal.SIGTERM, -signal.SIGHUP)

PAGE = """# Mutated uploads

Written by `{command}` on {machine}.

{figures}

* Each case is an honest file ({seeds} of them, {zoo} from the FITS zoo) with one to five mutations: integers, texts and numbers of
  header cards, bits, tile descriptors, HDUs, chunks, segments, scans, wrappers, ends; one case in a hundred is left honest.
* Every case is read by its own child of the sandbox, two at a time, unless the prescan refuses it; what is understood is calibrated in the
  parent as the service does.
* A *death* is one of the parent or of the fork server. An *escape* is anything out of the parent but a refusal of the registry
  or a sound cutout, a text that repeats a library or a path, or a file that was created. `fuzz_max_wall_s` is prescan, fork, child
  and answer; `fuzz_max_rss_mb` is the most that one child held.
* The parent grew by {grown:.0f} MiB over the last {sample:,} cases that one process did.

## Who answered

{outcomes}

## Children that were ended

{killed}

## Through HTTP

{n_http:,} further cases to a running service: {http}.
"""


def main() -> None:
    """Run everything and write ``docs/results/upload_fuzz.{md,json}``."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--http", type=int, default=2_000, help="cases that go through a running service")
    parser.add_argument(
        "--wall", type=float, default=8.0, help="seconds a child may take; more on a busy machine"
    )
    parser.add_argument("--case", type=int, help="write one case and say what it does")
    parser.add_argument("--fresh", action="store_true", help="forget what was done at this commit")
    parser.add_argument("--dry", action="store_true", help="print only")
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case is not None:
        show(options.case, options.wall)
    elif options.work:
        work(options.work, options.cases, options.wall)
    else:
        log = FOLDER / f"{commit()}.jsonl"
        if options.fresh:
            log.unlink(missing_ok=True)
        drive(log, options.cases, options.wall)
        report(read_log(log), through_http(options.http), dry=options.dry)


def zoo() -> dict[str, bytes]:
    """Return the small files of the FITS zoo, where it lies beside the clone."""
    files = sorted(ZOO.glob("*")) if ZOO.is_dir() else []
    return {path.name: path.read_bytes() for path in files if path.stat().st_size <= _ZOO_BYTES}


def show(number: int, wall: float) -> None:
    """Write a case's files and examine it."""
    folder = FOLDER / f"case-{number}"
    folder.mkdir(parents=True, exist_ok=True)
    case = make_case(number, extra=zoo())
    for n, (_, data) in enumerate(case.files):
        (folder / f"file-{n}").write_bytes(data)
    print(folder, [name for name, _ in case.files], asdict(case.overrides), case.field_arcsec)
    with tempfile.TemporaryDirectory() as watched:
        examiner = Examiner(Path(watched), children=1, wall_seconds=wall)
        with examiner.sandbox:
            print(json.dumps(examiner.examine(case)))


def read_log(log: Path) -> list[dict[str, Any]]:
    """Return all whole lines."""
    lines = log.read_text().splitlines() if log.is_file() else []
    found = []
    for line in lines:
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def drive(log: Path, cases: int, wall: float) -> None:
    """Run the worker until every case is in the log; a worker that dies leaves a line that says so."""
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, __file__, "--work", str(log), "--cases", str(cases), "--wall", str(wall)]
    before = -1
    while True:
        done = {line["case"] for line in read_log(log)}
        if done.issuperset(range(cases)):
            return
        if len(done) == before:
            raise SystemExit("the worker does nothing more; its last words stand above")
        before = len(done)
        code = subprocess.run(command, check=False).returncode
        if code in _STOPPED:
            raise SystemExit("stopped; run again to continue")
        if code == 0:
            continue
        done = {line["case"] for line in read_log(log)}
        dead = [int(text) for text in (log.parent / "begun").read_text().split() if int(text) not in done]
        with log.open("a") as stream:
            for number in dead:
                line = {"case": number, "by": "death", "why": f"the parent ended with {code}", "s": 0}
                stream.write(json.dumps(line) + "\n")


def work(log: Path, cases: int, wall: float) -> None:
    """Examine every case that the log lacks, in two threads."""
    done = {line["case"] for line in read_log(log)}
    todo = iter([number for number in range(cases) if number not in done])
    progress, extra, lock = Progress("cases", cases, len(done & set(range(cases)))), zoo(), threading.Lock()
    begun = ["-1"] * THREADS
    process = psutil.Process()
    with tempfile.TemporaryDirectory() as watched, log.open("a") as stream:
        examiner = Examiner(Path(watched), children=THREADS, wall_seconds=wall)

        def take(thread: int) -> int | None:
            with lock:
                number = next(todo, None)
                begun[thread] = str(number)
                (log.parent / "begun").write_text(" ".join(text for text in begun if text.isdigit()))
                return number

        def loop(thread: int) -> None:
            while (number := take(thread)) is not None:
                case = make_case(number, folder=watched, extra=extra)
                line = examiner.examine(case)
                line["rss"] = process.memory_info().rss >> 20
                if made := examiner.created():
                    line |= {"by": "escape", "why": f"created {made}"}
                if examiner.sandbox.server_pid != server:
                    line |= {"by": "death", "why": "the fork server died"}
                with lock:
                    stream.write(json.dumps(line) + "\n")
                    stream.flush()
                progress.step()

        with examiner.sandbox:
            server = examiner.sandbox.server_pid
            threads = [threading.Thread(target=loop, args=(n,)) for n in range(THREADS)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()


def through_http(cases: int) -> dict[str, int]:
    """Post further cases to a service with two small surveys; count the statuses and what was wrong."""
    import httpx
    from service_process import service, tiny_data
    from support.fuzz_posting import post

    if not cases:
        return {}
    counts: Counter[str] = Counter()
    progress, extra = Progress("posts", cases), zoo()
    numbers = iter(range(10_000_000, 10_000_000 + cases))
    lock = threading.Lock()

    def loop(url: str) -> None:
        with httpx.Client(base_url=url, timeout=60) as client:
            while True:
                with lock:
                    number = next(numbers, None)
                if number is None:
                    return
                outcome = post(client, make_case(number, extra=extra))
                with lock:
                    counts[outcome] += 1
                if not outcome.isdigit() or outcome >= "500":
                    sys.stderr.write(f"\ncase {number}: {outcome}\n")
                progress.step()

    with tempfile.TemporaryDirectory() as folder, service(tiny_data(Path(folder) / "data")) as running:
        threads = [threading.Thread(target=loop, args=(running.url,)) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return dict(counts)


def report(lines: list[dict[str, Any]], http: dict[str, int], *, dry: bool) -> None:
    """Print, and write the results."""
    by = Counter(line["by"] for line in lines)
    killed = Counter(line["killed"] for line in lines if line.get("killed"))
    forked = [line for line in lines if "mib" in line]
    rss = [line["rss"] for line in lines if "rss" in line][-20_000:]
    n = len(lines)
    rows = [
        ("fuzz_cases", n, "cases", "higher"),
        ("fuzz_deaths", by["death"], "deaths", "lower"),
        ("fuzz_escapes", by["escape"], "cases", "lower"),
        ("fuzz_max_wall_s", round(max(line["s"] for line in lines), 2), "s", "lower"),
        ("fuzz_max_rss_mb", max((line["mib"] for line in forked), default=0), "MiB", "lower"),
        ("fuzz_refused_prescan", by["prescan"], "cases", "higher"),
        ("fuzz_refused_reader", by["reader"] + by["contract"], "cases", "higher"),
        ("fuzz_understood", by["understood"], "cases", "higher"),
        ("fuzz_children_ended", sum(killed.values()), "children", "lower"),
        ("fuzz_http_cases", sum(http.values()), "requests", "higher"),
        ("fuzz_http_5xx", sum(count for status, count in http.items() if not status.isdigit() or status >= "500"), "answers", "lower"),
    ]  # fmt: skip
    figures = [
        figure(
            name, value, unit, n=sum(http.values()) if "http" in name else n, better=better, command=COMMAND
        )
        for name, value, unit, better in rows
    ]
    outcomes = Counter((line["by"], line.get("code", line.get("why", ""))) for line in lines)
    listed = [f"| {who} | `{code}` | {count:,} |" for (who, code), count in outcomes.most_common()]
    from support.fuzz_seeds import seeds

    page = PAGE.format(
        command=COMMAND,
        machine=machine(),
        figures=table(figures),
        seeds=len(seeds()) + len(zoo()),
        zoo=len(zoo()),
        grown=rss[-1] - rss[0] if rss else 0,
        sample=len(rss),
        outcomes="\n".join(["| by | code | cases |", "| --- | --- | --- |", *listed]),
        killed="\n".join(f"* {what}: {count:,}" for what, count in killed.most_common()) or "None.",
        n_http=sum(http.values()),
        http=", ".join(f"{count:,} × {status}" for status, count in sorted(http.items())),
    )
    sys.stdout.write(page)
    for line in lines:
        if line["by"] in ("escape", "death"):
            sys.stdout.write(json.dumps(line) + "\n")
    if not dry:
        write_results("upload_fuzz", figures, page)


if __name__ == "__main__":
    main()
