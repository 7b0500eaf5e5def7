"""One mutated upload through prescan, sandbox and calibration, and whether anything came out that must not."""

from __future__ import annotations

import json
import signal
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
from support.fuzz_cases import FuzzCase

from service.problems import PROBLEMS
from service.sandbox import Sandbox
from service.sandbox_process import Ended
from survey.bands import BandMismatch
from survey.contract import ContractViolation, InputContract
from survey.ingest import CutoutRejected, Understood
from survey.prescan import MAX_PLANES

__all__ = ["Examiner"]

# What a refusal must never repeat: paths, and what Python and astropy say.
_LEAKS = ("Traceback", "site-packages", "astropy", "numpy.", "object at 0x", "/root/", "/home/", "/tmp/")


class Examiner:
    """A sandbox with ears for its children's ends.

    Parameters
    ----------
    folder
        Watched: nothing may appear in it.
    """

    def __init__(self, folder: Path, *, children: int, wall_seconds: float) -> None:
        self._local = threading.local()
        self._folder = folder
        self._root = sorted(path.name for path in Path("/").iterdir())
        self.sandbox = Sandbox(children=children, wall_seconds=wall_seconds, on_end=self._hear)

    def _hear(self, ended: Ended | None) -> None:
        self._local.ended = ended
        self._local.forked = True

    def examine(self, case: FuzzCase) -> dict[str, Any]:
        """Return one line of the log; ``by`` is who answered: prescan, reader, contract, understood or escape."""
        self._local.ended, self._local.forked = None, False
        begun = time.perf_counter()
        answer, wall = self._answer(case, begun)
        ended: Ended | None = self._local.ended
        line = {
            "case": case.number,
            "seed": case.seed,
            "did": list(case.mutations),
            **answer,
            "s": round(wall, 4),
        }
        if not self._local.forked:
            return {**line, "by": "prescan"} if answer["by"] == "reader" else line
        if ended is None:
            return {**line, "by": "escape", "why": "nobody knows how the child ended"}
        killed = _killed(line.get("code", ""), ended.exit_code)
        line |= {"exit": ended.exit_code, "mib": round(ended.peak_bytes / 2**20, 1), "cpu": ended.cpu_seconds}
        return {**line, "killed": killed} if killed else line

    def created(self) -> list[str]:
        """Name what appeared in the watched folder, or in the root folder, where children run."""
        here = sorted(path.name for path in Path("/").iterdir())
        return [path.name for path in self._folder.iterdir()] + [
            name for name in here if name not in self._root
        ]

    def _answer(self, case: FuzzCase, begun: float) -> tuple[dict[str, Any], float]:
        try:
            understood = self.sandbox.run(case.files, case.overrides, field_arcsec=case.field_arcsec)
        except CutoutRejected as refusal:
            return _refused(refusal, "reader"), time.perf_counter() - begun
        except Exception as error:  # noqa: BLE001 - that nothing else comes out is what is tested
            return {
                "by": "escape",
                "why": f"{type(error).__name__}: {error}"[:300],
            }, time.perf_counter() - begun
        wall = time.perf_counter() - begun
        wrong = _wrong_with(understood)
        return ({"by": "escape", "why": wrong} if wrong else _calibrated(understood)), wall


def _refused(refusal: Exception, by: str) -> dict[str, Any]:
    code, text = getattr(refusal, "code", "fits.band_missing"), str(refusal)
    if code not in PROBLEMS:
        return {"by": "escape", "why": f"a code that is not in the registry: {code}"}
    if not text or any(leak in text for leak in _LEAKS):
        return {"by": "escape", "why": f"the text tells too much or nothing: {text[:200]}"}
    return {"by": by, "code": code}


def _wrong_with(understood: Understood) -> str:
    """Say what no reader may give back; empty if all is well."""
    cutout, report = understood.cutout, understood.report
    good = cutout.good()
    if cutout.flux.dtype != np.float32 or cutout.flux.ndim != 3 or len(cutout.flux) > MAX_PLANES:
        return f"flux of shape {cutout.flux.shape}, {cutout.flux.dtype}"
    if not good.any() or (cutout.ivar is not None and not np.isfinite(cutout.ivar[good]).all()):
        return "no good pixel, or an inverse variance that is not finite"
    numbers = {
        "ra": (cutout.ra_deg, 0, 360),
        "dec": (cutout.dec_deg, -90, 90),
        "scale": (cutout.pixel_scale_arcsec, 1e-6, 1e6),
        "ebv": (cutout.ebv, 0, 1000),
    }
    for name, (value, low, high) in numbers.items():
        if value is not None and not low <= value <= high:
            return f"{name} is {value}"
    if (cutout.ra_deg is None) != (cutout.dec_deg is None):
        return "one coordinate without the other"
    try:
        json.dumps(report.to_json(), allow_nan=False, ensure_ascii=False).encode()
    except ValueError as error:
        return f"a report that is no JSON: {type(error).__name__}"
    if any(leak in text for _, text in report.steps for leak in _LEAKS):
        return "the report tells too much"
    return ""


def _calibrated(understood: Understood) -> dict[str, Any]:
    """Bring the cutout to a network's input, as the service does in its own process."""
    cutout = understood.cutout
    if cutout.bands.is_display:
        contract = InputContract(cutout.bands, None, 48, 24, stretch="unit", shrink=True, min_coverage_px=24)
    else:
        softening = (0.1,) * len(cutout.bands)
        contract = InputContract(cutout.bands, 0.396, 84, 64, stretch="asinh", softening=softening)
    try:
        with np.errstate(all="ignore"):
            field = contract.calibrate(cutout).field
            inputs = np.asarray(contract.finish(field[None]))
    except (ContractViolation, BandMismatch, CutoutRejected) as refusal:
        return _refused(refusal, "contract")
    except Exception as error:  # noqa: BLE001 - the same
        return {"by": "escape", "why": f"calibrate: {type(error).__name__}: {error}"[:300]}
    if not (np.isfinite(field).all() and np.isfinite(inputs).all()):
        return {"by": "escape", "why": "the calibrated field is not finite"}
    return {"by": "understood", "code": "ok"}


def _killed(code: str, exit_code: int) -> str:
    """Name what ended a child before its time: processor time, the clock, memory, or the signal of a crash."""
    if code == "upload.timeout":
        return "processor time" if exit_code == -signal.SIGXCPU else "clock"
    if code == "upload.memory":
        return "memory"
    if code == "upload.crashed":
        return signal.Signals(-exit_code).name if exit_code < 0 else f"exit {exit_code}"
    return ""
