"""What the pages of interest sessions show."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlencode

from service.web.pages import served_context

if TYPE_CHECKING:
    from service.resources import Resources

__all__ = ["LEARNERS", "Begun", "session_page", "sessions_page"]

#: The learners in words, in the order of the form.
LEARNERS: Final = {
    "gp": "Gaussian process, largest expected improvement next",
    "neighbour": "NeighbourScore, as Astronomaly",
    "linear": "linear probe",
    "forest": "anomaly scores as they are: nothing is learned",
    "random": "by chance: nothing is learned",
}


class Begun(NamedTuple):
    """One session in a list."""

    href: str
    name: str
    survey: str
    learner: str
    date: str
    facts: str
    is_closed: bool


def sessions_page(resources: Resources, listed: Mapping[str, Any]) -> dict[str, Any]:
    """Return one page of an owner's sessions; ``listed`` is the API's own list."""
    cursor = listed["next_cursor"]
    return {
        **served_context(resources),
        "sessions": [_begun(one) for one in listed["sessions"]],
        "owner": listed["owner"],
        "room": f"{listed['n_total']} of at most {listed['most']} sessions.",
        "learners": LEARNERS,
        "indexed": list(resources.defaults),
        "next_link": f"/sessions?{urlencode({'cursor': cursor})}" if cursor else "",
    }


def session_page(resources: Resources, told: Mapping[str, Any]) -> dict[str, Any]:
    """Return the page on which a session is labelled; ``told`` is what the API says of it."""
    release = told["release_now"]
    context = served_context(resources, None if release is None else resources.releases[release])
    return {
        **context,
        "session": told,
        "one": _begun(told),
        "learner": LEARNERS[told["learner"]],
        "ranking_link": told["links"]["ranking"],
        "export_link": told["links"]["export"],
    }


def _begun(told: Mapping[str, Any]) -> Begun:
    n, liked, artefacts = told["n_labels"], told["n_interesting"], told["n_artefacts"]
    return Begun(
        href=f"/sessions/{told['session_id']}",
        name=told["name"],
        survey=told["survey"],
        learner=told["learner"],
        date=datetime.fromisoformat(told["created_at"]).strftime("%Y-%m-%d %H:%M UTC"),
        facts=f"{n} labelled, {liked} interesting, {artefacts} set aside",
        is_closed=told["closed_at"] is not None,
    )
