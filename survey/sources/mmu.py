"""Image sets of the Multimodal Universe: HDF5 files in folders by HEALPix cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from survey.archive import SurveyInfo
from survey.bands import BAND_SETS
from survey.sources.galaxiesml import HSC_NANOMAGGIES, cmodel_fluxes
from survey.sources.galaxy10 import CLASSES, DECALS, class_names, common_scale
from survey.sources.hdf5 import Datasets, UnreadableSet, reading
from survey.sources.hdf5_pixels import HDF5Pixels
from survey.sources.members import Member, dataset_columns, read_members
from survey.sources.plan import ImportPlan
from survey.sources.sets import SetFormat, assemble
from survey.sources.stein import legacy_ids
from survey.sources.values import nullable

__all__ = ["plan"]

_CITATION = "The Multimodal Universe Collaboration 2024, arXiv:2412.02527"
_LEGACY = SetFormat(
    title="Multimodal Universe: Legacy Surveys DR10 griz images",
    citation=f"{_CITATION}; Dey et al. 2019, AJ 157, 168",
    realism="Real Legacy Surveys pixels.",
    kind="flux",
    bands=BAND_SETS["legacy-griz"],
    pixel_scale_arcsec=0.262,
)


@dataclass(frozen=True, slots=True)
class _Kind:
    format: SetFormat
    nanomaggies: float = 1.0


# By the names in ``image_band``: scripts/*/build_parent_sample.py of github.com/MultimodalUniverse/MultimodalUniverse.
_KINDS: Mapping[tuple[str, ...], _Kind] = {
    ("hsc-g", "hsc-r", "hsc-i", "hsc-z", "hsc-y"): _Kind(
        SetFormat(
            title="Multimodal Universe: HSC PDR3 grizy images",
            citation=f"{_CITATION}; Aihara et al. 2022, PASJ 74, 247",
            realism="Real HSC pixels.",
            kind="flux",
            bands=BAND_SETS["hsc-grizy"],
            pixel_scale_arcsec=0.168,
        ),
        HSC_NANOMAGGIES,
    ),
    ("des-g", "des-r", "des-i", "des-z"): _Kind(_LEGACY),
    ("des-g", "des-r", "des-z"): _Kind(
        replace(
            _LEGACY,
            title="Multimodal Universe: Legacy Surveys DR9 grz images of Stein et al.",
            citation=f"{_LEGACY.citation}; Stein et al. 2022, ApJ, arXiv:2110.00023",
            bands=BAND_SETS["legacy-grz"],
        )
    ),
}
_PICTURES = replace(
    DECALS, title="Multimodal Universe: Galaxy10 DECaLS", citation=f"{_CITATION}; {DECALS.citation}"
)

_STANDARD = {"object_id": "object_id", "ra": "ra_deg", "dec": "dec_deg", "ebv": "ebv", "z_spec": "z_spec", "redshift": "z_spec"}  # fmt: skip


def plan(
    files: Sequence[Path], info: SurveyInfo, *, limit: int | None = None, field_px: int | None = None
) -> ImportPlan:
    """Plan a survey from one of the image sets: ``hsc``, ``legacysurvey``, ``ssl_legacysurvey`` or ``gz10``.

    Root datasets of the first three: ``image_array`` (N, C, S, S) with ``image_band`` (N, C), which tells the set,
    ``image_scale`` (N, C), ``image_psf_fwhm`` (N, C), ``object_id``, ``ra``, ``dec`` and the columns of the
    catalogue; for HSC and DR10 also ``image_ivar`` and ``image_mask`` (in older files ``bit_mask``), which is true
    where a pixel can be used. That this holds for HSC too is told by users of the set, and is checked: a mask that
    leaves less than half of the first pixels is refused. Legacy Surveys pixels are nanomaggies, those of HSC
    counts of zero point 27.0 mag; dust is corrected in none.

    E(B-V) is ``EBV`` or ``ebv``; for HSC the mean of ``a_<band>`` divided by the coefficients of its pipeline
    (unverified). ``flux_<band>`` is the catalogue's, for HSC made of the ``cmodel`` magnitudes. Galaxies of
    ``ssl_legacysurvey`` are numbered within north and south only, and are named ``RELEASE-BRICKID-OBJID`` here.

    The files of ``gz10`` hold Galaxy10 DECaLS: ``images`` (or ``rgb_image``), ``ans`` (or ``gz10_label``).

    Parameters
    ----------
    files
        Files, or folders with ``healpix=NNN/*.hdf5`` (or ``.h5``) below.

    Raises
    ------
    UnreadableSet
        If a file is of none of these sets, or files are of several.
    """
    found = _files(files)
    formats: list[SetFormat] = []

    def member(path: Path, datasets: Datasets, rest: int | None) -> Member:
        if "image_band" in datasets:
            format_, one = _fluxes(path, datasets, rest)
        else:
            format_, one = _pictures(path, datasets, rest)
        if formats and formats[0] != format_:
            raise UnreadableSet(
                f"{path.name} is of {format_.title!r}, the files before of {formats[0].title!r}; import them apart."
            )
        formats.append(format_)
        return one

    members = read_members(found, member, limit)
    format_ = formats[0]
    if format_.kind == "display":
        format_ = replace(format_, pixel_scale_arcsec=common_scale(members, "pxscale"))
    return assemble(members, format_, info, field_px=field_px, lines=[f"set = {format_.title}"])


def _files(sources: Sequence[Path]) -> list[Path]:
    found: list[Path] = []
    for source in sources:
        if source.is_dir():
            found += sorted(p for p in source.rglob("*") if p.suffix in (".hdf5", ".h5") and p.is_file())
        else:
            found.append(source)
    if not found:
        raise UnreadableSet(
            f"{sources[0].name}: no .hdf5 file below this folder; give the one with healpix=NNN in it."
        )
    return found


def _fluxes(path: Path, datasets: Datasets, limit: int | None) -> tuple[SetFormat, Member]:
    bands = _bands(path.name, datasets)
    kind = _KINDS.get(bands)
    if kind is None:
        known = "; ".join(",".join(names) for names in _KINDS)
        raise UnreadableSet(f"{path.name} has the bands {','.join(bands)}; known are {known}.")
    names = kind.format.bands.names
    usable = next((name for name in ("image_mask", "bit_mask") if name in datasets), None)
    pixels = HDF5Pixels.of(
        path,
        datasets,
        "image_array",
        planes=len(names),
        nanomaggies=kind.nanomaggies,
        ivar="image_ivar" if "image_ivar" in datasets else None,
        usable=usable,
        limit=limit,
    )
    _check_scale(path.name, datasets, kind.format.pixel_scale_arcsec or 0.0)
    used = ["image_band", "image_scale", "image_ivar", *([usable] if usable else [])]
    columns, left_out = dataset_columns(
        datasets, "image_array", pixels.n, name=path.name, bands=names, skip=used
    )
    member = Member(path, pixels, left_out=left_out)
    member.sort(columns, _STANDARD)
    ids = columns.get("object_id")
    if ids is None or not pa.types.is_string(ids.type):
        made = legacy_ids(columns)
        if made is not None:
            member.standard["object_id"] = made
            member.own |= {} if ids is None else {"object_id": ids}
    if kind.nanomaggies == HSC_NANOMAGGIES:
        member.own |= cmodel_fluxes(columns, names)
        member.standard |= _hsc_dust(columns, names, kind.format.bands.extinction)
    return kind.format, member


def _bands(name: str, datasets: Datasets) -> tuple[str, ...]:
    """Return the bands that all objects of a file have."""
    with reading(name):
        stored = datasets["image_band"][:]
    rows = {
        tuple(v.decode("ascii", "replace") if isinstance(v, bytes) else str(v) for v in row)
        for row in np.unique(np.atleast_2d(stored.astype("S16")), axis=0).tolist()
    }
    if len(rows) != 1:
        raise UnreadableSet(
            f"{name}: objects have {len(rows)} sequences of bands in 'image_band'; one is needed. Split the file by them."
        )
    return rows.pop()


def _check_scale(name: str, datasets: Datasets, expected: float) -> None:
    if "image_scale" not in datasets:
        return
    with reading(name):
        scales = np.asarray(datasets["image_scale"][:], dtype=np.float64)
    wrong = scales[~(np.abs(scales - expected) < 1e-3 * expected)]
    if wrong.size:
        raise UnreadableSet(
            f"{name}: 'image_scale' is {wrong[0]:g} arcsec; this set has {expected:g}. Import files of one scale."
        )


def _hsc_dust(
    columns: Mapping[str, pa.Array], names: Sequence[str], coefficients: Sequence[float]
) -> dict[str, pa.Array]:
    found = [columns[f"a_{name}"] for name in names if f"a_{name}" in columns]
    if len(found) < len(names):
        return {}
    ratios = [
        np.array(column.to_numpy(zero_copy_only=False), dtype=np.float64) / coefficient
        for column, coefficient in zip(found, coefficients, strict=True)
    ]
    return {"ebv": nullable(np.mean(ratios, axis=0))}


def _pictures(path: Path, datasets: Datasets, limit: int | None) -> tuple[SetFormat, Member]:
    images = next((name for name in ("images", "rgb_image") if name in datasets), "image_array")
    pixels = HDF5Pixels.of(path, datasets, images, planes=3, display=True, channels_last=True, limit=limit)
    columns, left_out = dataset_columns(datasets, images, pixels.n, name=path.name)
    for theirs, ours in (("gz10_label", "ans"), ("rgb_pixel_scale", "pxscale")):
        if theirs in columns:
            columns[ours] = columns.pop(theirs)
    member = Member(path, pixels, left_out=left_out)
    if "ans" not in columns:
        raise UnreadableSet(f"{path.name} has no classes 'ans' or 'gz10_label'. Is it another set?")
    member.standard["label"] = class_names(columns["ans"], CLASSES[256], f"{path.name}: 'ans'")
    member.sort(columns, _STANDARD)
    return _PICTURES, member
