"""What the surveys say of an object."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite, log10
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote
from weakref import WeakKeyDictionary

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from index.catalogue import repository
from service.served import Served
from survey.archive import SurveyFolder, UnknownObject
from survey.sky import iau_name
from survey.sphere import separation_deg

if TYPE_CHECKING:
    from service.resources import Resources

__all__ = ["cone", "describe", "image_links"]

T = TypeVar("T")

_LARGEST_EXACT = 2**53
_ASIDE = ("object_id", "ra_deg", "dec_deg")


def describe(folder: SurveyFolder, served: Served | None, object_id: str) -> dict[str, Any]:
    """Return one object's answer, from the release's columns or, where it is not indexed, from the survey's.

    Parameters
    ----------
    served
        The release that was asked, or None if the survey has none.

    Raises
    ------
    UnknownObject
        If the survey has no such id.
    """
    values = _frozen(served, object_id) if served else None
    is_indexed = values is not None
    if values is None:
        table = folder.objects.slice(folder.row_of(object_id), 1)
        values = {name: _plain(found[0]) for name, found in table.to_pydict().items()}
    wide = _wide_integers(folder)
    ra, dec = values["ra_deg"], values["dec_deg"]
    return {
        "release": served.block if served else None,
        "survey": folder.info.name,
        "object_id": object_id,
        "name": iau_name(ra, dec, prefix="") if ra is not None and dec is not None else None,
        "ra_deg": ra,
        "dec_deg": dec,
        "is_indexed": is_indexed,
        "columns": {
            name: str(value) if name in wide and value is not None else value
            for name, value in values.items()
            if name not in _ASIDE
        },
        "links": _links(folder, served if is_indexed else None, object_id),
    }


def _frozen(served: Served, object_id: str) -> dict[str, Any] | None:
    columns = served.release.columns
    try:
        row = columns.row_of(object_id)
    except UnknownObject:
        return None
    return {name: found[0] for name, found in columns.take([row], columns.names).items()}


def image_links(folder: SurveyFolder, object_id: str) -> dict[str, str | None]:
    """Return the paths of an object's images; with the survey's hash in them they may be cached for ever."""
    if not folder.has_cutouts:
        return {"cutout": None, "thumbnail": None}
    base, tail = _base(object_id), f"survey={folder.info.name}&v={folder.version[:12]}"
    return {"cutout": f"{base}/cutout?format=png&{tail}", "thumbnail": f"{base}/thumbnail.webp?{tail}"}


def _links(folder: SurveyFolder, served: Served | None, object_id: str) -> dict[str, str | None]:
    base = _base(object_id)
    asked = f"?survey={folder.info.name}" + (f"&release={served.release.id}" if served else "")
    return {
        "self": base + asked,
        "neighbours": f"{base}/neighbours{asked}" if served else None,
        "photoz": f"{base}/photoz{asked}" if served and served.has_photoz else None,
        "anomaly": f"{base}/anomaly{asked}" if served else None,
        **image_links(folder, object_id),
    }


def _base(object_id: str) -> str:
    return f"/api/v1/objects/{quote(object_id, safe='')}"


def _kept(make: Callable[[SurveyFolder], T]) -> Callable[[SurveyFolder], T]:
    """Compute something once for each survey, and let it go with the survey: an update brings another."""
    known: WeakKeyDictionary[SurveyFolder, T] = WeakKeyDictionary()

    def of(folder: SurveyFolder) -> T:
        if folder not in known:
            known[folder] = make(folder)
        return known[folder]

    return of


@_kept
def _wide_integers(folder: SurveyFolder) -> frozenset[str]:
    """Names of integer columns that a browser would round: they are sent as text."""
    table = folder.objects
    integers = [field.name for field in table.schema if pa.types.is_integer(field.type) and table.num_rows]
    return frozenset(name for name in integers if (pc.max(table.column(name)).as_py() or 0) > _LARGEST_EXACT)


def _plain(value: Any) -> Any:
    """JSON knows no bytes and none of Arrow's nested rarities: show them as text."""
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def cone(
    resources: Resources,
    session: Session,
    *,
    ra_deg: float,
    dec_deg: float,
    radius_deg: float,
    limit: int,
    survey: str | None,
) -> dict[str, Any]:
    """Return the objects within a cone, nearest first, from the catalogue.

    Raises
    ------
    UnknownSurvey
        If the survey is not served.
    """
    folder = resources.folder(survey)
    name = folder.info.name
    served = resources.releases.get(resources.defaults.get(name, ""))
    # One more than asked for tells whether there are more.
    rows = repository.cone(
        session,
        survey=name,
        ra_deg=ra_deg,
        dec_deg=dec_deg,
        radius_deg=radius_deg,
        limit=limit + 1,
        without=folder.superseded,
    )
    listed = [{**_listed(row.galaxy), "separation_deg": row.separation_deg} for row in rows]
    # The catalogue knows the survey alone: what is served decides which supplements count.
    listed += _supplemented(folder, ra_deg, dec_deg, radius_deg)
    listed = sorted(listed, key=lambda row: (row["separation_deg"], row["object_id"]))
    overflow, listed = len(listed) > limit, listed[:limit]
    return {
        "release": served.block if served else None,
        "query": {"ra_deg": ra_deg, "dec_deg": dec_deg, "radius_deg": radius_deg},
        "survey": name,
        "n": len(listed),
        "overflow": overflow,
        "objects": listed,
    }


def _supplemented(
    folder: SurveyFolder, ra_deg: float, dec_deg: float, radius_deg: float
) -> list[dict[str, Any]]:
    """Return the objects of a survey's supplements in a cone."""
    if not folder.supplemented:
        return []
    table, columns = _supplements(folder)
    separation = separation_deg(ra_deg, dec_deg, columns["ra_deg"], columns["dec_deg"])
    inside = np.flatnonzero(separation <= radius_deg)
    return [
        {
            "object_id": row["object_id"],
            "ra_deg": row["ra_deg"],
            "dec_deg": row["dec_deg"],
            "z_spec": _finite(row.get("z_spec")),
            "mag_r": _mag_r(_finite(row.get("mag_r")), _finite(row.get("flux_r"))),
            "label": row.get("label"),
            "separation_deg": float(distance),
        }
        for row, distance in zip(table.take(pa.array(inside)).to_pylist(), separation[inside], strict=True)
    ]


@_kept
def _supplements(folder: SurveyFolder) -> tuple[pa.Table, dict[str, NDArray[np.float64]]]:
    """Return what cones list of the supplements' objects, and where these lie."""
    names = [
        name
        for name in ("object_id", "z_spec", "mag_r", "flux_r", "label")
        if name in folder.objects.column_names
    ]
    rows = folder.supplemented
    table = folder.objects.slice(rows.start, len(rows)).select([*names, "ra_deg", "dec_deg"]).combine_chunks()
    places = {
        name: np.array(table.column(name).to_numpy(zero_copy_only=False), dtype=np.float64)
        for name in ("ra_deg", "dec_deg")
    }
    return table, places


def _finite(value: float | None) -> float | None:
    return value if value is not None and isfinite(value) else None


def _listed(galaxy: repository.Galaxy) -> dict[str, Any]:
    return {
        "object_id": galaxy.object_id,
        "ra_deg": galaxy.ra_deg,
        "dec_deg": galaxy.dec_deg,
        "z_spec": galaxy.z_spec,
        "mag_r": _mag_r(galaxy.photometry.get("mag_r"), galaxy.photometry.get("flux_r")),
        "label": galaxy.attributes.get("label"),
    }


def _mag_r(magnitude: float | None, flux: float | None) -> float | None:
    if magnitude is not None:
        return magnitude
    return 22.5 - 2.5 * log10(flux) if flux is not None and flux > 0 else None
