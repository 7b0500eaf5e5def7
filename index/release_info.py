"""What a release says of itself."""

from __future__ import annotations

from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any

from survey.manifests import CorruptFolder

__all__ = ["ReleaseInfo", "UpdateInfo"]


@dataclass(frozen=True, slots=True)
class UpdateInfo:
    """How a release follows from another.

    Attributes
    ----------
    base, base_sha256
        The release that it was made from.
    supplements
        Surveys that its objects come from beside its own: ``survey`` and ``sha256`` of each, a later one going before
        an earlier one.
    added, changed, withdrawn
        Objects, against the release that it was made from.
    n_withdrawn_rows
        Rows that are no galaxies any more: withdrawn, or superseded by another row. 0 after a build has merged them.
    """

    base: str
    base_sha256: str
    supplements: list[dict[str, str]]
    added: int
    changed: int
    withdrawn: int
    n_withdrawn_rows: int

    @property
    def is_merged(self) -> bool:
        """Whether a build has merged it."""
        return not (self.added or self.changed or self.withdrawn)


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
    update
        None for a release of one survey alone.
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
    update: UpdateInfo | None = None

    @property
    def n_galaxies(self) -> int:
        """Rows that are galaxies: all but those that an update withdrew."""
        return self.n - (self.update.n_withdrawn_rows if self.update else 0)

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
            entries: dict[str, Any] = {
                field.name: manifest[field.name] if field.default is MISSING else manifest.get(field.name)
                for field in fields(cls)
            }
            update = entries.pop("update")
            return cls(**entries, update=None if update is None else UpdateInfo(**update))
        except KeyError as error:
            raise CorruptFolder(f"release manifest lacks {error}; build the release again") from error
        except TypeError as error:
            raise CorruptFolder(
                "release manifest has an unreadable update; build the release again"
            ) from error
