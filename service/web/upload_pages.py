"""What the pages of an upload show: the form, what was understood, the look-alikes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from service.operations.withheld import why_no_redshift
from service.web.anomaly_panel import anomaly_panel
from service.web.cards import search_url, sky_links
from service.web.pages import COSINE, card, position_text, search_summary, served_context
from service.web.preview import field_preview, file_preview
from service.web.redshift_panel import photoz_block
from service.web.understood import understood
from service.web.upload_form import Form, Rights, fields_to_mend, form_of, limits, said

if TYPE_CHECKING:
    from service.operations.uploads import Prepared
    from service.resources import Resources
    from survey.ingest import Understood

__all__ = ["check_page", "form_page", "kept_block", "refusal_page", "results_page"]


def form_page(resources: Resources, rights: Rights) -> dict[str, Any]:
    """Return the empty form."""
    return {
        **served_context(resources),
        "form": Form(),
        "limits": limits(resources),
        "rights": rights,
        "upload": None,
        "refusal": None,
    }


def check_page(
    resources: Resources, prepared: Prepared, read: Understood, fields: Mapping[str, str], rights: Rights
) -> dict[str, Any]:
    """Return what was understood, before anything is searched, with the form ready for a correction.

    Parameters
    ----------
    read
        As the file was read, with all its bands in its own order; ``prepared`` has those of the model.
    fields
        As they were sent.
    rights
        What whoever asks may do.
    """
    answer, reason = prepared.to_json(), why_no_redshift(prepared) or ""
    doubts = [step["text"] for step in answer["ingest"]["steps"] if step["step"] == "domain"]
    hints = fields_to_mend("", " ".join([reason, *doubts]))
    return {
        **form_page(resources, rights),
        "form": form_of(fields, cutout=read.cutout, survey=prepared.served.survey, hints=hints),
        "upload": {**_account(prepared, answer), "no_redshift": reason},
    }


def refusal_page(
    resources: Resources,
    *,
    title: str,
    detail: str,
    code: str,
    fields: Mapping[str, str],
    read: Understood | None,
    ingest: Mapping[str, Any] | None,
    rights: Rights,
) -> dict[str, Any]:
    """Return the form with the reason why its file cannot be used.

    Parameters
    ----------
    title, detail, code
        Of the problem.
    fields
        As they were sent; nothing of them is lost.
    read
        What the reader made of the file, if it was not the reader that refused.
    ingest
        The report until then, if there is one.
    rights
        What whoever asks may do.
    """
    mend = fields_to_mend(code, detail)
    cutout = None if read is None else read.cutout
    account = None if ingest is None else understood(ingest)
    if account is not None and cutout is not None:
        account |= {"preview": file_preview(cutout), "catalogued": None, "no_redshift": ""}
    return {
        **form_page(resources, rights),
        "form": form_of(fields, cutout=cutout, survey=said(fields).get("survey"), mend=mend),
        "refusal": {"title": title, "detail": detail or title, "code": code},
        "upload": account,
    }


def results_page(resources: Resources, prepared: Prepared, answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return an uploaded galaxy with its look-alikes and what was understood of it."""
    served, cutout = prepared.served, prepared.understood.cutout
    facts = [
        ("bands", ", ".join(cutout.bands.names)),
        ("RA, Dec", position_text(cutout.ra_deg, cutout.dec_deg)),
        ("scale", "" if cutout.pixel_scale_arcsec is None else f"{cutout.pixel_scale_arcsec:.3f} arcsec/px"),
        ("searched in", served.survey),
    ]
    hits = [card(served, hit, f"{hit['similarity']:.3f}", COSINE) for hit in answer["hits"]]
    return {
        **served_context(resources, served),
        "query": {
            "name": "Your upload",
            "object_id": "",
            "image": None,
            "notice": "",
            "facts": [(name, value) for name, value in facts if value],
            "links": list(sky_links(cutout.ra_deg, cutout.dec_deg)),
        },
        "photoz": photoz_block(served, answer["photoz"], None, reason=answer["photoz_unavailable"] or ""),
        "anomaly": anomaly_panel(served, answer["anomaly"]),
        "upload": _account(prepared, answer),
        "filters": None,
        "heading": "Galaxies that look like yours",
        "summary": search_summary(answer["search"], len(hits)),
        "hits": hits,
        "permalink": None,
    }


def kept_block(upload_id: str) -> dict[str, Any]:
    """Return what changes on a page of results once the upload is kept."""
    again = f"/api/v1/uploads/{upload_id}/neighbours?k=48"
    return {"permalink": f"/uploads/{upload_id}", "json_link": again}


def _account(prepared: Prepared, answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was understood, with the picture and the catalogue's own object if it is that."""
    served, cutout = prepared.served, prepared.understood.cutout
    object_id, separation = answer["query"]["object_id"], answer["query"]["match_separation_arcsec"]
    catalogued = None
    if object_id is not None:
        catalogued = {
            "object_id": object_id,
            "href": search_url(survey=served.survey, object_id=object_id, release=served.release.id),
            "distance": "" if separation is None else f"{separation:.2f}″ away",
        }
    return {
        **understood(answer["ingest"], answer.get("domain")),
        "no_redshift": "",
        "preview": field_preview(served.model.contract, prepared.calibrated, cutout),
        "catalogued": catalogued,
    }
