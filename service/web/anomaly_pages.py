"""What the page of anomalies shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlencode

from service.web.anomaly_panel import DETECTOR_WORDS, probability_text
from service.web.cards import Card
from service.web.pages import card, served_context

if TYPE_CHECKING:
    from service.resources import Resources
    from service.served import Served

__all__ = ["FIELDS", "AnomalyCard", "Shown", "Tab", "anomalies_page"]

#: Fields of the form beside survey, release and cause.
FIELDS: Final = ("detector", "p_max", "z_min", "z_max", "mag_r_min", "mag_r_max", "label", "where")
_TABS: Final = {
    "astrophysical": "Astrophysical",
    "blend": "Blends",
    "data_quality": "Data quality",
    "any": "All",
}
_FILES: Final = {"csv": "CSV", "votable": "VOTable", "fits": "FITS", "parquet": "Parquet", "json": "JSON"}


class Tab(NamedTuple):
    """A list of one cause."""

    text: str
    n: str
    href: str
    is_open: bool


class AnomalyCard(NamedTuple):
    """A galaxy of the list with the reason why it stands there."""

    card: Card
    reason: str


@dataclass(frozen=True, slots=True)
class Shown:
    """One page of the list.

    Attributes
    ----------
    objects, members
        As the API answers.
    n_total
        Objects of the whole list.
    fields
        :data:`FIELDS` and ``cause`` as they were sent, empty ones left out but for ``p_max``.
    cursor
        Of the next page.
    """

    objects: Sequence[Mapping[str, Any]]
    members: Mapping[str, Any]
    n_total: int
    fields: Mapping[str, str]
    cursor: str | None


def anomalies_page(resources: Resources, served: Served, shown: Shown) -> dict[str, Any]:
    """Return one page of the list, with its tabs, its filters and its files."""
    members, model = shown.members, served.release.anomalies
    asked = {"survey": served.survey, "release": served.release.id, **shown.fields}
    counts = members["n_by_cause"]
    n_by_tab = {**counts, "any": sum(counts.values())}
    has_causes = served.rankings.causes is not None
    tabs = [
        Tab(text, f"{n_by_tab[name]:,}", _href({**asked, "cause": name}), name == members["cause"])
        for name, text in _TABS.items()
    ]
    files = {name: text for name, text in asked.items() if text}
    return {
        **served_context(resources, served),
        "cards": [_card(served, row) for row in shown.objects],
        "n_total": f"{shown.n_total:,}",
        "tabs": tabs if has_causes else [],
        "cause": shown.fields.get("cause", ""),
        "aside": _aside(members["set_aside"]) if members["cause"] == "astrophysical" else "",
        "detectors": [
            (name, DETECTOR_WORDS.get(name, name) + (" (default)" if model and name == model.default else ""))
            for name in members["detectors"]
        ],
        "fields": {**dict.fromkeys(FIELDS, ""), **shown.fields},
        "files": [
            (text, f"/api/v1/anomalies?{urlencode({**files, 'format': name})}")
            for name, text in _FILES.items()
        ],
        "next_link": _href({**asked, "cursor": shown.cursor}) if shown.cursor else "",
    }


def _card(served: Served, row: Mapping[str, Any]) -> AnomalyCard:
    p = row["anomaly_p"]
    score, title = (
        (f"{row['percentile']:.2f}", "anomaly percentile")
        if p is None
        else (f"p = {probability_text(p)}", "share of normal galaxies that are as odd")
    )
    return AnomalyCard(card(served, row, score, title), row["reason"])


def _aside(told: Mapping[str, Any]) -> str:
    """Say what was left out on the way to the last object of the page."""
    if not told["n"]:
        return ""
    words = {"blend": "a neighbour on the sky", "data_quality": "data quality", "unknown": "not looked at"}
    causes = ", ".join(f"{words.get(name, name)} {n:,}" for name, n in told["by_cause"].items() if n)
    found = ", ".join(f"{name.replace('_', ' ')} {n:,}" for name, n in told["by_defect"].items())
    return f"Set aside on the way, as odd or odder: {causes}{f' ({found})' if found else ''}."


def _href(asked: Mapping[str, str | None]) -> str:
    return f"/anomalies?{urlencode({name: text for name, text in asked.items() if text is not None})}"
