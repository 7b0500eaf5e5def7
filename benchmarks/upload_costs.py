"""What an honest upload costs: over HTTP, in the sandbox, in the bare encoder, in one run."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np
from upload_zoo import Case, post

__all__ = ["ROUNDS", "cost_rows"]

ROUNDS = 100


def cost_rows(
    client: httpx.Client, case: Case, data_dir: Path | None
) -> list[tuple[str, float, str, int, str]]:
    """Return figures as (id, value, unit, n, better); without a data folder only those over HTTP."""
    times = [1e3 * post(client, case).seconds for _ in range(ROUNDS)]
    p50, p99 = np.percentile(times, [50, 99])
    costs = {"upload_p50_ms": round(float(p50), 1), "upload_p99_ms": round(float(p99), 1)}
    if data_dir is not None:
        costs |= _inside(data_dir, case)
    return [(name, value, "ms", ROUNDS, "lower") for name, value in costs.items()]


def _inside(data_dir: Path, case: Case) -> dict[str, float]:
    from index.model import Model, OnnxEncoder
    from service.sandbox import Sandbox
    from survey.ingest import Overrides
    from survey.prescan import prescan

    files = [(path.name, path.read_bytes()) for path in case.files]
    folders = sorted(path for path in (data_dir / "models").iterdir() if not path.name.startswith("."))
    model = next(model for model in map(Model.open, folders) if not model.contract.is_display)
    with Sandbox() as sandbox:
        cutout = sandbox.run(files, Overrides()).cutout
        encoder = OnnxEncoder(model)
        field = model.contract.calibrate(cutout.select(model.contract.bands)).field[None]

        def whole() -> None:
            read = sandbox.run(files, Overrides()).cutout
            encoder.embed_fields(model.contract.calibrate(read.select(model.contract.bands)).field[None])

        def scanned() -> None:
            for _, data in files:
                prescan(data)

        return {
            **_quantiles("child", sandbox.probe),
            **_quantiles("prescan", scanned),
            **_quantiles("sandbox", lambda: sandbox.run(files, Overrides())),
            **_quantiles("cutout_to_embedding", whole),
            **_quantiles("encoder", lambda: encoder.embed_fields(field)),
        }


def _quantiles(name: str, work: Callable[[], object]) -> dict[str, float]:
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        work()
        times.append(1e3 * (time.perf_counter() - begun))
    return {
        f"{name}_p50_ms": round(statistics.median(times), 3),
        f"{name}_p99_ms": round(float(np.percentile(times, 99)), 3),
    }
