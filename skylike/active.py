"""The release of a survey that is served, opened on the command line."""

from __future__ import annotations

from pathlib import Path

from index.catalogue.activation import list_active
from index.release import Release
from skylike.catalogue_sessions import catalogue_session
from survey.archive import SurveyFolder

__all__ = ["NothingActive", "open_active"]


class NothingActive(ValueError):
    """No release is served, or several of which none was named."""


def open_active(
    data_dir: Path, url: str, survey_name: str | None = None, *, model_id: str | None = None
) -> Release:
    """Open the active release of a survey; of several, that of a model which reads its images as they are, the oldest.

    Parameters
    ----------
    url
        The database that says what is active.
    survey_name
        May be left out where one survey alone is indexed.

    Raises
    ------
    NothingActive
        If there is none, or it is not clear which is meant; the message names those that are there.
    CorruptFolder
        If the survey or the release is damaged.
    """
    with catalogue_session(url, reads_only=True) as session:
        rows = list_active(session)
    surveys = sorted({row.survey for row in rows})
    if survey_name is None and len(surveys) > 1:
        raise NothingActive(f"name one of the surveys that are indexed: {', '.join(surveys)}")
    wanted = survey_name or (surveys[0] if surveys else "SURVEY")
    fitting = [row for row in rows if row.survey == wanted and model_id in {None, row.model_id}]
    if not fitting:
        by = f" by {model_id}" if model_id else ""
        raise NothingActive(f"no release of {wanted}{by} is active; build one: skylike index build {wanted}")
    releases = [Release.open(data_dir / "releases" / row.id) for row in fitting]
    is_display = SurveyFolder(data_dir / "surveys" / wanted).info.kind == "display"
    return min(releases, key=lambda one: (one.info.is_display != is_display, one.info.created, one.id))
