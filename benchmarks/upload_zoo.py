"""The FITS zoo and other real files, posted: what was answered, and what after doing what the answer asks for."""

from __future__ import annotations

import csv
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
from figures import REPOSITORY

__all__ = [
    "VERDICTS",
    "Case",
    "Outcome",
    "cases",
    "false_refusals",
    "post",
    "remedied",
    "verdict_table",
    "zoo_page",
]

VERDICTS = ("accept", "partial", "reject", "valid_not_a_galaxy")
_REMEDIES = REPOSITORY / "benchmarks" / "zoo_remedies.csv"

# Why an honest galaxy is refused all the same, by code: the sentence is for the page, the remedy in the answer itself.
_EXPLAINED = {
    "fits.band_missing": "The releases read five bands or nine; too few of them are in the file to stand in.",
    "fits.band_unknown": "Neither header nor name tells the band, or its instrument is not known here: it is asked for.",
    "fits.no_wcs": "No pixel scale in the header: it is asked for.",
    "fits.scale": "The pixels are more than ten times coarser or fifty times finer than the model's.",
    "fits.too_small": "The image does not cover the centre of the model's field.",
    "fits.masked": "Too much of the centre is masked or NaN.",
    "fits.outside": "The position is not on the image.",
}


@dataclass(frozen=True)
class Case:
    """One request: its files and what is said beside them."""

    group: str
    name: str
    files: tuple[Path, ...]
    query: str = ""
    source: str = ""


@dataclass(frozen=True)
class Outcome:
    """What came back."""

    case: Case
    status: int
    code: str
    detail: str
    seconds: float
    flags: tuple[str, ...] = ()

    @property
    def is_answered(self) -> bool:
        """Whether there are neighbours."""
        return self.status == 200

    @property
    def shown(self) -> str:
        """Status and code."""
        return f"{self.status} `{self.code}`" if self.code != "ok" else "200"


def cases(data: Path) -> Iterator[Case]:
    """List all requests: SDSS stamps as five files, KiDS cubes and fields, the zoo."""
    stamps: dict[str, list[Path]] = defaultdict(list)
    for path in sorted((data / "sdss_ugriz_stamps" / "raw_fits").glob("stamp-*.fits")):
        stamps[path.stem.split("-", 2)[2]].append(path)
    for name, files in stamps.items():
        yield Case("sdss", name, tuple(files))
    for path in sorted((data / "kids_viking_9band").glob("cube_*.fits")):
        # The headers have no pixel scale; PROVENANCE.md gives the one of the mosaics.
        yield Case("kids", path.name, (path,), "pixscale=0.339")
    fields = sorted((data / "kids_viking_9band").glob("field_*.fz"))
    yield from (Case("kids field", path.name, (path,)) for path in fields)
    yield from _zoo(data / "fits_zoo")


def _zoo(folder: Path) -> Iterator[Case]:
    with (folder / "manifest.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    sets: dict[str, list[Path]] = defaultdict(list)
    for row in rows:
        path = folder / "files" / row["file"]
        if row["verdict"] == "accept" and "one file of" in row["what"]:
            sets[row["group"]].append(path)
        else:
            yield Case(row["verdict"], row["file"], (path,))
    for name, files in sets.items():
        yield Case("accept", f"{name} ({len(files)} files)", tuple(files))


def post(client: httpx.Client, case: Case) -> Outcome:
    """Send one request."""
    parts = [("file", (path.name, path.read_bytes(), "application/octet-stream")) for path in case.files]
    begun = time.perf_counter()
    answer = client.post(f"/api/v1/neighbours/upload?{case.query}", files=parts)
    seconds = time.perf_counter() - begun
    body = answer.json()
    flags = tuple((body.get("ingest") or {}).get("flags", ()))
    return Outcome(case, answer.status_code, body.get("code", "ok"), body.get("detail", ""), seconds, flags)


def remedied(outcomes: Sequence[Outcome]) -> list[Case]:
    """Return the honest files that were refused as they would be sent again, after reading the answer."""
    with _REMEDIES.open(newline="") as stream:
        remedies = {row["file"]: row for row in csv.DictReader(stream)}
    again = []
    for outcome in outcomes:
        row = remedies.get(outcome.case.name)
        if outcome.case.group not in ("accept", "partial") or outcome.is_answered or row is None:
            continue
        folder = outcome.case.files[0].parent
        files = (*outcome.case.files, *(folder / name for name in row["with"].split()))
        again.append(replace(outcome.case, files=files, query=row["query"], source=row["source"]))
    return again


def false_refusals(data: Path) -> tuple[int, int]:
    """Return how many honest files the prescan alone refuses, of how many."""
    from survey.prescan import PrescanRefused, prescan

    refused = total = 0
    for case in _zoo(data / "fits_zoo"):
        for path in case.files if case.group in ("accept", "partial") else ():
            total += 1
            try:
                prescan(path.read_bytes())
            except PrescanRefused:
                refused += 1
    return refused, total


def verdict_table(outcomes: Sequence[Outcome]) -> str:
    """Return the counts of each verdict and code."""
    counted = Counter((o.case.group, o.status, o.code) for o in outcomes)
    lines = [
        f"| {group} | {status} | `{code}` | {n} |" for (group, status, code), n in sorted(counted.items())
    ]
    return "\n".join(["| verdict | status | code | requests |", "| --- | --- | --- | --- |", *lines])


def zoo_page(outcomes: Sequence[Outcome], again: Sequence[Outcome]) -> str:
    """Return a table of every file of the zoo, with each disagreement explained."""
    second = {outcome.case.name: outcome for outcome in again}
    lines = ["| file | verdict | answer | flags | after the remedy | why |", "|" + " --- |" * 6]
    for outcome in sorted(outcomes, key=lambda o: (VERDICTS.index(o.case.group), o.case.name)):
        later = second.get(outcome.case.name)
        remedy = "" if later is None else f"{later.shown} with `{_said(later)}` ({later.case.source})"
        flags = ", ".join(outcome.flags) if outcome.is_answered else ""
        cells = (outcome.case.name, outcome.case.group, outcome.shown, flags, remedy, _why(outcome, later))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _said(outcome: Outcome) -> str:
    files = len(outcome.case.files)
    return outcome.case.query or f"{files} files together"


def _why(outcome: Outcome, later: Outcome | None) -> str:
    last = outcome if later is None else later
    if outcome.case.group in ("accept", "partial") and not last.is_answered:
        return _EXPLAINED.get(last.code, "") + f" {last.detail}".replace("|", "/")
    if outcome.case.group == "reject" and outcome.is_answered:
        return "It holds pixels after all."
    return ""
