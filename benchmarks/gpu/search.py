"""Exact search, k-means and embedding on a GPU, timed in pieces that fit into minutes.

    python benchmarks/gpu/search.py exact --n 1000000 --out FILE      fp16 products in blocks and topk, in torch; FAISS beside it if it can
    python benchmarks/gpu/search.py exact --n 42000000 --out FILE     11 GB of GPU memory; seconds
    python benchmarks/gpu/search.py kmeans --n 1000000 --out FILE     4,096 lists, 20 rounds
    python benchmarks/gpu/search.py embed --model models/moco-sdss-rgb --out FILE      images a second of a model's network in torch

Needs torch with its GPU and NumPy; `embed` needs this repository's packages of `skylike[fixed]` too. Nothing is downloaded: vectors are
drawn on the device (or read by `--base base.npy`, as search_data.py writes them), images are the model's golden objects again and again.
Answers are checked: rows found with fp16 products against float32 ones, embeddings against the golden ones. `--device cpu` with a small
`--n` tries it out. Hardware: written for one H100; each call takes less than five minutes there. FILE gets one JSON object.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gpu_pieces import DIMENSION, K, drawn, kmeans, nearest, read_vectors

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

_BATCHES = (1, 16, 64, 256)
_LISTS, _ROUNDS = 4096, 20
_CHECKED = 256
_SECONDS = 3.0
_IMAGES, _IMAGES_CPU = 1024, 32


def main() -> int:
    """Time one piece."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("piece", choices=("exact", "kmeans", "embed"))
    parser.add_argument("--n", type=int, default=1_000_000)
    parser.add_argument("--base", type=Path, help="float16 vectors to search in place of drawn ones")
    parser.add_argument("--model", type=Path, help="a model folder, for embed")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--out", type=Path)
    told = parser.parse_args()
    device = torch.device(told.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        print(
            "there is no GPU that torch sees here; nothing was measured (--device cpu tries it out)",
            file=sys.stderr,
        )
        return 1
    if told.piece == "embed" and told.model is None:
        parser.error("embed needs --model")
    work = {"exact": exact, "kmeans": clusters, "embed": embedding}[told.piece]
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    result = {"piece": told.piece, "device": name, "torch": torch.__version__, **work(told, device)}
    if device.type == "cuda":
        result["peak_gb"] = torch.cuda.max_memory_allocated() / 1e9
    print(json.dumps(result, indent=1))
    if told.out is not None:
        told.out.write_text(json.dumps(result, indent=1) + "\n")
    return 0


def exact(told: argparse.Namespace, device: torch.device) -> dict[str, Any]:
    """Time exact search of every batch size."""
    vectors = drawn(told.n, device, seed=0) if told.base is None else read_vectors(told.base, device)
    queries = drawn(max(_BATCHES), device, seed=1)
    found: dict[str, Any] = {"n": len(vectors), "batches": {}}
    for batch in _BATCHES:
        ms = milliseconds(lambda batch=batch: nearest(vectors, queries[:batch], K), device)  # type: ignore[misc]
        found["batches"][str(batch)] = {"torch_fp16_ms": ms, "torch_fp16_qps": 1e3 * batch / ms}
    checked = queries[:_CHECKED]
    right = nearest(vectors, checked.float(), K, single=True)[1]
    both = zip(nearest(vectors, checked, K)[1].tolist(), right.tolist(), strict=True)
    found["recall10_of_fp16"] = float(np.mean([len(set(a) & set(b)) / K for a, b in both]))
    index = faiss_index(vectors) if device.type == "cuda" else None
    if index is not None:
        wide = queries.float().cpu().numpy()
        for batch in _BATCHES:
            ms = milliseconds(lambda batch=batch: index.search(wide[:batch], K), device)  # type: ignore[misc]
            found["batches"][str(batch)]["faiss_ms"] = ms
    return found


def faiss_index(vectors: torch.Tensor) -> Any:
    """Return GpuIndexFlatIP with the vectors in fp16, or None where this faiss has no GPU."""
    try:
        import faiss
    except ImportError:
        return None
    if not hasattr(faiss, "StandardGpuResources") or not faiss.get_num_gpus():
        return None
    settings = faiss.GpuIndexFlatConfig()
    settings.useFloat16 = True
    index = faiss.GpuIndexFlatIP(faiss.StandardGpuResources(), DIMENSION, settings)
    for start in range(0, len(vectors), 1 << 20):
        index.add(vectors[start : start + (1 << 20)].float().cpu().numpy())
    return index


def clusters(told: argparse.Namespace, device: torch.device) -> dict[str, Any]:
    """Time spherical k-means in torch, and FAISS's if it has a GPU."""
    sample = drawn(told.n, device, seed=0) if told.base is None else read_vectors(told.base, device)
    lists = min(_LISTS, max(1, len(sample) // 39))
    begun = time.perf_counter()
    _, objective = kmeans(sample, lists, rounds=_ROUNDS, seed=0)
    result: dict[str, Any] = {"n": len(sample), "lists": lists, "seconds": time.perf_counter() - begun}
    result["mean_similarity"] = objective
    if faiss_index(sample[:1]) is not None and device.type == "cuda":
        import faiss

        wide = sample.float().cpu().numpy()
        begun = time.perf_counter()
        means = faiss.Kmeans(
            DIMENSION,
            lists,
            niter=_ROUNDS,
            seed=0,
            spherical=True,
            gpu=True,
            max_points_per_centroid=len(wide),
        )
        means.train(wide)
        result["faiss_seconds"] = time.perf_counter() - begun
    return result


def embedding(told: argparse.Namespace, device: torch.device) -> dict[str, Any]:
    """Time a model's own graph on images that lie ready, and say how near the golden embeddings come out."""
    from index.model import Model
    from training.embedding import TorchEncoder

    model = Model.open(told.model)
    encoder = TorchEncoder(model, device)
    fields = model.golden[0]
    images = torch.from_numpy(model.contract.finish(fields)).to(device)
    n = _IMAGES if device.type == "cuda" else _IMAGES_CPU
    batch = images.repeat(-(-n // len(images)), 1, 1, 1)[:n]
    ms = milliseconds(lambda: encoder.encode(batch), device)
    whole = np.tile(fields, (-(-n // len(fields)), 1, 1, 1))[:n]
    copied = milliseconds(lambda: encoder.embed_fields(whole), device)
    return {
        "model": model.card.id,
        "precision": model.card.precision,
        "batch": n,
        "images_per_s": 1e3 * n / ms,
        "images_per_s_with_copies": 1e3 * n / copied,
        "golden_cosine": encoder.check_golden(),
    }


def milliseconds(work: Callable[[], object], device: torch.device) -> float:
    """Return the median of some seconds of calls, after three that warm."""

    def once() -> float:
        begun = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return 1e3 * (time.perf_counter() - begun)

    for _ in range(3):
        once()
    times: list[float] = []
    begun = time.perf_counter()
    while time.perf_counter() - begun < _SECONDS or len(times) < 3:
        times.append(once())
    return float(np.median(times))


if __name__ == "__main__":
    sys.exit(main())
