"""The image HDUs of a galaxy's files, each with the planes of noise and mask that belong to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from survey.fits.band_names import band_names, own_band, parse_override, stated_bands, system_of
from survey.fits.container import FITSImage
from survey.fits.roles import Role, role_of
from survey.fits.zeropoints import quoted
from survey.ingest import CutoutRejected, IngestReport, Overrides

__all__ = ["Science", "gather"]

_ROLES = {"image": "science"}
# HDUs that a report lists.
_MAX_TOLD = 24


@dataclass(slots=True, eq=False)
class Science:
    """An image HDU with what belongs to it.

    Attributes
    ----------
    names, systems
        What is told of each plane's band and instrument; ``names`` is None where nothing is.
    companions
        (role, HDU) of its noise and mask.
    """

    image: FITSImage
    names: list[str] | None
    systems: list[str | None]
    companions: list[tuple[Role, FITSImage]]

    @property
    def n_planes(self) -> int:
        """Number of its bands."""
        return 1 if self.image.data.ndim == 2 else int(self.image.data.shape[0])


def gather(images: Sequence[FITSImage], overrides: Overrides, report: IngestReport) -> list[Science]:
    """Split images from companions, give each companion to its image, and say what every HDU is.

    Raises
    ------
    CutoutRejected
        ``fits.no_image`` if nothing is an image, or the HDU that was named is none.
    """
    sciences: list[Science] = []
    companions: list[tuple[Role, FITSImage]] = []
    previous: FITSImage | None = None
    roles: dict[tuple[int, int], Role] = {}
    bare = _told_bands(images, overrides)
    for image in images:
        if previous is not None and previous.file != image.file:
            previous = None
        chosen = overrides.hdu is not None and image.index == overrides.hdu
        role = "image" if chosen or bare else role_of(image, previous)
        if len(images) == 1 and role != "image" and bool((image.data < 0).any()):
            # A file name is not believed about the only image there is: masks and noise are never negative, sky is.
            role = role_of(replace(image, file_name=""), None)
        roles[image.file, image.index] = role
        if role == "image" and (chosen or overrides.hdu is None):
            previous = image
            sciences.append(_introduce(image))
        elif role not in ("image", "other"):
            companions.append((role, image))
    _tell_container(images, roles, report)
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


def _told_bands(images: Sequence[FITSImage], overrides: Overrides) -> bool:
    """Whether the images of one file say nothing of themselves and are as many as the bands that the sender names."""
    if overrides.bands is None or overrides.hdu is not None or len(images) < 2:
        return False
    first = images[0]
    alike = all(
        image.file == first.file
        and image.data.ndim == 2
        and image.data.shape == first.data.shape
        and role_of(image, None) == "image"
        for image in images
    )
    try:
        return alike and bool(parse_override(overrides.bands, len(images), None))
    except CutoutRejected:
        return False


def _tell_container(
    images: Sequence[FITSImage], roles: Mapping[tuple[int, int], Role], report: IngestReport
) -> None:
    """List every HDU of every file with its role, as far as an answer has room."""
    by_place = {(image.file, image.index): image for image in images}
    per_file: dict[int, dict[str, list[int]]] = {}
    for (file, index), what in report.hdus.items():
        image, role = by_place.get((file, index)), roles.get((file, index))
        name = quoted(str(image.header.get("EXTNAME", ""))) if image is not None else ""
        kind = f"{_ROLES.get(role or '', role or what)}{f' {name}' * bool(name)}{f' {what}' * bool(role)}"
        per_file.setdefault(file, {}).setdefault(kind, []).append(index)
    alike: dict[str, list[int]] = {}
    for file, kinds in per_file.items():
        listed = [f"HDU{'s' * (len(n) > 1)} {', '.join(map(str, n))}: {kind}" for kind, n in kinds.items()]
        more = f"; and {len(listed) - _MAX_TOLD} more" if len(listed) > _MAX_TOLD else ""
        alike.setdefault(f"{'; '.join(listed[:_MAX_TOLD])}{more}.", []).append(file + 1)
    for text, files in alike.items():
        which = f"file{'s' * (len(files) > 1)} {', '.join(map(str, files))}: " if len(per_file) > 1 else ""
        report.say("container", f"{which}{text}")


def _introduce(image: FITSImage) -> Science:
    stated = stated_bands(image)
    if stated is not None:
        return Science(image, [band.name for band in stated], [band.system for band in stated], [])
    n_planes = 1 if image.data.ndim == 2 else image.data.shape[0]
    return Science(image, band_names(image), [system_of(image)] * n_planes, [])


def _owner(companion: FITSImage, sciences: list[Science]) -> Science | None:
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
