"""What the page of the map shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from index.selection import EVERYTHING
from service.operations.clusters import clusters
from service.operations.maps import map_of
from service.web.cards import object_url, search_url
from service.web.pages import served_context

if TYPE_CHECKING:
    from service.resources import Resources
    from service.served import Served

__all__ = ["Exemplar", "map_page"]

#: Offered first among the columns that colour the map, where the release has them.
_FIRST = ("cluster", "label", "z_spec", "z_phot", "mag_r", "anomaly_percentile", "cause")
_ASIDE = frozenset({"object_id", "hpx29", "map_x", "map_y"})
_METHODS = {"umap": "UMAP", "tsne": "t-SNE", "pca": "principal components"}
_N_EXEMPLARS = 4


@dataclass(frozen=True, slots=True)
class Exemplar:
    """A galaxy shown with its cluster."""

    name: str
    href: str
    image: str


def map_page(resources: Resources, served: Served, *, colour: str | None) -> dict[str, Any]:
    """Return the frame of the map, which a script fills, and the clusters.

    Parameters
    ----------
    colour
        Column that colours it; the first that is offered when None or unknown.
    """
    release, columns = served.release, _columns(served)
    said = map_of(release)
    return {
        **served_context(resources, served),
        "map": said,
        "summary": _summary(served, said),
        "columns": columns,
        "colour": colour if colour in columns else columns[0],
        "clusters": [
            _cluster(served, one) for one in clusters(release, EVERYTHING)["clusters"] if one["size"]
        ],
        "points_link": f"/api/v1/map?{urlencode({'survey': served.survey, 'release': release.id})}",
    }


def _columns(served: Served) -> list[str]:
    names = served.release.columns.names
    first = [name for name in _FIRST if name in names]
    return first + [name for name in served.release.columns.numeric if name not in {*first, *_ASIDE}]


def _summary(served: Served, said: dict[str, Any] | None) -> str:
    if said is None:
        why = (served.release.map or {}).get("reason") or "It was built without one."
        return f"This release has no map. {why}"
    how = f"{served.release.info.n_galaxies:,} galaxies by {_METHODS.get(said['method'], said['method'])}: near on the map is alike"
    if said["trustworthiness"] is None:
        return f"{how}."
    return (
        f"{how}, as far as two dimensions hold it (trustworthiness {said['trustworthiness']:.2f}, continuity "
        f"{said['continuity']:.2f}, 1 at best)."
    )


def _cluster(served: Served, one: dict[str, Any]) -> dict[str, Any]:
    release = served.release.id
    version = served.folder.version[:12]
    shown = [
        Exemplar(
            name,
            search_url(survey=served.survey, object_id=name, release=release),
            object_url(name, "thumbnail.webp", survey=served.survey, v=version),
        )
        for name in one["exemplars"][:_N_EXEMPLARS]
    ]
    medians = one["medians"]
    facts = [f"{one['size']:,} galaxies"]
    facts += [f"z {medians['z_spec']:.2f}"] if medians["z_spec"] is not None else []
    facts += [f"r {medians['mag_r']:.1f}"] if medians["mag_r"] is not None else []
    near = one["nearest"][0]["cluster"] if one["nearest"] else None
    asked = urlencode({"survey": served.survey, "release": release})
    return {
        "number": one["cluster"],
        "facts": " · ".join(facts),
        "near": near,
        "exemplars": shown if served.folder.has_cutouts else [],
        "href": f"/api/v1/clusters/{one['cluster']}?{asked}&format=csv",
    }
