"""What an operation refuses to answer, without HTTP.

Refusal
├── UnknownSurvey, UnknownRelease, ReleaseGone, ReleaseMismatch
├── ObjectNotFound, ObjectNotIndexed, ClusterNotFound, NoMatch, NoImage, NoFlux, NoRedshift
├── NotAPosition, NoTarget, InvalidFilter, BatchTooLarge
├── CursorInvalid, CursorMismatch, CursorExpired, ReplayInvalid, ModelMismatch, VectorUnusable
├── JobNotFound, JobQuota, JobsOff, JobUnfinished, JobWithoutResult, JobLost
├── LabelNotFound, LabelChanged, LabelKeyReused, LabelQuota, SessionNotFound, SessionClosed, SessionQuota
├── KeyNeeded, KeyInvalid, UploadNotFound, UploadLost, QuotaReached, KeepsNothing, StorageUnavailable
└── Busy, TooManyAtOnce
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

__all__ = [
    "BatchTooLarge",
    "Busy",
    "ClusterNotFound",
    "CursorExpired",
    "CursorInvalid",
    "CursorMismatch",
    "InvalidFilter",
    "JobLost",
    "JobNotFound",
    "JobQuota",
    "JobUnfinished",
    "JobWithoutResult",
    "JobsOff",
    "KeepsNothing",
    "KeyInvalid",
    "KeyNeeded",
    "LabelChanged",
    "LabelKeyReused",
    "LabelNotFound",
    "LabelQuota",
    "ModelMismatch",
    "NoFlux",
    "NoImage",
    "NoMatch",
    "NoRedshift",
    "NoTarget",
    "NotAPosition",
    "ObjectNotFound",
    "ObjectNotIndexed",
    "QuotaReached",
    "Refusal",
    "ReleaseGone",
    "ReleaseMismatch",
    "ReplayInvalid",
    "SessionClosed",
    "SessionNotFound",
    "SessionQuota",
    "StorageUnavailable",
    "TooManyAtOnce",
    "UnknownRelease",
    "UnknownSurvey",
    "UploadLost",
    "UploadNotFound",
    "VectorUnusable",
]


class Refusal(Exception):
    """A question that has no answer, with the reason for the person who asked.

    Attributes
    ----------
    facts
        What a program can act on: JSON values that join the error's body.
    """

    def __init__(self, message: str, **facts: Any) -> None:
        super().__init__(message)
        self.facts = facts


class UnknownSurvey(Refusal):
    """A survey that is not served."""


class UnknownRelease(Refusal):
    """A release that is not served."""


class ReleaseGone(Refusal):
    """A release that is known and whose folder, model or survey is there no longer."""


class ReleaseMismatch(Refusal):
    """A release and a survey that do not belong together."""


class ObjectNotFound(Refusal):
    """An object id that the survey has not."""


class ObjectNotIndexed(Refusal):
    """An object of the survey that the release could not embed."""


class NoMatch(Refusal):
    """A sky position without an object near enough."""


class NoImage(Refusal):
    """A survey that holds no pixels."""


class NoFlux(Refusal):
    """Display images, which have no fluxes to write."""


class NoRedshift(Refusal):
    """A release that cannot estimate redshifts."""


class NotAPosition(Refusal):
    """A target text that names no place."""


class NoTarget(Refusal):
    """A question by position without a position, or with two."""


class InvalidFilter(Refusal):
    """A filter that cannot be applied."""


class BatchTooLarge(Refusal):
    """More rows than one batch may hold."""


class CursorInvalid(Refusal):
    """A cursor that this service did not give out."""


class CursorMismatch(Refusal):
    """A cursor of another list than the one asked for."""


class CursorExpired(Refusal):
    """A cursor into a release that is no longer served."""


class VectorUnusable(Refusal):
    """Vectors or examples that make no query of a release: of another length, or without a direction."""


class ReplayInvalid(Refusal):
    """A replay token that this service did not give out."""


class ModelMismatch(Refusal):
    """Surveys whose releases cannot be searched together: their vectors are of different models."""


class KeyNeeded(Refusal):
    """A request that needs a key and came without one."""

    headers: ClassVar[Mapping[str, str]] = {"WWW-Authenticate": 'Bearer realm="skylike"'}


class KeyInvalid(Refusal):
    """A key that is unknown, expired or revoked; nobody is told which."""

    headers: ClassVar[Mapping[str, str]] = {
        "WWW-Authenticate": 'Bearer realm="skylike", error="invalid_token"'
    }


class UploadNotFound(Refusal):
    """An upload that is not there, or is somebody else's."""


class UploadLost(Refusal):
    """An upload that is known and whose pixels are missing or damaged."""


class QuotaReached(Refusal):
    """More uploads than one owner may keep."""


class KeepsNothing(Refusal):
    """An upload to be kept where nothing can be written."""


class ClusterNotFound(Refusal):
    """A number that no cluster of the release has."""


class JobNotFound(Refusal):
    """A job that is not there, has expired, or is somebody else's."""


class JobQuota(Refusal):
    """More jobs than one owner may have, or more bytes of them."""


class JobsOff(Refusal):
    """A job to be made where nothing can be written."""


class JobUnfinished(Refusal):
    """A result that is not there yet."""


class JobWithoutResult(Refusal):
    """A job that ended without a result, or whose phase does not allow what was asked."""


class JobLost(Refusal):
    """A job that is known and whose files are missing."""


class LabelNotFound(Refusal):
    """A label that is not there, or is somebody else's."""


class LabelChanged(Refusal):
    """A change of a label that is not the one that holds: somebody changed it meanwhile."""


class LabelKeyReused(Refusal):
    """A label under a key that its owner gave another one."""


class LabelQuota(Refusal):
    """More labels than one session or one owner may have."""


class SessionNotFound(Refusal):
    """A session that is not there, or is somebody else's."""


class SessionClosed(Refusal):
    """A label for a session that takes none any more."""


class SessionQuota(Refusal):
    """More sessions than one owner may have."""


class StorageUnavailable(Refusal):
    """A disk that does not answer; what is on it may be whole."""


class Busy(Refusal):
    """All searchers work and the queue is full."""


class TooManyAtOnce(Refusal):
    """One client with too many heavy requests at the same time."""
