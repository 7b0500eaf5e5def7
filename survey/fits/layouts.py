"""Which HDU holds which band, and which plane of noise or mask belongs to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from survey.bands import Band
from survey.fits.band_names import name_bands, parse_override
from survey.fits.container import FITSImage
from survey.fits.exposures import best_exposure
from survey.fits.gathering import Science, gather
from survey.fits.roles import Role
from survey.ingest import CutoutRejected, IngestReport, Overrides

__all__ = ["Plane", "arrange"]

# SDSS frames are 2048 by 1489 px; nobody cuts out a galaxy so large.
_FIELD_PX = 1200
_EXAMPLES = {2: "gr", 3: "grz", 4: "griz", 5: "grizy", 6: "ugrizy", 9: "ugriZYJHKs"}


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """One band of one galaxy, still in the file's counts.

    Attributes
    ----------
    image
        The HDU that holds it.
    plane
        Number of the plane in a cube, or None.
    companions
        (role, HDU) of its noise and mask; a 3-D companion has the image's planes.
    zeropoint
        AB magnitude of one count as the sender says, or None.
    """

    band: Band
    image: FITSImage
    plane: int | None
    companions: tuple[tuple[Role, FITSImage], ...]
    zeropoint: float | None = None


def arrange(images: Sequence[FITSImage], overrides: Overrides, report: IngestReport) -> list[Plane]:
    """Find the bands of a galaxy among the image HDUs of its files.

    Understood are a cube (C, H, W), one HDU per band, one file per band in any order, and any of them
    with inverse variances, variances, weights or masks in HDUs or files of their own. Where a band occurs
    more than once in a file (repeated exposures), the first is taken.

    Returns
    -------
    list of Plane
        A cube's in its order; planes of their own from blue to red.

    Raises
    ------
    CutoutRejected
        ``fits.no_image`` if nothing is an image, ``fits.band_unknown`` if a band cannot be told,
        ``fits.band_repeated`` if two files hold the same band, ``fits.zeropoint`` if there are neither one nor as
        many zero points as bands.
    """
    sciences = gather(images, overrides, report)
    if overrides.bands is not None:
        planes = _with_zeropoints(_by_override(sciences, overrides, report), overrides)
    else:
        planes = _by_name(sciences, overrides, report)
    files = {plane.image.file for plane in planes}
    hdus = {(plane.image.file, plane.image.index) for plane in planes}
    report.layout = (
        "single-band" if len(planes) == 1
        else "file-per-band" if len(files) > 1
        else "cube" if len(hdus) == 1
        else "hdu-per-band"
    )  # fmt: skip
    if report.layout in ("file-per-band", "hdu-per-band"):
        # The order in which files arrive means nothing; from blue to red is what people expect.
        planes.sort(key=lambda plane: plane.band.pivot_nm)
    if overrides.bands is None:
        planes = _with_zeropoints(planes, overrides)
    _tell_whole_field(planes[0].image, overrides, report)
    told = sorted({role for plane in planes for role, _ in plane.companions if role != "other"})
    with_noise = f" with {', '.join(told)}" if told else ", no noise or mask planes"
    report.say("layout", f"{report.layout}: {len(planes)} band{'s' * (len(planes) > 1)}{with_noise}.")
    return planes


def _tell_whole_field(image: FITSImage, overrides: Overrides, report: IngestReport) -> None:
    """Ask for a position where an image is a whole frame, in whose middle no galaxy need be."""
    height, width = image.data.shape[-2:]
    if (
        min(height, width) < _FIELD_PX
        or overrides.ra_deg is not None
        or image.number("RA_TARG", "RA_OBJ", "OBJRA")
    ):
        return
    text = f"This is a whole field of {width}x{height} px: say with `ra=` and `dec=` which galaxy is meant."
    report.say("target", text, "target_assumed")


def _with_zeropoints(planes: list[Plane], overrides: Overrides) -> list[Plane]:
    told = overrides.zeropoints()
    if not told:
        return planes
    if len(told) not in (1, len(planes)):
        raise CutoutRejected(
            "fits.zeropoint",
            f"{len(told)} zero points for {len(planes)} band{'s' * (len(planes) > 1)} "
            f"({', '.join(plane.band.name for plane in planes)}). Give one for all, or one for each in this order.",
        )
    each = told * len(planes) if len(told) == 1 else told
    return [replace(plane, zeropoint=value) for plane, value in zip(planes, each, strict=True)]


def _by_override(sciences: list[Science], overrides: Overrides, report: IngestReport) -> list[Plane]:
    text = overrides.bands or ""
    files = {science.image.file for science in sciences}
    if len(files) > 1:
        chosen = [next(s for s in sciences if s.image.file == file) for file in sorted(files)]
    elif sciences[0].image.data.ndim == 3:
        chosen = sciences[:1]
    else:
        chosen = [s for s in sciences if s.image.data.shape == sciences[0].image.data.shape]
    n_planes = sum(science.n_planes for science in chosen)
    system = next((s for science in chosen for s in science.systems if s), None)
    try:
        bands = parse_override(text, n_planes, system)
    except CutoutRejected as wrong:
        # Repeated exposures in one file: one of them, if one band was named.
        best, why = best_exposure([science.image for science in chosen], overrides)
        chosen = [chosen[best]]
        try:
            bands = parse_override(text, chosen[0].n_planes, system)
        except CutoutRejected:
            raise wrong from None
        report.say("layout", f"Several images in the file: {why}.", "first_exposure")
    report.say("bands", f"Bands {', '.join(band.id for band in bands)}, as you said.")
    return _planes(chosen, bands)


def _by_name(sciences: list[Science], overrides: Overrides, report: IngestReport) -> list[Plane]:
    named = [science for science in sciences if science.names is not None]
    if not named:
        n = sciences[0].n_planes
        if sciences[0].image.data.ndim == 2:
            raise CutoutRejected(
                "fits.band_unknown",
                "This image has no BAND/FILTER keyword that is known here. Tell me its band, e.g. `bands=sdss:r`.",
            )
        raise CutoutRejected(
            "fits.band_unknown",
            f"This cube has {n} planes but no BANDS/FILTER keyword. Tell me the order, e.g. `bands={_EXAMPLES.get(n, 'sdss:g,sdss:r')}`.",
        )
    groups: dict[tuple[str, ...], list[Science]] = {}
    for science in named:
        groups.setdefault(tuple(science.names or ()), []).append(science)
    seen: dict[str, int] = {}
    chosen: list[Science] = []
    left_aside, whys = 0, []
    for names_, group in groups.items():
        file = group[0].image.file
        clash = [name for name in names_ if name in seen]
        other = [name for name in clash if seen[name] != file]
        if other or any(science.image.file != file for science in group):
            raise CutoutRejected(
                "fits.band_repeated",
                f"Two files hold the band {(other or names_)[0]}. Send one file per band, or name them with `bands=`.",
            )
        if clash:
            left_aside += len(group)
            continue
        best, why = best_exposure([science.image for science in group], overrides)
        left_aside += len(group) - 1
        whys += [why] if len(group) > 1 and why not in whys else []
        seen |= dict.fromkeys(names_, file)
        chosen.append(group[best])
    if left_aside:
        report.say(
            "layout",
            f"{left_aside} further exposure{'s' * (left_aside > 1)} of the same bands left aside: "
            f"{'; '.join(whys) or 'the first is taken'}.",
            "first_exposure",
        )
    names = [name for science in chosen for name in science.names or ()]
    systems = [system for science in chosen for system in science.systems]
    return _planes(chosen, name_bands(names, systems, report))


def _planes(chosen: list[Science], bands: Sequence[Band]) -> list[Plane]:
    left = iter(bands)
    return [
        Plane(next(left), s.image, None if s.image.data.ndim == 2 else n, tuple(s.companions))
        for s in chosen
        for n in range(s.n_planes)
    ]
