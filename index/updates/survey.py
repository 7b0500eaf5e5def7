"""The survey that a release indexes, with the supplements of its updates."""

from __future__ import annotations

from pathlib import Path

from index.release_info import ReleaseInfo
from index.updates.withdrawn import read_withdrawn_ids
from survey.archive import SurveyFolder
from survey.manifests import CorruptFolder
from survey.updated import UpdatedSurvey

__all__ = ["survey_of"]


def survey_of(folder: Path, info: ReleaseInfo, survey: SurveyFolder, surveys_dir: Path) -> SurveyFolder:
    """Return the survey as a release knows it: itself, or with what updates added, changed and withdrew.

    Parameters
    ----------
    folder, info
        The release's.
    surveys_dir
        Where the supplements lie.

    Raises
    ------
    CorruptFolder
        If a supplement is absent, damaged, or another one than the release was made from.
    """
    update = info.update
    if update is None:
        return survey
    supplements = []
    for named in update.supplements:
        remedy = f"bring it back, or: skylike index rollback {info.survey} --model {info.model_id}"
        try:
            supplement = SurveyFolder(surveys_dir / named["survey"])
        except CorruptFolder as error:
            raise CorruptFolder(f"release {info.id} needs its supplement {error}; {remedy}") from error
        if supplement.sha256 != named["sha256"]:
            raise CorruptFolder(
                f"release {info.id} says {named['sha256'][:12]} of its supplement {named['survey']}, which has "
                f"{supplement.sha256[:12]}; {remedy}"
            )
        supplements.append(supplement)
    return UpdatedSurvey(survey, supplements, read_withdrawn_ids(folder, info))
