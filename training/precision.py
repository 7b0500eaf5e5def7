"""In which precision a graph is released: what each costs and changes, measured."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from training.quantise import half_weights, open_graph, quantised, run_graph, tensor_ranges

__all__ = ["PRECISIONS", "Precision", "Released", "choose_precision", "neighbour_overlap", "processor"]

Precision = Literal["fp32", "fp16", "int8"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)

_NEIGHBOURS = 10
_LEAST_OVERLAP = 0.9
# Purity is a share; of a scatter of redshifts two parts in a hundred (both: reference figures of the evaluation).
_MOST_LOST, _MOST_LOST_SHARE = 0.005, 0.02
_TIMED = 64

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Released:
    """A graph in the precision that was chosen.

    Attributes
    ----------
    measured
        By precision: ``bytes``, ``images_per_s`` on one thread here, and against ``fp32`` ``overlap10`` (top ten of the
        validation part among itself), ``overlap10_gallery`` (among ``n_gallery``), ``score`` and ``smallest_cosine``.
    """

    graph: bytes
    precision: Precision
    measured: dict[str, dict[str, Any]]


def choose_precision(
    graph: bytes,
    *,
    calibration: Floats,
    queries: Floats,
    gallery: Floats,
    judge: Callable[[Floats], float],
    asked: Precision | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Released:
    """Take integers if they find the same neighbours, else weights in half precision.

    Parameters
    ----------
    calibration
        Network inputs of the training part.
    queries, gallery
        Network inputs of the validation part, and of other galaxies that it is searched among.
    judge
        Scores vectors of ``queries``; larger is better.
    asked
        Take this one, whatever is measured.
    progress
        Told (graphs measured, graphs).
    """
    graphs: dict[Precision, bytes] = {
        "fp32": graph,
        "fp16": half_weights(graph),
        "int8": quantised(graph, tensor_ranges(graph, calibration)),
    }
    measured: dict[str, dict[str, Any]] = {}
    exact: Floats | None = None
    for done, (name, made) in enumerate(graphs.items(), start=1):
        vectors = run_graph(made, np.concatenate([queries, gallery]))[0]
        exact = vectors if exact is None else exact
        measured[name] = {
            "bytes": len(made),
            "images_per_s": round(_speed(made, queries[:_TIMED]), 1),
            "score": round(judge(vectors[: len(queries)]), 5),
            **({} if name == "fp32" else _against(exact, vectors, len(queries))),
        }
        if progress is not None:
            progress(done, len(graphs))
    chosen: Precision = asked or ("int8" if _is_as_good(measured["int8"], measured["fp32"]) else "fp16")
    return Released(graphs[chosen], chosen, measured)


def neighbour_overlap(first: Floats, second: Floats, *, n_queries: int) -> float:
    """Return the mean share of the ten nearest that two sets of unit vectors (N, K) have in common.

    Parameters
    ----------
    n_queries
        The first so many rows are searched for among all rows, themselves excluded.
    """
    k = min(_NEIGHBOURS, len(first) - 1)
    shared = []
    for start in range(0, n_queries, 256):
        rows = np.arange(start, min(start + 256, n_queries))
        nearest = []
        for vectors in (first, second):
            similarity = vectors[rows] @ vectors.T
            similarity[np.arange(len(rows)), rows] = -np.inf
            nearest.append(np.argpartition(-similarity, k - 1, axis=1)[:, :k])
        shared += [len(np.intersect1d(a, b)) / k for a, b in zip(*nearest, strict=True)]
    return float(np.mean(shared))


def processor() -> str:
    """Return what speeds were measured on: the processor's name, and whether it multiplies bytes in one step."""
    try:
        told = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or platform.machine()
    name = next(
        (line.partition(":")[2].strip() for line in told.splitlines() if line.startswith("model name")), ""
    )
    return f"{name or platform.machine()}, {'with' if 'vnni' in told else 'without'} VNNI"


def _against(exact: Floats, vectors: Floats, n_queries: int) -> dict[str, Any]:
    return {
        "overlap10": round(neighbour_overlap(exact[:n_queries], vectors[:n_queries], n_queries=n_queries), 4),
        "overlap10_gallery": round(neighbour_overlap(exact, vectors, n_queries=n_queries), 4),
        "n_queries": n_queries,
        "n_gallery": len(exact),
        "smallest_cosine": round(float(np.sum(exact * vectors, axis=1).min()), 5),
    }


def _is_as_good(integers: dict[str, Any], exact: dict[str, Any]) -> bool:
    lost = abs(integers["score"] - exact["score"])
    # A score below zero is minus a scatter; without labels or redshifts there is none, and the overlap decides.
    allowed = _MOST_LOST if exact["score"] >= 0 else _MOST_LOST_SHARE * -exact["score"]
    alike = min(integers["overlap10"], integers["overlap10_gallery"]) >= _LEAST_OVERLAP
    return bool(alike and (np.isnan(lost) or lost <= allowed))


def _speed(graph: bytes, images: Floats) -> float:
    """Return images a second of processor time, one thread, the best of four calls."""
    session = open_graph(graph)
    seconds = []
    for _ in range(4):
        began = time.process_time()
        session.run(["embedding"], {"images": np.ascontiguousarray(images)})
        seconds.append(time.process_time() - began)
    return len(images) / max(min(seconds), 1e-9)
