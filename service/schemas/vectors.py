"""What is asked by vectors, and its answer."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.schemas.base import Answer, ReleaseBlock, SearchBlock
from service.schemas.neighbours import Hit

__all__ = ["MOST_VECTORS", "VectorResult", "VectorsAnswer", "VectorsQuery", "VectorsRequest"]

MOST_VECTORS: Final = 1000
_NAME = r"^[a-z0-9][a-z0-9._-]{0,63}$"


class VectorsRequest(BaseModel):
    """Vectors with what is asked of them; all but `vectors` and `filters` may stand in the query string instead."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"vectors": [[0.6, 0.8]], "k": 10}]}
    )

    vectors: list[list[float]] = Field(
        min_length=1,
        max_length=MOST_VECTORS,
        description=(
            "Embeddings, each as long as the release's model gives them, or as the vectors that the release searches; of any "
            "length but 0, for only their direction counts."
        ),
    )
    k: int = Field(default=10, ge=1, le=1000, description="How many neighbours of each, 1 to 1000.")
    filters: dict[str, Any] | None = Field(default=None, description="What hits must keep.")
    exact: bool = Field(
        default=False, description="Compare every allowed object, even where a quicker index would do."
    )
    explain: bool = Field(default=False, description="Say how the search was done (`search.plan`).")
    min_score: float | None = Field(
        default=None, ge=-1, le=1, allow_inf_nan=False, description="Only hits of at least this similarity."
    )
    survey: str | None = Field(default=None, pattern=_NAME, description="Survey to ask.")
    release: str | None = Field(default=None, pattern=_NAME, description="Index release to ask.")


class VectorsQuery(Answer):
    """What the neighbours are neighbours of."""

    kind: Literal["vector"]
    n_vectors: int
    k: int
    note: str = Field(description="One sentence where nothing was found, or empty.")


class VectorResult(Answer):
    """What one vector finds."""

    complete: bool = Field(description="Whether every hit that was asked for and exists is here.")
    truncated: bool = Field(description="Whether more objects fulfil `min_score` than are given.")
    hits: list[Hit]


class VectorsAnswer(Answer):
    """The objects that are most similar to each vector, in the order of the vectors."""

    release: ReleaseBlock
    search: SearchBlock
    query: VectorsQuery
    results: list[VectorResult]
