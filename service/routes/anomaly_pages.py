"""The page of anomalies."""

from __future__ import annotations

from functools import partial
from typing import Any, Final, cast
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from index.selection import Selection
from service.anomaly_parameters import CAUSE_NAMES, DETECTOR_NAMES, AnomaliesAsked, CauseName, DetectorName
from service.asked import Asked
from service.dependencies import resources_of
from service.list_answers import list_begun
from service.operations.anomaly_list import ranked
from service.operations.list_cursors import encode_list_cursor
from service.operations.refusals import InvalidFilter
from service.parameters import Cursor, ReleaseName, SurveyName
from service.resources import Resources
from service.routes.page_answers import PageRoute, page
from service.selection_parameters import selection_of
from service.served import Served
from service.web.anomaly_pages import FIELDS, Shown, anomalies_page
from service.web.upload_form import number

__all__ = ["router"]

_PAGE: Final = 48
# Who is odder than one normal galaxy in twenty, where these fill a page.
_ODD: Final = 0.05

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/anomalies")
async def anomalies(
    request: Request,
    *,
    survey: SurveyName = None,
    release: ReleaseName = None,
    cursor: Cursor = None,
) -> Response:
    resources, sent = resources_of(request), request.query_params
    # An empty field says nothing, but for the one whose default is a limit.
    fields = {name: sent[name].strip() for name in ("cause", *FIELDS) if name in sent}
    fields = {name: text for name, text in fields.items() if text or name == "p_max"}
    question = Asked(b"/anomalies", urlencode(fields).encode())
    served, start = list_begun(resources, question, cursor, survey=survey, release=release)
    work = partial(_shown, resources, served, fields, question.digest(), start)
    return page(request, "anomalies.html", await resources.workers.run(work))


def _shown(
    resources: Resources, served: Served, fields: dict[str, str], digest: str, start: int
) -> dict[str, Any]:
    if served.rankings.p() is not None and served.release.info.n_galaxies * _ODD >= _PAGE:
        fields = {"p_max": str(_ODD), **fields}
    end = start + _PAGE
    asked, selection = _asked(fields)
    listed, members = ranked(served.release, served.rankings, asked, selection, end)
    n = len(listed.rows)
    cursor = encode_list_cursor(served.release.id, digest, end) if end < n else None
    return anomalies_page(resources, served, Shown(listed.page(start, _PAGE), members, n, fields, cursor))


def _asked(fields: dict[str, str]) -> tuple[AnomaliesAsked, Selection]:
    """Read the form.

    Raises
    ------
    InvalidFilter
        If a field cannot be used.
    """
    asked = AnomaliesAsked(
        cast("DetectorName | None", _one_of(fields, "detector", DETECTOR_NAMES)),
        cast("CauseName | None", _one_of(fields, "cause", CAUSE_NAMES)),
        number(fields.get("p_max", ""), "p at most", 0, 1),
    )
    where, label = fields.get("where"), fields.get("label")
    selection = selection_of(
        z_min=number(fields.get("z_min", ""), "z from", -1, 20),
        z_max=number(fields.get("z_max", ""), "z to", -1, 20),
        mag_r_min=number(fields.get("mag_r_min", ""), "r from", -50, 50),
        mag_r_max=number(fields.get("mag_r_max", ""), "r to", -50, 50),
        label=[label] if label else None,
        where=where.split() if where else None,
    )
    return asked, selection


def _one_of(fields: dict[str, str], name: str, known: tuple[str, ...]) -> str | None:
    text = fields.get(name)
    if text is not None and text not in known:
        raise InvalidFilter(f"There is no {name} {text[:40]!r}; there are {', '.join(known)}.")
    return text
