"""What is asked with a token, and answered."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, RootModel

from service.schemas.anomalies import AnomalyAnswer
from service.schemas.neighbours import MultiAnswer, NeighboursAnswer, NeighboursBatchAnswer
from service.schemas.photoz import BatchAnswer, PhotoZAnswer
from service.schemas.uploads import UploadAnswer
from service.schemas.vectors import VectorsAnswer

__all__ = ["ReplayAnswer", "ReplayRequest"]


class ReplayRequest(BaseModel):
    """A token that is too long for a URL."""

    model_config = ConfigDict(extra="forbid")

    token: str = Field(description="`search.replay` of an answer.")


class ReplayAnswer(
    RootModel[
        NeighboursAnswer
        | MultiAnswer
        | VectorsAnswer
        | NeighboursBatchAnswer
        | UploadAnswer
        | PhotoZAnswer
        | BatchAnswer
        | AnomalyAnswer
    ]
):
    """The answer of the question's own path, as it was."""
