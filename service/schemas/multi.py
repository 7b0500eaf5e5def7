"""What is asked with several examples."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.schemas.photoz import BatchId

__all__ = ["MOST_EXAMPLES", "MultiRequest"]

MOST_EXAMPLES: Final = 1000
Vector = Annotated[list[float], Field(min_length=1)]


class MultiRequest(BaseModel):
    """Liked and disliked examples, each an object id or an embedding (a list of numbers, as long as the model's)."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"positives": ["J00001", "J00002"], "negatives": ["J00003"]}]},
    )

    positives: list[BatchId | Vector] = Field(
        min_length=1, max_length=MOST_EXAMPLES, description="What hits are to be like."
    )
    negatives: list[BatchId | Vector] = Field(
        default=[],
        max_length=MOST_EXAMPLES,
        description="What hits are to be unlike: for `rocchio` and `best_score`.",
    )
    minus: list[BatchId] = Field(
        default=[],
        max_length=MOST_EXAMPLES,
        description="Ids that are never hits; ids of no object change nothing.",
    )
    method: Literal["rocchio", "best_score", "mean", "max"] = Field(
        default="rocchio",
        description=(
            "`rocchio`: one query, (alpha + beta) mean(positives) - gamma mean(negatives). `best_score`: similarity to the "
            "nearest positive, or minus that to the nearest negative where it is at least as near. `mean`, `max`: one "
            "ranking by the mean or the largest similarity to the positives."
        ),
    )
    alpha: float = Field(
        default=1.0,
        ge=0,
        le=1000,
        description="Rocchio's weight of the query itself, for which the mean of the positives stands.",
    )
    beta: float = Field(default=0.75, ge=0, le=1000, description="Rocchio's weight of the positives.")
    gamma: float = Field(default=0.15, ge=0, le=1000, description="Rocchio's weight of the negatives.")
    filters: dict[str, Any] | None = Field(default=None, description="What hits must keep.")
