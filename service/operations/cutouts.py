"""An object's image in the formats that people open."""

from __future__ import annotations

from typing import Literal

from service.operations.refusals import NoFlux, NoImage
from survey.archive import SurveyFolder

__all__ = ["MAX_SIDE_PX", "MEDIA_TYPES", "etag", "render", "thumbnail"]

MAX_SIDE_PX = 1024
MEDIA_TYPES = {"png": "image/png", "webp": "image/webp", "fits": "image/fits"}


def render(
    folder: SurveyFolder, object_id: str, kind: Literal["png", "webp", "fits"], *, zoom: int, scale_bar: bool
) -> bytes:
    """Return one object's stored field as a file.

    Parameters
    ----------
    zoom
        Display pixels per survey pixel; FITS keeps the survey's pixels.
    scale_bar
        Whether a bar of round length is drawn into PNG and WebP.

    Raises
    ------
    UnknownObject
        If the survey has no such id.
    NoImage
        If the survey is a catalogue.
    NoFlux
        If FITS is asked of display images.
    """
    folder.row_of(object_id)
    if not folder.has_cutouts:
        raise NoImage(f"Survey {folder.info.name} is a catalogue without images.")
    if kind == "fits" and folder.info.kind == "display":
        raise NoFlux(
            f"Survey {folder.info.name} holds display images without fluxes. Ask for format=png or format=webp."
        )
    cutout = folder.read([object_id])[0]
    if kind == "fits":
        from survey.fits.writer import write_fits  # noqa: PLC0415 - astropy.io.fits costs half a second

        return write_fits(cutout)
    from survey.rendering import render as draw  # noqa: PLC0415 - the same for the image codecs

    return draw(cutout, size=min(zoom * max(cutout.shape), MAX_SIDE_PX), format=kind, scale_bar=scale_bar)


def thumbnail(folder: SurveyFolder, object_id: str) -> bytes:
    """Return the packed WebP thumbnail.

    Raises
    ------
    UnknownObject
        If the survey has no such id.
    NoImage
        If the survey is a catalogue.
    """
    row = folder.row_of(object_id)
    if not folder.has_cutouts:
        raise NoImage(f"Survey {folder.info.name} is a catalogue without images.")
    return folder.thumbnail(row)


def etag(folder: SurveyFolder, object_id: str, *variant: object) -> str:
    """Return the entity tag of one rendering: the survey's hash, the row, what was asked."""
    parts = "-".join(str(part) for part in (folder.row_of(object_id), *variant))
    return f'"{folder.version[:16]}-{parts}"'
