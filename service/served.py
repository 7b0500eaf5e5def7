"""One index release with all that its answers need, held in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from service.certificate import certificate, full_plan, graph_plan
from service.hit_texts import HitTexts
from service.operations.refusals import ObjectNotFound, ObjectNotIndexed
from service.operations.replay import Pin
from service.positions import SkyIndex
from service.rankings import Rankings
from service.raw_scores import RawScores
from survey.archive import SurveyFolder, UnknownObject

if TYPE_CHECKING:
    from index.model import Model, OnnxEncoder
    from index.photoz_encoder import PhotozEncoder
    from index.release import Release
    from index.vectors.plan import Plan

__all__ = ["Served"]


@dataclass(frozen=True, eq=False)
class Served:
    """A release, the model that made it and the survey that it indexes.

    Attributes
    ----------
    network
        The model's redshift network; None where it has none.
    block
        The ``release`` member of every answer.
    """

    release: Release
    model: Model
    encoder: OnnxEncoder
    folder: SurveyFolder
    network: PhotozEncoder | None = None
    block: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        info = self.release.info
        block = {
            "id": self.release.id,
            "survey": info.survey,
            "model": info.model_id,
            "survey_sha256": info.survey_sha256,
            "model_sha256": info.model_sha256,
        }
        object.__setattr__(self, "block", block)

    def warm(self) -> None:
        """Load what is loaded on first use, so that no request waits and no two load at once."""
        release = self.release
        for part in (
            release.store,
            release.engine,
            release.columns,
            release.masks,
            release.galaxies,
            release.graph,
            release.remoteness,
            release.spectroscopic,
            release.photoz,
        ):
            assert part is not None
        _ = release.projection, release.causes, release.places, release.clusters, self.raw_scores
        if release.domain is not None:
            release.domain.warm()
        assert self.sky is not None
        assert self.rankings is not None
        assert self.hit_texts is not None
        self.folder.warm()

    @property
    def has_photoz(self) -> bool:
        """Whether the release can estimate redshifts."""
        return self.release.photoz.unavailable is None

    @property
    def survey(self) -> str:
        """Name of the survey."""
        return self.folder.info.name

    @cached_property
    def sky(self) -> SkyIndex:
        """Where the release's objects lie."""
        return SkyIndex(self.release.columns.array("ra_deg"), self.release.columns.array("dec_deg"))

    @cached_property
    def hit_texts(self) -> HitTexts:
        """Its objects as hits of answers."""
        return HitTexts(self.release.columns, self.survey)

    @cached_property
    def rankings(self) -> Rankings:
        """Its galaxies from the oddest on, with what explains each."""
        return Rankings(self.release)

    @cached_property
    def raw_scores(self) -> RawScores | None:
        """What detectors said of its galaxies; None where none did."""
        return None if self.release.anomalies is None else RawScores(self.release.anomalies)

    @cached_property
    def pin(self) -> bytes:
        """What names the release in replay tokens."""
        return Pin(self.release.id, self.release.sha256).text()

    @cached_property
    def from_graph(self) -> tuple[Plan, dict[str, Any]]:
        """How neighbours that were computed before are found: the plan, and the certificate of such an answer."""
        plan = graph_plan(self)
        return plan, certificate(self, plan, n_searched=plan.n_total - 1)

    def search_block(
        self, *, n_searched: int | None = None, filters: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return the ``search`` member of an answer for which every allowed object was compared."""
        n = self.release.engine.n_total if n_searched is None else n_searched
        return certificate(self, full_plan(self, n), filters=filters)

    def row_of(self, object_id: str) -> int:
        """Return an object's row in the release.

        Raises
        ------
        ObjectNotIndexed
            If the survey has it, but the release could not embed it.
        ObjectNotFound
            If the survey has no such id.
        """
        try:
            return self.release.columns.row_of(object_id)
        except UnknownObject:
            pass
        try:
            self.folder.row_of(object_id)
        except UnknownObject:
            raise ObjectNotFound(f"Survey {self.survey} has no object {object_id!r}.") from None
        raise ObjectNotIndexed(
            f"Survey {self.survey} has the object {object_id!r}, but its image could not be embedded, so it has no neighbours.",
            survey=self.survey,
        )
