"""What the pages of a galaxy and of an upload say of its oddity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from service.web.cards import object_url, search_url

if TYPE_CHECKING:
    from service.served import Served

__all__ = ["DETECTOR_WORDS", "anomaly_panel", "probability_text"]

#: Detectors as people call them.
DETECTOR_WORDS: Final = {
    "forest": "isolation forest",
    "lof": "local outlier factor",
    "density": "distance to normal galaxies",
}
_CAUSES: Final = {
    "data_quality": "data quality",
    "blend": "a neighbour on the sky",
    "astrophysical": "the galaxy itself",
}
# From here on two digits are two decimals.
_FEW: Final = 0.1


def anomaly_panel(served: Served, anomaly: Mapping[str, Any]) -> dict[str, Any]:
    """Return the panel of an anomaly, as the API tells it.

    Returns
    -------
    dict
        ``reason``; ``facts``, scores and causes by name; ``evidence``, sentences; ``normal``, pictures of normal galaxies.
    """
    facts = [
        (DETECTOR_WORDS.get(one["detector"], one["detector"]), f"p = {probability_text(one['anomaly_p'])}")
        for one in anomaly["scores"]
    ]
    cause = anomaly["cause"]
    if cause is not None:
        facts += [(f"due to {text}", f"{cause[f'p_{name}']:.0%}") for name, text in _CAUSES.items()]
    survey, version = served.survey, served.folder.version[:12]
    return {
        "reason": anomaly["reason"],
        "facts": facts,
        "evidence": [] if cause is None else [one["detail"] for one in cause["evidence"]],
        "normal": [
            {
                "name": one["object_id"],
                "href": search_url(survey=survey, object_id=one["object_id"], release=served.release.id),
                "image": object_url(one["object_id"], "thumbnail.webp", survey=survey, v=version),
            }
            for one in anomaly["nearest_normal"]
        ],
    }


def probability_text(p: float) -> str:
    """Write a tail probability with as many digits as count."""
    return f"{p:.2g}" if p < _FEW else f"{p:.2f}"
