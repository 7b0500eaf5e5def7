"""Interest sessions: what begins one, what changes it, what is said of it."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from service.schemas.base import Answer
from service.schemas.photoz import BatchId
from service.selection_json import FiltersJSON

__all__ = [
    "LONGEST_NAME",
    "MOST_STARTS",
    "LearnerName",
    "SessionChangeRequest",
    "SessionName",
    "SessionRecord",
    "SessionRequest",
    "Sessions",
    "Threshold",
]

LONGEST_NAME: Final = 200
#: Positives or negatives that a session begins with.
MOST_STARTS: Final = 1000
_NAME = r"^[a-z0-9][a-z0-9._-]{0,63}$"


def _printable(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError("a name is printable characters, not only blanks")
    return text


LearnerName = Literal["gp", "neighbour", "linear", "forest", "random"]
SessionName = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME), AfterValidator(_printable)]
Threshold = Annotated[
    float,
    Field(
        gt=0, le=5, allow_inf_nan=False, description="Score from which on an object counts as interesting."
    ),
]
_LEARNER = (
    "`gp`: Gaussian process, next the largest expected improvement; `neighbour`: NeighbourScore of Astronomaly; `linear`: a "
    "linear probe; `forest`: the anomaly scores as they are; `random`: chance."
)


class SessionRequest(BaseModel):
    """What begins a session."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"name": "rings", "positives": ["J00001"], "filters": {"mag_r": [None, 17.7]}}]
        },
    )

    name: SessionName = Field(description="What you look for; for people.")
    survey: str | None = Field(default=None, pattern=_NAME, description="The default survey where left out.")
    release: str | None = Field(
        default=None,
        pattern=_NAME,
        description="Index release whose embeddings it learns on; the survey's default.",
    )
    learner: LearnerName = Field(default="gp", description=_LEARNER)
    threshold: Threshold = 3.0
    positives: list[BatchId] = Field(
        default=[], max_length=MOST_STARTS, description="First examples of what you look for: labels of 5."
    )
    negatives: list[BatchId] = Field(
        default=[], max_length=MOST_STARTS, description="First examples of what you do not: labels of 0."
    )
    filters: FiltersJSON = Field(default={})
    seed: int = Field(
        default=0,
        ge=0,
        lt=1 << 32,
        strict=True,
        description="The same seed and labels propose the same objects.",
    )


class SessionChangeRequest(BaseModel):
    """What is to change of a session; what is left out stays."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"closed": True}]})

    name: SessionName | None = None
    learner: LearnerName | None = Field(default=None, description=_LEARNER)
    threshold: Threshold | None = None
    closed: bool | None = Field(default=None, strict=True, description="A closed session takes no labels.")


class SessionLinks(Answer):
    """Where to go on."""

    self: str
    labels: str
    next: str
    ranking: str
    forecast: str
    export: str


class SessionRecord(Answer):
    """A session of yours."""

    session_id: str = Field(examples=["5f0c3a9d7be2441c8a6f1e0d2b3c4d5e"])
    name: str
    survey: str
    release: str = Field(description="Id of the index release that it began with.")
    release_now: str | None = Field(
        description="Id of the release that it goes on with; null where none of its survey and model is served."
    )
    release_changed: bool = Field(description="Whether that is another one.")
    model: str
    learner: LearnerName
    threshold: float
    filters: dict[str, Any]
    seed: int
    revision: int = Field(description="Counts the changes of its labels.")
    n_labels: int = Field(description="That hold, artefacts included.")
    n_interesting: int = Field(description="Scores of at least `threshold` among them.")
    n_artefacts: int
    created_at: str
    closed_at: str | None = Field(description="Null while it is open.")
    links: SessionLinks


class Sessions(Answer):
    """A page of your sessions, newest first."""

    owner: str = Field(description="In whose name you ask.", examples=["ada"])
    n_total: int
    most: int = Field(description="Sessions that you may have.")
    next_cursor: str | None = Field(description="Ask for the next page with it; null on the last one.")
    sessions: list[SessionRecord]
