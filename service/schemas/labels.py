"""What is said of objects, and what was."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal
from unicodedata import category

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from service.records.labels import ARTEFACT, MOST_SCORE, SCORE
from service.schemas.base import Answer
from service.schemas.photoz import BatchId

__all__ = [
    "LONGEST_NOTE",
    "MOST_AT_ONCE",
    "ONE_OF",
    "GivenLabels",
    "LabelRecord",
    "LabelRequest",
    "Labels",
    "LabelsRequest",
    "Note",
    "Score",
    "checked_note",
]

#: Labels in one JSON request, characters of a note.
MOST_AT_ONCE: Final = 1000
LONGEST_NOTE: Final = 2000
# Of Unicode: controls and halves of pairs; and what XML 1.0, section 2.2, has not.
_NO_TEXT: Final = ("Cc", "Cs")
_NO_CHARACTERS: Final = "\ufffe\uffff"
_KEY = r"^[A-Za-z0-9._:-]{1,64}$"
_ID = r"^[0-9a-f]{32}$"


def checked_note(text: str) -> str:
    """Return a note, if it is text in whatever script, with ends of lines as one character.

    Raises
    ------
    ValueError
        If it has what is no text: PostgreSQL takes no NUL, XML no control character.
    """
    lines = text.replace("\r\n", "\n")
    if any(category(one) in _NO_TEXT or one in _NO_CHARACTERS for one in lines if one not in "\n\t"):
        raise ValueError("a note has no control characters besides line ends and tabs")
    return lines


Note = Annotated[str, Field(max_length=LONGEST_NOTE), AfterValidator(checked_note)]
Score = Annotated[float, Field(ge=0, le=MOST_SCORE, allow_inf_nan=False, strict=True)]


#: In JSON Schema: a score has a value, an artefact none.
ONE_OF: Final[list[Any]] = [
    {"properties": {"kind": {"const": SCORE}, "value": {"type": "number"}}, "required": ["value"]},
    {"properties": {"kind": {"const": ARTEFACT}, "value": {"type": "null"}}, "required": ["kind"]},
]


class LabelRequest(BaseModel):
    """What is said of one object."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"object_id": "J00001", "value": 4}], "oneOf": ONE_OF},
    )

    object_id: BatchId = Field(description="Object of the survey.")
    kind: Literal["score", "artefact"] = Field(
        default="score",
        description="`artefact` sets the object aside: a fault of the picture is neither interesting nor dull.",
    )
    value: Score | None = Field(
        default=None, description="How interesting, 0 (not at all) to 5; none for an artefact."
    )
    note: Note | None = Field(default=None, description="For people; at most 2,000 characters.")
    client_key: str | None = Field(
        default=None,
        pattern=_KEY,
        description="Any text of your own that no other label of yours has: sent again, it is the same label.",
    )
    replaces: str | None = Field(
        default=None,
        pattern=_ID,
        description=(
            "`label_id` that you saw the object have, null for none: if another one holds by now, nothing is changed. "
            "Left out, yours takes the place of whichever holds."
        ),
    )

    @model_validator(mode="after")
    def _fits(self) -> LabelRequest:
        if (self.value is None) == (self.kind == SCORE):
            raise ValueError(
                f"`value` is 0 to {MOST_SCORE:g} for a score, and left out for kind `{ARTEFACT}`"
            )
        return self


class LabelsRequest(BaseModel):
    """Several labels, kept all or none."""

    model_config = ConfigDict(extra="forbid")

    labels: list[LabelRequest] = Field(min_length=1, description=f"At most {MOST_AT_ONCE:,}.")


class LabelRecord(Answer):
    """A label of yours."""

    label_id: str = Field(examples=["5f0c3a9d7be2441c8a6f1e0d2b3c4d5e"])
    session_id: str | None = Field(description="Null for a label outside all sessions.")
    survey: str
    object_id: str
    kind: Literal["score", "artefact"]
    value: float | None
    note: str | None
    origin: Literal["client", "start", "import"] = Field(
        description="`start`: one of a session's first examples; `import`: of a table or an export."
    )
    at: str = Field(examples=["2026-11-22T04:05:06.789012+00:00"])
    release: str = Field(description="Id of the index release that its maker saw.")
    model: str
    revision: int = Field(description="Of the session once it was made; 0 outside sessions.")
    client_key: str | None
    ended_at: str | None = Field(description="When it ceased to hold; null while it holds.")
    ended_by: str | None = Field(description="`label_id` that took its place; null if it was withdrawn.")


class GivenLabels(Answer):
    """Labels that were sent, as they are kept."""

    n: int
    n_new: int = Field(description="How many of them were not there already.")
    revision: int = Field(description="Of the session now; 0 outside sessions.")
    labels: list[LabelRecord]


class Labels(Answer):
    """A page of your labels, in the order in which they were made."""

    owner: str = Field(description="In whose name you ask.", examples=["ada"])
    n_total: int = Field(description="Of all pages.")
    next_cursor: str | None = Field(description="Ask for the next page with it; null on the last one.")
    labels: list[LabelRecord]
