"""What is served."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from service.schemas.base import Answer, ReleaseBlock

__all__ = [
    "Liveness",
    "ModelEntry",
    "ModelsAnswer",
    "ProblemEntry",
    "ProblemsAnswer",
    "Readiness",
    "ReleaseEntry",
    "ReleaseSwap",
    "ReleasesAnswer",
    "SurveyEntry",
    "SurveysAnswer",
]


class Liveness(Answer):
    """The process runs."""

    status: Literal["alive"]


class ReleaseSwap(Answer):
    """What became of the releases that were activated last."""

    state: Literal["off", "current", "opening", "failed"] = Field(
        description="`current`: what is served is what is active. `failed`: what is active cannot be opened, and the releases before it answer. `off`: looked at on demand only."
    )
    message: str | None = Field(description="Why it failed, and the command that mends it.")
    since: str


class Readiness(Answer):
    """The service answers."""

    status: Literal["ready"]
    releases: list[ReleaseBlock]
    checks: dict[str, float] = Field(description="What was tried, with the milliseconds it took.")
    release_swap: ReleaseSwap


class SurveyEntry(Answer):
    """One survey."""

    name: str
    title: str
    kind: Literal["flux", "display", "catalogue"]
    n_objects: int
    bands: list[str] | None
    pixel_scale_arcsec: float | None
    field_px: int
    epoch: str
    citation: str
    licence: str
    realism: str = Field(description="What is real and what is rendered.")
    sha256: str
    default_release: str | None
    is_default: bool


class SurveysAnswer(Answer):
    """Surveys served; the default answers when a request names none."""

    default: str | None
    surveys: list[SurveyEntry]


class SupplementEntry(Answer):
    """A survey whose objects an update brought in."""

    survey: str
    sha256: str


class UpdateEntry(Answer):
    """How a release follows from another."""

    base: str = Field(description="The release that it was made from.")
    base_sha256: str
    supplements: list[SupplementEntry] = Field(
        description="Oldest first; a later one goes before an earlier one."
    )
    added: int = Field(
        description="Objects, against the base; 0, as the next two, where a build merged an update."
    )
    changed: int
    withdrawn: int


class IndexEntry(Answer):
    """How a release is searched."""

    kind: Literal["exact", "ivf", "hnsw"]
    factory: str = Field(description="FAISS factory string; `Flat` for exact search.")
    storage: Literal["float32", "float16"] = Field(description="Of the vectors.")
    effort: int | None = Field(description="`nprobe` or `efSearch` by default; null for exact search.")
    seed: int = Field(description="Of every random choice.")
    n_indexed: int = Field(description="Rows that the index holds; later ones are searched exactly.")
    memory_bytes: int = Field(description="Estimated for serving.")


class RecallEntry(Answer):
    """A measured share of true neighbours, of galaxies that the index did not hold yet."""

    space: Literal["search", "embedding"] = Field(
        description="`search`: against exact search of the same vectors. `embedding`: of the model's embeddings."
    )
    k: int
    effort: int | None
    recall: float
    interval: list[float] = Field(description="95 %.")
    n_queries: int


class ReleaseEntry(ReleaseBlock):
    """One index release."""

    n: int = Field(description="Objects indexed: those that can be hits.")
    dimension: int
    metric: str
    exact: bool
    recall_at_10: float
    index: IndexEntry
    recall: list[RecallEntry] = Field(description="Empty where there was nothing to measure.")
    dimension_in: int = Field(
        description="Of the model's embeddings; a projection lies between where it differs from `dimension`."
    )
    created: str
    has_photoz: bool
    is_default: bool = Field(description="Whether it answers when a request names its survey only.")
    update: UpdateEntry | None = Field(
        description="What an update added, changed and withdrew; null for a release of its survey alone."
    )


class ReleasesAnswer(Answer):
    """Index releases served; the default answers when a request names none."""

    default: str | None
    releases: list[ReleaseEntry]
    release_swap: ReleaseSwap


class ModelEntry(Answer):
    """One model's card."""

    id: str
    method: str
    title: str
    dimension: int
    precision: str
    contract: dict[str, Any] = Field(description="What images are brought to before the network sees them.")
    training: dict[str, Any]
    metrics: dict[str, Any]
    photoz: dict[str, Any] | None = Field(
        description="Its redshift network: grid, spectra it learnt from, measured figures; null without one."
    )
    licence: str
    created: str
    sha256: str


class ModelsAnswer(Answer):
    """Models behind the releases served."""

    models: list[ModelEntry]


class ProblemEntry(Answer):
    """One kind of refusal."""

    code: str
    status: int
    title: str


class ProblemsAnswer(Answer):
    """All `code`s that an error may carry."""

    problems: list[ProblemEntry]
