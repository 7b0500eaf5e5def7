"""What the page of anomalies shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from service.web.pages import card, served_context

if TYPE_CHECKING:
    from service.lists import ObjectList
    from service.resources import Resources
    from service.served import Served

__all__ = ["anomalies_page"]


def anomalies_page(
    resources: Resources,
    served: Served,
    listed: ObjectList,
    members: Mapping[str, Any],
    *,
    start: int,
    limit: int,
    cursor: str | None,
) -> dict[str, Any]:
    """Return one page of the list."""
    more = (
        urlencode({"survey": served.survey, "release": served.release.id, "cursor": cursor}) if cursor else ""
    )
    return {
        **served_context(resources, served),
        "hits": [
            card(served, row, f"{row['percentile']:.2f}", "anomaly percentile")
            for row in listed.page(start, limit)
        ],
        "summary": f"{members['n_by_cause']}",
        "next_link": f"/anomalies?{more}" if more else "",
    }
