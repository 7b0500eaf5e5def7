"""What every answer carries."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Answer", "ProblemBody", "ReleaseBlock", "SearchBlock", "SearchPlan", "SearchedRelease"]


class Answer(BaseModel):
    """Base of all answers: no defaults, no unknown fields."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class ReleaseBlock(Answer):
    """Which index release answered."""

    id: str = Field(examples=["sdss-demo--polar48-sdss-demo--20261122T010203-1a2b3c"])
    survey: str = Field(examples=["sdss-demo"])
    model: str = Field(examples=["polar48-sdss-demo"])
    survey_sha256: str = Field(description="SHA-256 of the survey folder's manifest.")
    model_sha256: str = Field(description="SHA-256 of the model's card.")


class SearchPlan(Answer):
    """How a search was done, for those who asked it to explain itself."""

    strategy: str
    is_exact: bool
    recall_at_10: float | None
    n_total: int
    n_allowed: int = Field(description="Objects that the filters allow.")
    effort: int | None = Field(description="`nprobe` or `efSearch` of an approximate index.")
    reason: str = Field(description="Why this strategy.")


class SearchedRelease(Answer):
    """One of the releases that were searched together."""

    id: str
    survey: str
    release_sha256: str
    n_total: int
    n_searched: int
    exact: bool


class SearchBlock(Answer):
    """The certificate: how far the list of hits can be trusted."""

    space: str = Field(
        description="Where neighbours are near: the model's `embedding`, or the release's `projection` of it.",
        examples=["embedding"],
    )
    metric: str = Field(examples=["cosine"])
    exact: bool = Field(description="Whether every allowed object was compared.")
    recall: float | None = Field(
        description="Measured recall@10 of searches like this one: 1 where exact, null where none like it was measured."
    )
    recall_at_10: float = Field(
        description="Measured share of the true ten nearest that the index finds; 1 where this search was exact.",
        examples=[1.0],
    )
    n_total: int = Field(description="Objects of the release.")
    n_searched: int = Field(description="Objects that were allowed to be hits.")
    filters: dict[str, Any] = Field(
        description=(
            "What hits had to keep: a column with its lower and upper bound (an object without a value does not pass), "
            "labels, flags, regions, left out ids."
        ),
        examples=[{"z_spec": [0.05, 0.1]}],
    )
    complete: bool = Field(
        description=(
            "Whether every hit that was asked for and exists is here: as many as `k`, or all there are; with `min_score` all "
            "above it, by an exact search."
        )
    )
    truncated: bool = Field(description="Whether more objects lie above `min_score` than are given.")
    partial: bool = Field(description="Whether a part of the index did not answer.")
    strategy: Literal["graph", "exact", "subset", "ivf", "hnsw", "redone"] = Field(
        description=(
            "`graph`: read from precomputed neighbours; `exact`, `subset`: every (allowed) object compared; `ivf`, `hnsw`: an "
            "approximate index; `redone`: that fell short, so all were compared."
        )
    )
    release_sha256: str = Field(description="SHA-256 of the release's manifest, which names all its files.")
    releases: list[SearchedRelease] | None = Field(
        description="What was searched together with `surveys`; null for one release."
    )
    replay: str | None = Field(
        description="Token that gives these bytes again: `/api/v1/replay`. Null where the question is not kept, or too long."
    )
    plan: SearchPlan | None = Field(description="Null without `explain`.")


class ProblemBody(BaseModel):
    """RFC 9457 problem; further members name what a program can act on."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["/api/v1/problems#object.not_found"])
    title: str
    status: int
    code: str = Field(
        description="Stable slug; `/api/v1/problems` lists them.", examples=["object.not_found"]
    )
    detail: str
    request_id: str
