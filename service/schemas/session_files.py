"""A session as a file, which another service can go on with."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from service.records.labels import SCORE
from service.schemas.labels import ONE_OF, Note, Score
from service.schemas.moments import Moment
from service.schemas.photoz import BatchId
from service.schemas.sessions import LearnerName, SessionName, Threshold

__all__ = ["EXPORT_VERSION", "ExportedLabel", "ExportedSession", "SessionExport"]

EXPORT_VERSION: Final = 1
_NAME: Final = r"^[a-z0-9][a-z0-9._-]{0,63}$"
_ID: Final = "^[0-9a-f]{32}$"
Id = Annotated[str, Field(pattern=_ID)]
Name = Annotated[str, Field(pattern=_NAME)]


class _Read(BaseModel):
    # What a later version adds is passed over.
    model_config = ConfigDict(extra="ignore", protected_namespaces=())


class ExportedSession(_Read):
    """What a session is, apart from its labels."""

    session_id: Id
    owner: str = Field(max_length=64)
    name: SessionName
    survey: Name
    release: Name
    model: Name
    learner: LearnerName
    threshold: Threshold
    filters: dict[str, Any]
    seed: int = Field(ge=0, lt=1 << 32, strict=True)
    revision: int = Field(ge=0, lt=1 << 62, strict=True)
    created_at: Moment
    closed_at: Moment | None


class ExportedLabel(_Read):
    """A label with its history."""

    model_config = ConfigDict(extra="ignore", protected_namespaces=(), json_schema_extra={"oneOf": ONE_OF})

    label_id: Id
    object_id: BatchId
    kind: Literal["score", "artefact"]
    value: Score | None
    note: Note | None
    origin: Literal["client", "start", "import"]
    at: Moment
    release: Name
    model: Name
    revision: int = Field(ge=0, lt=1 << 62, strict=True)
    ended_at: Moment | None
    ended_by: Id | None

    @model_validator(mode="after")
    def _fits(self) -> ExportedLabel:
        if (self.value is None) == (self.kind == SCORE):
            raise ValueError("a score has a value, an artefact none")
        if self.ended_by is not None and self.ended_at is None:
            raise ValueError("a label that another took the place of (`ended_by`) has ended (`ended_at`)")
        return self


class SessionExport(_Read):
    """A session with all labels it ever had, in the order in which they were made."""

    format: Literal["skylike-session"]
    version: Literal[1]
    exported_at: Moment
    session: ExportedSession
    labels: list[ExportedLabel]

    @model_validator(mode="after")
    def _holds_once(self) -> SessionExport:
        if len({one.label_id for one in self.labels}) < len(self.labels):
            raise ValueError("two labels have the same `label_id`; leave out what is there twice")
        holding = [one.object_id for one in self.labels if one.ended_at is None]
        if len(set(holding)) < len(holding):
            raise ValueError("two labels of one object hold; the last one supersedes those before")
        return self
