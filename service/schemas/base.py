"""What every answer carries."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Answer", "ProblemBody", "ReleaseBlock", "SearchBlock"]


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


class SearchBlock(Answer):
    """How far the list of hits can be trusted."""

    space: str = Field(description="Where neighbours are near.", examples=["embedding"])
    metric: str = Field(examples=["cosine"])
    exact: bool = Field(description="Whether every allowed object was compared.")
    recall_at_10: float = Field(
        description="Measured share of the true ten nearest that the index finds.", examples=[1.0]
    )
    n_searched: int = Field(description="Objects that were allowed to be hits.")
    filters: dict[str, tuple[float | None, float | None]] = Field(
        description="Column to lower and upper bound; an object without a value does not pass.",
        examples=[{"z_spec": [0.05, 0.1]}],
    )
    partial: bool = Field(description="Whether a part of the index did not answer.")


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
