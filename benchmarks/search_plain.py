"""What an astronomer would put up in an afternoon: FAISS behind one route of FastAPI.

    SEARCH_BASE=base.npy uvicorn --app-dir benchmarks search_plain:app

`SEARCH_INDEX` is a FAISS factory string, `Flat` by default; `POST /search` with {"vector": [...], "k": 10}.
"""

from __future__ import annotations

import os
from pathlib import Path

import faiss
import numpy as np
from fastapi import FastAPI
from pydantic import BaseModel
from search_data import DIMENSION, as_stored

__all__ = ["app"]

app = FastAPI()
_WIRED = os.environ.get("SEARCH_BASE", "")
_HNSW_EF = 64


def _opened() -> faiss.Index:
    """Build the index, or read one that was written beside the vectors by an earlier start."""
    factory = os.environ.get("SEARCH_INDEX", "Flat")
    written = Path(_WIRED).with_name(f"plain-{factory}.faiss")
    if factory != "Flat" and written.is_file():
        index = faiss.read_index(str(written))
    else:
        base = as_stored(np.load(_WIRED))
        index = faiss.index_factory(DIMENSION, factory, faiss.METRIC_INNER_PRODUCT)
        index.train(base)
        index.add(base)
        if factory != "Flat":
            faiss.write_index(index, str(written))
    if factory.startswith("HNSW"):
        index.hnsw.efSearch = _HNSW_EF
    return index


index = _opened() if _WIRED else None


class Query(BaseModel):
    """One vector."""

    vector: list[float]
    k: int = 10


@app.get("/ready")
def ready() -> dict[str, int]:
    """Say how many vectors there are."""
    assert index is not None
    return {"n": index.ntotal}


@app.post("/search")
def search(query: Query) -> dict[str, list[dict[str, float]]]:
    """Return rows and similarities, nearest first."""
    assert index is not None
    similarity, rows = index.search(np.array([query.vector], dtype=np.float32), query.k)
    return {
        "hits": [
            {"row": int(row), "similarity": float(one)}
            for row, one in zip(rows[0], similarity[0], strict=True)
        ]
    }
