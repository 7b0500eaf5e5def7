"""Neighbours."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field

from service.schemas.base import Answer, ReleaseBlock, SearchBlock
from service.schemas.photoz import BatchRequest, ColumnReport, TableReport

__all__ = [
    "Hit",
    "MultiAnswer",
    "MultiQuery",
    "MultiWeights",
    "NeighboursAnswer",
    "NeighboursBatchAnswer",
    "NeighboursBatchRequest",
    "NeighboursLine",
    "NeighboursQuery",
]


class Hit(Answer):
    """One neighbour."""

    rank: int = Field(examples=[1])
    object_id: str = Field(examples=["SDSS J100024.12+021200.3"])
    survey: str = Field(description="Where the object is from.", examples=["sdss-demo"])
    similarity: float = Field(description="Cosine in [-1, 1]; larger is nearer.", examples=[0.9731])
    ra_deg: float | None
    dec_deg: float | None
    z_spec: float | None
    z_phot: float | None
    mag_r: float | None
    label: str | None
    anomaly_percentile: float | None


class NeighboursQuery(Answer):
    """What the neighbours are neighbours of."""

    kind: Literal["id", "position", "box"]
    object_id: str
    ra_deg: float | None
    dec_deg: float | None
    k: int
    match_separation_arcsec: float | None = Field(
        description="From the place asked for to the object; null when asked by id."
    )
    note: str = Field(
        description="Where the target needed interpretation or nothing was found, one sentence for each, or empty."
    )


_NEXT = Field(
    description="Continues the list (`cursor`); null where it ends, after 10,000 hits, with `diversity` and with `surveys`."
)


class NeighboursAnswer(Answer):
    """The nearest neighbours, most similar first; the object itself is not among them."""

    release: ReleaseBlock
    search: SearchBlock
    query: NeighboursQuery
    next_cursor: str | None = _NEXT
    hits: list[Hit]


class MultiWeights(Answer):
    """Rocchio's shares."""

    alpha: float
    beta: float
    gamma: float


class MultiQuery(Answer):
    """What the neighbours of several examples are neighbours of."""

    kind: Literal["multi"]
    method: Literal["rocchio", "best_score", "mean", "max"]
    n_positives: int
    n_negatives: int
    n_minus: int
    weights: MultiWeights | None = Field(description="Null unless the method is `rocchio`.")
    k: int
    note: str = Field(description="One sentence where nothing was found, or empty.")


class MultiAnswer(Answer):
    """What is most like the positives and least like the negatives; none of them is among it."""

    release: ReleaseBlock
    search: SearchBlock
    query: MultiQuery
    next_cursor: str | None = _NEXT
    hits: list[Hit]


class NeighboursBatchRequest(BatchRequest):
    """Objects by id or by position, and what their neighbours must keep."""

    filters: dict[str, Any] | None = Field(
        default=None, description="What hits must keep; or the query parameters of the same."
    )


class NeighboursLine(Answer):
    """One neighbour of one row; every column of the table that was sent stands beside these members."""

    model_config = ConfigDict(extra="allow", frozen=True, protected_namespaces=())

    row: int = Field(description="Place in the request, from 0.")
    status: Literal["ok", "not_found", "not_indexed", "no_match", "invalid"]
    message: str | None = Field(description="Why there are no neighbours.")
    query_object_id: str | None = Field(description="Whose neighbours these are.")
    match_separation_arcsec: float | None
    rank: int | None = Field(description="1 is the nearest.")
    object_id: str | None
    similarity: float | None
    ra_deg: float | None
    dec_deg: float | None
    z_spec: float | None


class NeighboursBatchAnswer(Answer):
    """Neighbours in the order of the request, nearest first."""

    release: ReleaseBlock
    search: SearchBlock
    table: TableReport | None = Field(description="Null when JSON was sent.")
    k: int
    columns: list[ColumnReport]
    n: int = Field(description="Lines.")
    n_ok: int
    rows: list[NeighboursLine]
