"""What each page shows, from the same operations that answer the API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from index.selection import Selection
from service.operations import anomalies, neighbours, photoz
from service.operations.causes import readings_of
from service.operations.finding import Wanted
from service.web.anomaly_panel import anomaly_panel
from service.web.cards import Card, Link, card_of, object_url, redshift_text, search_url, sky_links
from service.web.redshift_panel import photoz_block
from service.web.upload_form import Form, limits

if TYPE_CHECKING:
    from service.resources import Resources
    from service.served import Served

__all__ = [
    "COSINE",
    "card",
    "home_page",
    "object_page",
    "position_text",
    "search_summary",
    "served_context",
]

COSINE = "similarity (cosine)"


def served_context(resources: Resources, served: Served | None = None) -> dict[str, Any]:
    """Return what the frame of every page says: surveys, the release that answered, what is rendered."""
    return {
        "surveys": [_survey_entry(resources, name) for name in resources.surveys],
        "survey": served.survey if served else resources.default_survey,
        "release": served.block if served else None,
        "realism": served.folder.info.realism if served else "",
    }


def home_page(resources: Resources) -> dict[str, Any]:
    """Return the start page: what is served, and a dozen galaxies spread over the default release."""
    served = resources.default() if resources.defaults else None
    examples: list[Card] = []
    if served is not None:
        galaxies = served.release.galaxies
        rows = sorted({int(galaxies[round(step * (len(galaxies) - 1) / 11)]) for step in range(12)})
        listed = neighbours.columns_of(served, rows)
        examples = [card(served, {**row, "rank": rank}, "", "") for rank, row in enumerate(listed, 1)]
    return {
        **served_context(resources),
        "form": Form(),
        "limits": limits(resources),
        "upload": None,
        "refusal": None,
        "examples": examples,
        "example_id": examples[0].name if examples else "ID",
    }


def object_page(
    resources: Resources, served: Served, row: int, *, k: int, selection: Selection, notice: str = ""
) -> dict[str, Any]:
    """Return a galaxy with its look-alikes, its redshift from them, how odd it is."""
    own = neighbours.columns_of(served, [row])[0]
    found = neighbours.by_row(served, row, Wanted(k, selection))
    object_id = str(own["object_id"])
    z_min, z_max = selection.ranges.get("z_spec", (None, None))
    asked: dict[str, object] = {
        "z_min": z_min,
        "z_max": z_max,
        "k": k,
        "release": served.release.id,
    }
    estimate = photoz.of_row(served, row) if served.has_photoz else None
    facts = [
        ("survey", served.survey),
        ("RA, Dec", position_text(own["ra_deg"], own["dec_deg"])),
        ("redshift", redshift_text(own["z_spec"], None) or "none measured"),
        ("r magnitude", "" if own["mag_r"] is None else f"{own['mag_r']:.2f} AB"),
        ("class", str(own["label"] or "").replace("_", " ")),
    ]
    own_links = [
        Link("FITS", object_url(object_id, "cutout", format="fits", survey=served.survey), external=False)
    ]
    return {
        **served_context(resources, served),
        "query": {
            "name": object_id,
            "object_id": object_id,
            "image": object_url(
                object_id, "cutout", format="png", survey=served.survey, v=served.folder.version[:12]
            ),
            "alt": f"Galaxy {object_id}",
            "notice": notice,
            "facts": [(name, value) for name, value in facts if value],
            "links": [
                *sky_links(own["ra_deg"], own["dec_deg"]),
                *(own_links if served.folder.info.kind == "flux" else []),
            ],
        },
        "photoz": photoz_block(served, estimate, own["z_spec"]),
        "anomaly": anomaly_panel(served, anomalies.of_row(served, row, readings_of(served, row))),
        "upload": None,
        "filters": {"z_min": z_min, "z_max": z_max, "k": k},
        "releases": [s.block for s in resources.releases.values() if s.survey == served.survey],
        "heading": "Galaxies that look like it",
        "summary": search_summary(found.search, len(found.rows)),
        "hits": _hit_cards(served, found),
        "permalink": search_url(survey=served.survey, object_id=object_id, **asked),
        "json_link": object_url(object_id, "neighbours", survey=served.survey, **asked),
        "relaxed": search_url(survey=served.survey, object_id=object_id, release=served.release.id),
        "target": object_id,
    }


def _survey_entry(resources: Resources, name: str) -> dict[str, Any]:
    folder = resources.surveys[name]
    counts = folder.manifest.get("counts")
    info = folder.info
    return {
        "name": name,
        "title": info.title,
        "n": len(folder),
        "n_spec": counts.get("z_spec", 0) if isinstance(counts, Mapping) else 0,
        "bands": "catalogue only"
        if info.bands is None
        else "display RGB"
        if info.bands.is_display
        else " ".join(info.bands.names),
        "realism": info.realism,
    }


def card(served: Served, hit: Mapping[str, Any], score: str, title: str) -> Card:
    """Make a card of a hit of this release."""
    return card_of(hit, release=served.block, score=score, score_title=title)


def _hit_cards(served: Served, found: neighbours.Found) -> list[Card]:
    return [card(served, hit, f"{hit['similarity']:.3f}", COSINE) for hit in neighbours.hits(served, found)]


def search_summary(search: Mapping[str, Any], n_hits: int) -> str:
    """Say among how many and how it was searched, and how much of what is there it finds."""
    if search["exact"]:
        how = "exact search"
    elif search["recall"] is None:
        how = "approximate search, recall not measured with these filters"
    else:
        how = f"approximate search, measured recall@10 {search['recall']:.3f}"
    if search["strategy"] == "graph":
        how += ", computed when the release was built"
    filters: Mapping[str, Sequence[float | None]] = search["filters"]
    bounds = "".join(f", {name} in {_bound(low)} … {_bound(high)}" for name, (low, high) in filters.items())
    n_searched, n_total = search["n_searched"], search["n_total"]
    # Of all the galaxy itself is left out.
    among = f"{n_searched:,}" if n_searched >= n_total - 1 else f"{n_searched:,} (of {n_total:,})"
    return f"{n_hits} nearest of {among} by {search['metric']} similarity, {how}{bounds}."


def _bound(value: float | None) -> str:
    return "any" if value is None else f"{value:g}"


def position_text(ra_deg: float | None, dec_deg: float | None) -> str:
    """Write a position in degrees; empty without one."""
    return "" if ra_deg is None or dec_deg is None else f"{ra_deg:.5f} {dec_deg:+.5f}"
