"""What a release says of itself."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from survey.manifests import CorruptFolder

__all__ = ["ReleaseInfo"]


@dataclass(frozen=True, slots=True)
class ReleaseInfo:
    """What a release's manifest says.

    Attributes
    ----------
    survey_sha256, model_sha256
        Manifest hashes of the survey and the model it was built from.
    n, n_rejected
        Galaxies indexed, and those of the survey that the model could not embed.
    metric
        ``cosine``: inner product of unit vectors.
    recall_at_10, exact
        1 and True for exact search.
    is_display
        Whether the model reads display images.
    ids_sha256
        Hash of the object ids in row order.
    created
        ISO 8601, UTC.
    """

    id: str
    survey: str
    model_id: str
    survey_sha256: str
    model_sha256: str
    n: int
    n_rejected: int
    dimension: int
    metric: str
    recall_at_10: float
    exact: bool
    is_display: bool
    ids_sha256: str
    created: str

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)

    @classmethod
    def from_manifest(cls, manifest: dict[str, Any]) -> ReleaseInfo:
        """Rebuild from a manifest; its other entries are ignored.

        Raises
        ------
        CorruptFolder
            If an entry is missing.
        """
        try:
            return cls(**{field.name: manifest[field.name] for field in fields(cls)})
        except KeyError as error:
            raise CorruptFolder(f"release manifest lacks {error}; build the release again") from error
