"""What one cutout of a batch costs in processor time, step by step, beside the bare networks in the same run."""

from __future__ import annotations

import io
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from figures import REPOSITORY

sys.path.insert(0, str(REPOSITORY))

from service.opening import open_resources
from service.operations.cutout_answer import cutout_table
from service.operations.cutout_reading import GROUP, Limits, Reader, walk
from service.operations.estimate_columns import Shown
from service.resources import Resources
from service.sandbox import Sandbox
from service.served import Served
from service.settings import Settings
from skylike.cutouts import write_cutouts
from survey.cutout import Cutout
from survey.fits.writer import write_fits
from survey.ingest import Overrides

__all__ = ["Steps", "archives", "networks_per_s", "steps"]

LIMITS = Limits(members=1_000_000, unpacked_bytes=1 << 30, table_bytes=1 << 28)
#: Step to milliseconds of processor time for each cutout.
Steps = dict[str, float]


def archives(cutouts: list[Cutout], ids: list[str]) -> dict[str, bytes]:
    """Return the same cutouts as a tar of FITS files and as a table."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for object_id, cutout in zip(ids, cutouts, strict=True):
            data = write_fits(cutout)
            info = tarfile.TarInfo(f"{object_id}.fits")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    table = io.BytesIO()
    write_cutouts(
        table,
        np.stack([cutout.flux for cutout in cutouts]),
        bands=",".join(cutouts[0].bands.ids),
        pixel_scale_arcsec=cutouts[0].pixel_scale_arcsec,
        object_id=ids,
        ra=[cutout.ra_deg for cutout in cutouts],
        dec=[cutout.dec_deg for cutout in cutouts],
        ebv=[np.nan if cutout.ebv is None else cutout.ebv for cutout in cutouts],
    )
    return {"tar": stream.getvalue(), "table": table.getvalue()}


def steps(data_dir: Path, bodies: dict[str, bytes], n: int, rounds: int) -> dict[str, Steps]:
    """Measure every step in this process and its children, tar, table and networks in turn, the median of the rounds."""
    resources = open_resources(Settings(data_dir=data_dir, log_level="ERROR"))
    children: list[float] = []
    try:
        with Sandbox(on_end=lambda end: children.append(0.0 if end is None else end.cpu_seconds)) as sandbox:
            sandbox.probe()
            measured = [
                {kind: _once(resources, sandbox, children, body, n) for kind, body in bodies.items()}
                for _ in range(rounds + 1)
            ][1:]
    finally:
        resources.close()
    return {
        kind: {step: float(np.median([one[kind][step] for one in measured])) for step in measured[0][kind]}
        for kind in bodies
    }


def _once(resources: Resources, sandbox: Sandbox, children: list[float], body: bytes, n: int) -> Steps:
    served = resources.choose()
    reader = Reader(sandbox, served, Overrides(), 1)
    spent: Steps = {}

    def timed(step: str, work: Callable[[], list[object]]) -> list[object]:
        children.clear()
        begun = time.process_time()
        found = work()
        spent[step] = 1e3 * (time.process_time() - begun) / n
        spent[f"{step}, in children"] = 1e3 * sum(children) / n
        return found

    members = timed("walk", lambda: list(walk(sandbox, iter([body]), len(body), Overrides(), LIMITS)))
    groups = timed("read", lambda: list(reader.read(members)))
    inputs = np.stack([told.input for group in groups for _, told in group if hasattr(told, "input")])
    timed(
        "networks", lambda: [_networks(served, inputs[a : a + GROUP]) for a in range(0, len(inputs), GROUP)]
    )
    spent["networks"] *= n / len(inputs)
    timed("answer", lambda: [cutout_table(served, group, Shown(), first=0) for group in groups])
    spent["answer"] -= spent["networks"]
    del spent["networks, in children"], spent["answer, in children"]
    return spent


def _networks(served: Served, inputs: np.ndarray) -> object:
    """Run what the batch runs: the encoder, and the redshift network of a model that has one."""
    encoder = getattr(served.release.photoz, "encoder", None)
    return served.encoder.encode(inputs), None if encoder is None else encoder.run(inputs)


def networks_per_s(data_dir: Path, n: int, rounds: int) -> float:
    """Return cutouts a second through the bare networks, on inputs that are ready, with the service's threads."""
    resources = open_resources(Settings(data_dir=data_dir, log_level="ERROR"))
    try:
        served = resources.choose()
        contract = served.model.contract
        shape = n, len(contract.bands), contract.input_px, contract.input_px
        inputs = np.random.default_rng(0).normal(0, 1, shape).astype(np.float32)
        rates = []
        for _ in range(rounds + 1):
            begun = time.perf_counter()
            for first in range(0, n, GROUP):
                _networks(served, inputs[first : first + GROUP])
            rates.append(n / (time.perf_counter() - begun))
        return float(np.median(rates[1:]))
    finally:
        resources.close()
