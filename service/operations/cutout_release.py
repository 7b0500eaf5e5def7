"""Which release answers for a batch of cutouts: one for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from service.operations.fitting import candidates, choose
from service.operations.photoz import checked
from survey.bands import BandSet
from survey.contract import ContractViolation
from survey.cutout import Cutout
from survey.ingest import CutoutRejected, IngestReport, Overrides, Understood

if TYPE_CHECKING:
    from service.members import Member
    from service.resources import Resources
    from service.served import Served

__all__ = ["release_for"]

# Members that are looked at for their bands; the others of an archive have most often the same.
_LOOKED_AT = 4


def release_for(
    resources: Resources,
    members: Sequence[Member],
    overrides: Overrides,
    *,
    survey: str | None,
    release: str | None,
) -> Served:
    """Return the release that is named, or the first with redshifts that fits the first readable member.

    Raises
    ------
    UnknownSurvey, UnknownRelease, ReleaseMismatch
        If what was named is not served.
    NoRedshift
        If none of those asked can estimate redshifts.
    """
    asked = list(candidates(resources, survey, release))
    able = [served for served in asked if served.has_photoz and not served.model.contract.is_display]
    if not able:
        checked(asked[0])
    if len(able) > 1:
        for member in islice((one for one in members if not one.code), _LOOKED_AT):
            try:
                return choose(able, _looked_at(resources, member, overrides))[0]
            except (CutoutRejected, ContractViolation):
                continue
    return able[0]


def _looked_at(resources: Resources, member: Member, overrides: Overrides) -> Understood:
    if member.pixels is None:
        return resources.sandbox.run([(member.name, bytes(member.data))], overrides)
    bands = BandSet.from_ids(member.pixels["bands"])
    return Understood(Cutout(np.zeros((len(bands), 1, 1), np.float32), bands), IngestReport())
