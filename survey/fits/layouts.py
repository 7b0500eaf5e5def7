"""Which HDU holds which band, and which plane of noise or mask belongs to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from survey.bands import Band
from survey.fits.band_names import band_names, name_bands, own_band, parse_override, stated_bands, system_of
from survey.fits.container import FITSImage
from survey.fits.roles import Role, role_of
from survey.ingest import CutoutRejected, IngestReport, Overrides

__all__ = ["Plane", "arrange"]


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


@dataclass(slots=True, eq=False)
class _Science:
    """An image HDU with what follows it."""

    image: FITSImage
    names: list[str] | None
    systems: list[str | None]
    companions: list[tuple[Role, FITSImage]]

    @property
    def n_planes(self) -> int:
        return 1 if self.image.data.ndim == 2 else int(self.image.data.shape[0])


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
    sciences = _gather(images, overrides)
    if overrides.bands is not None:
        planes = _with_zeropoints(_by_override(sciences, overrides.bands, report), overrides)
    else:
        planes = _by_name(sciences, report)
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
    told = sorted({role for plane in planes for role, _ in plane.companions if role != "other"})
    with_noise = f" with {', '.join(told)}" if told else ", no noise or mask planes"
    report.say("layout", f"{report.layout}: {len(planes)} band{'s' * (len(planes) > 1)}{with_noise}.")
    return planes


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


def _gather(images: Sequence[FITSImage], overrides: Overrides) -> list[_Science]:
    """Split images from companions, and give each companion to its image."""
    sciences: list[_Science] = []
    companions: list[tuple[Role, FITSImage]] = []
    previous: FITSImage | None = None
    for image in images:
        if previous is not None and previous.file != image.file:
            previous = None
        chosen = overrides.hdu is not None and image.index == overrides.hdu
        role = "image" if chosen else role_of(image, previous)
        if role == "image" and (chosen or overrides.hdu is None):
            previous = image
            sciences.append(_introduce(image))
        elif role not in ("image", "other"):
            companions.append((role, image))
    if not sciences:
        where = ", ".join(f"{image.index} ({role_of(image, None)})" for image in images[:8])
        raise CutoutRejected(
            "fits.no_image", f"No image to use; image HDUs are {where}. Pick one with `hdu=`."
        )
    for role, image in companions:
        owner = _owner(image, sciences)
        if owner is not None:
            owner.companions.append((role, image))
    return sciences


def _introduce(image: FITSImage) -> _Science:
    stated = stated_bands(image)
    if stated is not None:
        return _Science(image, [band.name for band in stated], [band.system for band in stated], [])
    n_planes = 1 if image.data.ndim == 2 else image.data.shape[0]
    return _Science(image, band_names(image), [system_of(image)] * n_planes, [])


def _owner(companion: FITSImage, sciences: list[_Science]) -> _Science | None:
    """Return the image that a companion belongs to: same size, then same band, then nearest before it."""
    fitting = [s for s in sciences if s.image.data.shape[-2:] == companion.data.shape[-2:]]
    if companion.data.ndim == 3:
        fitting = [s for s in fitting if s.image.data.shape == companion.data.shape]
    band = own_band(companion)
    same_file = [s for s in fitting if s.image.file == companion.file]
    if band is not None:
        named = [s for s in same_file or fitting if s.names == [band]]
        before = [s for s in named if s.image.index < companion.index]
        return (before or named or [None])[-1 if before else 0]  # type: ignore[list-item]
    before = [s for s in same_file if s.image.index < companion.index]
    if before:
        return before[-1]
    if not same_file and len(fitting) > 1:
        names = band_names(companion)
        fitting = [s for s in fitting if names is not None and s.names == names]
    return fitting[0] if fitting else None


def _by_override(sciences: list[_Science], text: str, report: IngestReport) -> list[Plane]:
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
        # Repeated exposures in one file: the first of them, if one band was named.
        chosen = chosen[:1]
        try:
            bands = parse_override(text, chosen[0].n_planes, system)
        except CutoutRejected:
            raise wrong from None
        report.say("layout", "Several images in the file: the first is taken.", "first_exposure")
    report.say("bands", f"Bands {', '.join(band.id for band in bands)}, as you said.")
    return _planes(chosen, bands)


def _by_name(sciences: list[_Science], report: IngestReport) -> list[Plane]:
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
            f"This cube has {n} planes but no BANDS/FILTER keyword. Tell me the order, e.g. `bands={'ugrizyJHK'[1 : n + 1]}`.",
        )
    seen: dict[str, int] = {}
    chosen: list[_Science] = []
    repeated = 0
    for science in named:
        assert science.names is not None
        clash = [name for name in science.names if name in seen]
        if any(seen[name] != science.image.file for name in clash):
            raise CutoutRejected(
                "fits.band_repeated",
                f"Two files hold the band {clash[0]}. Send one file per band, or name them with `bands=`.",
            )
        if clash:
            repeated += 1
            continue
        seen |= dict.fromkeys(science.names, science.image.file)
        chosen.append(science)
    if repeated:
        report.say(
            "layout",
            f"{repeated} further exposure{'s' * (repeated > 1)} of the same bands left aside: the first of each is taken.",
            "first_exposure",
        )
    names = [name for science in chosen for name in science.names or ()]
    systems = [system for science in chosen for system in science.systems]
    return _planes(chosen, name_bands(names, systems, report))


def _planes(chosen: list[_Science], bands: Sequence[Band]) -> list[Plane]:
    left = iter(bands)
    return [
        Plane(next(left), s.image, None if s.image.data.ndim == 2 else n, tuple(s.companions))
        for s in chosen
        for n in range(s.n_planes)
    ]
