"""By how much an anomaly score changes when the catalogue grows by a tenth, and when the same pixels are sent as a file.

    python benchmarks/discovery_steady.py --data-dir FOLDER --out FILE.json

Indexes FOLDER/surveys/demo-1 by the released model in a folder of its own, sends a hundred of its galaxies as FITS, adds a tenth as many galaxies
of FOLDER/surveys/demo-2 under other ids by `skylike index update`, builds anew, and compares. benchmarks/discovery_planted.py renders both
surveys. One core: about 5 minutes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from discovery_planted import SERVED
from figures import REPOSITORY, figure
from service_process import service

from index.columns import COMPUTED_COLUMNS
from index.release import Release
from survey.archive import SurveyFolder
from survey.cutout import Cutout
from survey.fits.writer import write_fits
from survey.publish import SurveyPart, publish_survey

COMMAND = "python benchmarks/discovery_steady.py --data-dir FOLDER --out steady.json"
_SENT, _AIM = 100, 1e-6
_P = [name for name in COMPUTED_COLUMNS if name.startswith("anomaly_p")]


def main() -> None:
    """Build, send, grow, compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    given = arguments.data_dir / "surveys"
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder)
        (data_dir / "surveys").mkdir()
        survey = SurveyFolder(given / "demo-1")
        name = survey.info.name
        (data_dir / "surveys" / name).symlink_to(survey.path.resolve())
        n_more = _supplement(SurveyFolder(given / "demo-2"), survey, data_dir / "surveys" / "more")
        before = _built(data_dir, "build", name, "--model", SERVED, "--map", "none")
        sent = _sent(data_dir, survey)
        updated = _built(data_dir, "update", name, "--with", "more")
        merged = _built(data_dir, "build", name, "--model", SERVED, "--map", "none")
    changes = {way: _most(before, after) for way, after in (("update", updated), ("new build", merged))}
    figures = [
        figure("score_change_growth", max(changes.values()), "", n=len(before), better="lower", command=COMMAND, against={"aim": _AIM, **changes}),
        figure("score_change_upload", max(sent), "", n=len(sent), better="lower", command=COMMAND, against={"aim": _AIM}),
    ]  # fmt: skip
    text = (
        f"Largest change of any of {', '.join(f'`{one}`' for one in _P)} of {len(before):,} demo galaxies when {n_more} more come: {changes['update']:.1g} by "
        f"`skylike index update`, {changes['new build']:.1g} by the next `skylike index build`. Largest difference between the answer for {len(sent)} "
        f"galaxies sent as FITS and their own in the catalogue, of all detectors: {max(sent):.1g}. Asked for: {_AIM:g}."
    )
    arguments.out.write_text(json.dumps({"figures": figures, "text": text}, indent=1) + "\n")
    print(text)


def _supplement(source: SurveyFolder, survey: SurveyFolder, path: Path) -> int:
    """Publish a tenth as many galaxies of another survey under ids of their own; return how many."""
    rows = np.arange(len(survey) // 10)
    cutouts = source.read([source.ids[row] for row in rows])
    table = source.objects.take(pa.array(rows))
    place = table.column_names.index("object_id")
    table = table.set_column(place, "object_id", pa.array([f"more-{row}" for row in rows], pa.string()))
    part = SurveyPart(rows=table, flux=np.stack([cutout.flux for cutout in cutouts]))
    publish_survey(path, replace(source.info, name=path.name), [part], thumbnail=_no_thumbnail)
    return len(rows)


def _no_thumbnail(_cutout: Cutout) -> bytes:
    return b""


def _built(data_dir: Path, *arguments: str) -> dict[str, NDArray[np.float64]]:
    """Run a verb of `skylike index`; return the tail probabilities of the release that it made, by id."""
    command = [sys.executable, "-m", "skylike", "index", *arguments, "--data-dir", str(data_dir), "--json"]
    subprocess.run(command, cwd=REPOSITORY, check=True, stdout=subprocess.DEVNULL)
    newest = max((data_dir / "releases").iterdir(), key=lambda path: path.stat().st_mtime)
    release = Release.open(newest)
    columns = np.array([release.columns.array(name) for name in _P])
    return {release.columns.ids[row]: columns[:, row] for row in release.galaxies.tolist()}


def _most(before: dict[str, NDArray[np.float64]], after: dict[str, NDArray[np.float64]]) -> float:
    return float(max(np.abs(after[one] - values).max() for one, values in before.items()))


def _sent(data_dir: Path, survey: SurveyFolder) -> list[float]:
    """Return by how much the tail probabilities of galaxies sent as FITS differ from the catalogue's."""
    rows = np.linspace(0, len(survey) - 1, _SENT).astype(int)
    found = []
    with service(data_dir) as running, httpx.Client(base_url=running.url, timeout=60) as client:
        for row in rows:
            object_id = survey.ids[row]
            (cutout,) = survey.read([object_id])
            answers = (
                client.get(f"/api/v1/objects/{object_id}/anomaly"),
                client.post("/api/v1/neighbours/upload?k=1", content=write_fits(cutout), headers={"content-type": "image/fits"}),
            )  # fmt: skip
            if any(answer.is_error for answer in answers):
                print(
                    object_id, [answer.text[:200] for answer in answers if answer.is_error], file=sys.stderr
                )
                continue
            stored, sent = (
                {one["detector"]: one["anomaly_p"] for one in answer.json()["anomaly"]["scores"]}
                for answer in answers
            )
            found.append(max(abs(sent[name] - p) for name, p in stored.items()))
    return found


if __name__ == "__main__":
    main()
