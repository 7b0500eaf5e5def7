"""A survey with its supplements, which reads like one survey folder."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from survey.archive import SurveyFolder
from survey.bands import BandSet
from survey.cutout import FluxArray
from survey.manifests import sha256_of

__all__ = ["SupplementDiffers", "UpdatedSurvey", "check_supplement", "version_of"]


class SupplementDiffers(ValueError):
    """A survey that cannot supplement another: of another kind, bands, scale or size."""


def check_supplement(survey: SurveyFolder, supplement: SurveyFolder) -> None:
    """Check that two surveys' cutouts can stand side by side.

    Raises
    ------
    SupplementDiffers
        If they cannot; the message names what differs.
    """
    for name in ("kind", "bands", "pixel_scale_arcsec", "field_px"):
        ours, theirs = getattr(survey.info, name), getattr(supplement.info, name)
        if ours != theirs:
            has, wanted = (
                ", ".join(value.ids) if isinstance(value, BandSet) else value for value in (theirs, ours)
            )
            raise SupplementDiffers(
                f"{supplement.info.name} has {name} {has}, {survey.info.name} has {wanted}; "
                "import the supplement as the survey was imported"
            )
    if survey.has_ivar != supplement.has_ivar:
        knows, lacks = (survey, supplement) if survey.has_ivar else (supplement, survey)
        raise SupplementDiffers(
            f"{knows.info.name} knows the ivar of its pixels, {lacks.info.name} does not; import the supplement as the "
            "survey was imported"
        )


def version_of(hashes: Sequence[str], withdrawn: Collection[str]) -> str:
    """Name a survey with supplements and without some ids; the survey's own hash when there are neither.

    Parameters
    ----------
    hashes
        Of the survey, and of its supplements, oldest first.
    """
    named = [*hashes, *sorted(withdrawn)]
    return named[0] if len(named) == 1 else sha256_of("\0".join(named).encode())


class UpdatedSurvey(SurveyFolder):
    """The objects of a survey that its supplements leave in place, then those of the supplements.

    An object that occurs in several of them is that of the last one. Rows are counted through: those of the survey
    first, without what was superseded or withdrawn.

    Parameters
    ----------
    base
        The survey, whose name and hash this one bears.
    supplements
        Oldest first.
    withdrawn
        Ids that are no objects, wherever they occur.
    """

    def __init__(
        self, base: SurveyFolder, supplements: Sequence[SurveyFolder], withdrawn: Collection[str] = ()
    ) -> None:
        super().__init__(base.path)
        self._parts = (base, *supplements)
        self.withdrawn = frozenset(withdrawn)
        self._version = version_of([part.sha256 for part in self._parts], self.withdrawn)

    @property
    def version(self) -> str:
        """Hash of its survey, the supplements and the withdrawn ids; its survey's without any."""
        return self._version

    @property
    def base(self) -> SurveyFolder:
        """The survey without its supplements."""
        return self._parts[0]

    @property
    def parts(self) -> tuple[SurveyFolder, ...]:
        """:attr:`base` and its supplements, oldest first."""
        return self._parts

    def rows_of_part(self, part: int) -> NDArray[np.int64]:
        """Return the rows of one of :attr:`parts` that are objects of this survey, rising."""
        parts, rows = self._places
        return np.asarray(rows[parts == part])

    @property
    def is_replaced(self) -> bool:
        """Whether a part was published anew since it was opened."""
        return any(part.is_replaced for part in self._parts)

    @cached_property
    def _places(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Part of each row, and its row there."""
        last = {object_id: n for n, part in enumerate(self._parts) for object_id in part.ids}
        kept = [
            np.array(
                [row for row, i in enumerate(part.ids) if last[i] == n and i not in self.withdrawn], np.int64
            )
            for n, part in enumerate(self._parts)
        ]
        return np.repeat(np.arange(len(kept)), [len(rows) for rows in kept]), np.concatenate(kept)

    @property
    def superseded(self) -> frozenset[str]:
        """Ids of the survey itself that are withdrawn, or mean an object of a supplement."""
        return self._superseded

    @cached_property
    def _superseded(self) -> frozenset[str]:
        part, row = self._places
        here = set(row[part == 0].tolist())
        return frozenset(i for n, i in enumerate(self._parts[0].ids) if n not in here)

    @property
    def supplemented(self) -> range:
        """Rows of objects that supplements added or changed."""
        return range(int(np.count_nonzero(self._places[0] == 0)), len(self))

    @cached_property
    def objects(self) -> pa.Table:
        """The table of all objects, with the columns of every part; what a part lacks is null."""
        part, row = self._places
        tables = [one.objects.take(pa.array(row[part == n])) for n, one in enumerate(self._parts)]
        return pa.concat_tables(tables, promote_options="permissive").combine_chunks()

    @cached_property
    def ids(self) -> list[str]:
        """Object ids in row order."""
        part, row = self._places
        return [self._parts[n].ids[m] for n, m in zip(part.tolist(), row.tolist(), strict=True)]

    def warm(self) -> None:
        """Load what is loaded on first use, of every part too."""
        for part in self._parts:
            part.warm()
        super().warm()
        assert self.objects.num_rows == len(self)
        assert self._superseded is not None

    def thumbnail(self, row: int) -> bytes:
        """Return the thumbnail of a row; see :meth:`survey.archive.SurveyFolder.thumbnail`."""
        part, own = self._places
        return self._parts[int(part[row])].thumbnail(int(own[row]))

    def pixels(self, rows: Any) -> tuple[FluxArray, FluxArray | None]:
        """Read flux and ivar of rows; see :meth:`survey.archive.SurveyFolder.pixels`."""
        wanted = np.arange(len(self))[rows]
        part, own = (places[wanted] for places in self._places)
        flux, ivar = self._parts[0].pixels(own[part == 0])
        size = (len(wanted), *flux.shape[1:])
        planes = [np.empty(size, np.float32) for _ in range(1 if ivar is None else 2)]
        for n in np.unique(part).tolist():
            for plane, taken in zip(planes, self._parts[n].pixels(own[part == n]), strict=False):
                plane[part == n] = taken
        return planes[0], None if ivar is None else planes[1]
