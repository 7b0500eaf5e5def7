"""What an honest upload costs, step by step, beside the bare encoder in the same run."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np

from index.model import Model, OnnxEncoder
from service.sandbox import Sandbox
from survey.archive import SurveyFolder
from survey.bands import BandSet
from survey.cutout import Cutout
from survey.fits.writer import write_fits
from survey.ingest import Overrides

__all__ = ["Cost", "upload_cost"]

Files = list[tuple[str, bytes]]


@dataclass(frozen=True)
class Cost:
    """Figure id to milliseconds, and a description of the cutout."""

    ms: dict[str, float]
    described: str


def upload_cost(data_dir: Path, url: str, rounds: int) -> Cost:
    """Time prescan + sandbox + calibrate + encode in this process, each variant in turn with the bare encoder.

    Parameters
    ----------
    url
        Of a service on the same data folder, for the time through HTTP.
    """
    model, cutout = _galaxy(data_dir)
    cube: Files = [("galaxy.fits", write_fits(cutout))]
    single = [(f"{band.name}.fits", write_fits(cutout.select(BandSet((band,))))) for band in cutout.bands]
    encoder = OnnxEncoder(model)
    with Sandbox() as sandbox, httpx.Client(base_url=url, timeout=30) as client:

        def whole(files: Files) -> None:
            understood = sandbox.run(files, Overrides()).cutout
            encoder.embed_fields(
                model.contract.calibrate(understood.select(model.contract.bands)).field[None]
            )

        field = model.contract.calibrate(sandbox.run(cube, Overrides()).cutout).field[None]
        body, kind = cube[0][1], {"content-type": "image/fits"}
        work: dict[str, Callable[[], object]] = {
            "upload": lambda: whole(cube),
            "upload_files": lambda: whole(single),
            "upload_http": lambda: client.post(
                "/api/v1/neighbours/upload", content=body, headers=kind
            ).raise_for_status(),
            "sandbox": lambda: sandbox.run(cube, Overrides()),
            "child": sandbox.probe,
            "encoder": lambda: encoder.embed_fields(field),
        }
        times: dict[str, list[float]] = {name: [] for name in work}
        for number in range(rounds + 5):
            for name, step in work.items():
                begun = time.perf_counter()
                step()
                if number >= 5:
                    times[name].append(1e3 * (time.perf_counter() - begun))
    ms = {
        f"{name}_p{share}_ms": round(float(np.percentile(taken, share)), 2)
        for name, taken in times.items()
        for share in (50, 99)
    }
    height, width = cutout.shape
    return Cost(ms, f"a cutout of {len(cutout.bands)} bands, {width} x {height} px, model {model.card.id}")


def _galaxy(data_dir: Path) -> tuple[Model, Cutout]:
    """Return a model of five or more bands that a survey here was indexed by, and one of its galaxies."""
    for path in sorted((data_dir / "surveys").glob("[!.]*")):
        folder = SurveyFolder(path)
        for embedded in sorted((data_dir / "embeddings").glob(f"{path.name}--*")):
            model = Model.open(data_dir / "models" / embedded.name.partition("--")[2])
            if (
                folder.info.kind == "flux"
                and not model.contract.is_display
                and len(model.contract.bands) >= 5
            ):
                return model, folder.read(folder.ids[:1])[0].select(model.contract.bands)
    raise SystemExit("no release of five bands in the data folder")
