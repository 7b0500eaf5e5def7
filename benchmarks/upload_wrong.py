"""Wrong inputs and right ones posted to a service: which are named, and how often a right one is suspected."""

from __future__ import annotations

import itertools
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from figures import REPOSITORY
from progress import Progress

sys.path.insert(0, str(REPOSITORY / "tests"))

__all__ = ["Tried", "right_inputs", "right_table", "tried", "wrong_rows", "wrong_table"]


@dataclass(frozen=True)
class Tried:
    """One way to be wrong, tried on several galaxies: what was answered each time, and whether it named the fault."""

    name: str
    wanted: tuple[str, ...]
    remark: str
    answers: tuple[tuple[str, tuple[str, ...]], ...]
    caught: int


def tried(client: httpx.Client, data_dir: Path, n: int) -> list[Tried]:
    """Post every wrong input of ``n`` galaxies of the demo survey."""
    from support.wrong_inputs import WRONG_INPUTS, is_caught

    scenes = _scenes(data_dir, n + 1)
    progress = Progress("wrong inputs", len(WRONG_INPUTS) * n)
    found = []
    for wrong in WRONG_INPUTS:
        answers = []
        for scene, other in itertools.pairwise(scenes):
            answers.append(_answer(client, wrong.make(scene, other)))
            progress.step(wrong.name)
        caught = sum(is_caught(wrong, *answer) for answer in answers)
        found.append(Tried(wrong.name, wrong.caught_by, wrong.remark, tuple(answers), caught))
    return found


def right_inputs(client: httpx.Client, data_dir: Path, n: int) -> dict[str, list[tuple[str, ...]]]:
    """Post ``n`` galaxies in every layout; return the suspicions that each file raised, by layout."""
    from support.galaxy_layouts import LAYOUTS, write
    from support.wrong_inputs import SUSPICIONS

    progress = Progress("right inputs", len(LAYOUTS) * n)
    found: dict[str, list[tuple[str, ...]]] = {}
    scenes = _scenes(data_dir, n)
    for name in LAYOUTS:
        found[name] = []
        for scene in scenes:
            code, flags = _answer(client, write(name, scene))
            suspected = tuple(flag for flag in flags if flag in SUSPICIONS)
            found[name].append(suspected if code == "ok" else (code,))
            progress.step(name)
    return found


def _scenes(data_dir: Path, n: int) -> list[Any]:
    from support.galaxy_scene import scenes_of
    from support.simulated_service import ordinary

    from survey.archive import SurveyFolder

    survey = SurveyFolder(data_dir / "surveys" / "demo")
    simulation = survey.info.extra["simulation"]
    # Others than those of the layouts.
    ids = ordinary(survey, n, skip=7)
    return list(scenes_of(ids, n=int(simulation["n"]), seed=int(simulation["seed"])).values())


def _answer(client: httpx.Client, written: Any) -> tuple[str, tuple[str, ...]]:
    from support.simulated_service import posted

    answer = posted(client, written)
    body = answer.json()
    if answer.status_code >= 500:
        return f"HTTP {answer.status_code}", ()
    return body.get("code", "ok"), tuple((body.get("ingest") or {}).get("flags", ()))


def wrong_table(found: Sequence[Tried]) -> str:
    """Return one row a wrong input: what must name it, how often it did, what came instead."""
    lines = ["| wrong input | named by | named in | otherwise | remark |", "|" + " --- |" * 5]
    for one in found:
        n = len(one.answers)
        missed = Counter(
            ("" if code == "ok" else code)
            or ", ".join(flag for flag in flags if flag in _suspicions())
            or "no flag"
            for code, flags in one.answers
            if not {code, *flags} & set(one.wanted)
        )
        otherwise = "; ".join(f"{count} × {what}" for what, count in missed.most_common(3))
        named = ", ".join(f"`{word}`" for word in one.wanted) or "nothing can"
        lines.append(f"| {one.name} | {named} | {one.caught} of {n} | {otherwise} | {one.remark} |")
    return "\n".join(lines)


def _suspicions() -> frozenset[str]:
    from support.wrong_inputs import SUSPICIONS

    return SUSPICIONS


def right_table(found: dict[str, list[tuple[str, ...]]]) -> str:
    """Return one row a layout whose right files were suspected."""
    lines = ["| layout | files | suspected | of |", "|" + " --- |" * 4]
    for layout, answers in found.items():
        flags = Counter(flag for one in answers for flag in one)
        told = ", ".join(f"{n} × `{flag}`" for flag, n in flags.most_common())
        lines.append(f"| {layout} | {len(answers)} | {sum(bool(one) for one in answers)} | {told} |")
    return "\n".join(lines)


def wrong_rows(
    found: Sequence[Tried], right: dict[str, list[tuple[str, ...]]]
) -> Iterator[tuple[str, float, str, int, str]]:
    """Return figures as (id, value, unit, n, better)."""
    detectable = [one for one in found if one.wanted]
    n = sum(len(one.answers) for one in detectable)
    yield "wrong_inputs", len(found), "kinds", len(found), "higher"
    yield "wrong_inputs_undetectable", len(found) - len(detectable), "kinds", len(found), "lower"
    always = sum(one.caught == len(one.answers) for one in detectable)
    yield "wrong_inputs_always_named", always, "kinds", len(found), "higher"
    yield "wrong_inputs_ever_named", sum(one.caught > 0 for one in detectable), "kinds", len(found), "higher"
    yield "wrong_inputs_named_share", round(sum(one.caught for one in detectable) / n, 4), "", n, "higher"
    files = [flags for answers in right.values() for flags in answers]
    suspected = sum(bool(flags) for flags in files) / len(files)
    yield "right_inputs_suspected_share", round(suspected, 4), "", len(files), "lower"
