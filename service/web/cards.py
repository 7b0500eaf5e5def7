"""What a galaxy looks like in a list: picture, score, redshift, links."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

__all__ = ["Card", "Link", "card_of", "object_url", "redshift_text", "search_url", "sky_links"]


@dataclass(frozen=True, slots=True)
class Link:
    """A link; external ones leave the service and are marked so."""

    text: str
    href: str
    external: bool = True


@dataclass(frozen=True, slots=True)
class Card:
    """One figure of a result grid."""

    rank: int
    name: str
    href: str
    image: str
    alt: str
    score: str
    score_title: str
    z_text: str
    magnitude: str
    label: str
    links: tuple[Link, ...]


def search_url(*, survey: str, object_id: str, **more: object) -> str:
    """Return the permalink of a neighbour search; parameters that are None are left out."""
    given = {"id": object_id, "survey": survey, **{k: v for k, v in more.items() if v not in (None, "")}}
    return f"/search?{urlencode(given)}"


def object_url(object_id: str, what: str = "", **query: object) -> str:
    """Return an API path of an object, for example its thumbnail."""
    given = {k: v for k, v in query.items() if v is not None}
    tail = f"/{what}" if what else ""
    return f"/api/v1/objects/{quote(object_id, safe='')}{tail}" + (f"?{urlencode(given)}" if given else "")


def sky_links(ra_deg: float | None, dec_deg: float | None) -> tuple[Link, ...]:
    """Links to the real sky at a position; none without one."""
    if ra_deg is None or dec_deg is None:
        return ()
    place = f"ra={ra_deg:.6f}&dec={dec_deg:.6f}"
    return (
        Link("SkyServer", f"https://skyserver.sdss.org/dr18/VisualTools/navi?{place}"),
        Link("Legacy", f"https://www.legacysurvey.org/viewer?{place}&layer=ls-dr10&zoom=16"),
    )


def redshift_text(z_spec: float | None, z_phot: float | None) -> str:
    """Say which redshift is known; the spectroscopic one wins."""
    if z_spec is not None:
        return f"z = {z_spec:.4f} spec"
    if z_phot is not None:
        return f"z ≈ {z_phot:.3f} phot"
    return ""


def card_of(hit: Mapping[str, Any], *, release: Mapping[str, str], score: str, score_title: str) -> Card:
    """Make a card of a hit, a ranked object or an example.

    Parameters
    ----------
    hit
        At least ``object_id``; ``rank``, ``ra_deg``, ``dec_deg``, ``z_spec``, ``z_phot``, ``mag_r``,
        ``label`` where they are known.
    release
        The ``release`` member of an answer.
    score
        What stands in the corner, with ``score_title`` as its explanation.
    """
    object_id, survey = str(hit["object_id"]), release["survey"]
    # With the survey's hash in its address a picture may be cached for ever.
    pixels = {"survey": survey, "v": release["survey_sha256"][:12]}
    z_text = redshift_text(hit.get("z_spec"), hit.get("z_phot"))
    magnitude = hit.get("mag_r")
    said = [f"Galaxy {object_id}", z_text, f"{score_title} {score}" if score else ""]
    return Card(
        rank=int(hit.get("rank") or 0),
        name=object_id,
        href=search_url(survey=survey, object_id=object_id, release=release["id"]),
        image=object_url(object_id, "thumbnail.webp", **pixels),
        alt=", ".join(part for part in said if part),
        score=score,
        score_title=score_title,
        z_text=z_text,
        magnitude="" if magnitude is None else f"r = {magnitude:.1f}",
        label=str(hit.get("label") or "").replace("_", " "),
        links=sky_links(hit.get("ra_deg"), hit.get("dec_deg")),
    )
