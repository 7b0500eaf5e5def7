"""From the bytes of a FITS file to its images in memory."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from survey.ingest import CutoutRejected, IngestReport
from survey.prescan import MAX_HDUS, MAX_PLANES, PrescanRefused
from survey.wrappers import unpack

__all__ = ["UNREADABLE", "FITSImage", "read_images"]

_MAX_BYTES = 256 * 2**20
_MIN_SIDE = 16
# HDUs that a refusal or a report lists.
_MAX_TOLD = 12

UNREADABLE = "The file cannot be read as FITS: it is damaged, incomplete, or not what its first bytes say. Fetch it again."


@dataclass(frozen=True, slots=True, eq=False)
class FITSImage:
    """One image HDU.

    Attributes
    ----------
    data
        Shape (H, W) or (C, H, W), native byte order, as in the file.
    header
        The HDU's own header.
    primary
        The primary header where the primary HDU is empty (its keywords then hold for all), else an empty one.
    index
        Number of the HDU in its file, from 0.
    file
        Number of the file, from 0.
    file_name
        As sent; only searched for a band or a word like ``mask``.
    found
        What :meth:`value` found; the planes of a cube, which are asked the same, share it.
    """

    data: NDArray[Any]
    header: fits.Header
    primary: fits.Header
    index: int
    file: int
    file_name: str
    found: dict[tuple[str, ...], Any] = field(default_factory=dict, repr=False)

    def value(self, *keys: str) -> Any:
        """Return the first of these keywords that has a value, in this header, then in the primary; else None."""
        if keys not in self.found:
            self.found[keys] = self._value(keys)
        return self.found[keys]

    def _value(self, keys: tuple[str, ...]) -> Any:
        for header in (self.header, self.primary):
            for key in keys:
                value = header.get(key)
                if value is not None and not isinstance(value, fits.card.Undefined) and str(value).strip():
                    return value
        return None

    def number(self, *keys: str) -> float | None:
        """Return the first of these keywords that holds a finite number (text such as '53.9' counts)."""
        for key in keys:
            value = self.value(key)
            try:
                number = float(value) if value is not None and not isinstance(value, bool) else None
            except ValueError:
                continue
            if number is not None and np.isfinite(number):
                return number
        return None

    def text(self, *keys: str) -> str:
        """Return the first of these keywords that has a value, as text; else ''."""
        value = self.value(*keys)
        return "" if value is None else str(value).strip()


def read_images(files: Sequence[tuple[str, bytes]], report: IngestReport) -> list[FITSImage]:
    """Read every image HDU of every file; paths are never touched.

    Parameters
    ----------
    files
        (name, bytes) each; one layer of gzip or bzip2 is undone.

    Raises
    ------
    CutoutRejected
        ``fits.unreadable`` if a library fails on the bytes, ``fits.no_image`` if no HDU holds a 2-D or
        3-D image, ``fits.too_small`` if all are under 16 pixels a side, ``fits.too_large`` beyond 256 MiB of
        pixels or 64 MiB unpacked, ``fits.hdus`` beyond 64 HDUs.
    """
    images: list[FITSImage] = []
    for number, (name, data) in enumerate(files):
        images += _read_file(_decompress(data, report), number, name, report.hdus)
    if not images:
        raise CutoutRejected("fits.no_image", _no_image(report.hdus))
    large = [image for image in images if min(image.data.shape[-2:]) >= _MIN_SIDE]
    if not large:
        height, width = images[0].data.shape[-2:]
        raise CutoutRejected(
            "fits.too_small", f"The image is {width}x{height} px; send at least {_MIN_SIDE} px a side."
        )
    return large


def _decompress(data: bytes, report: IngestReport) -> bytes:
    if data[:4] == b"PK\x03\x04":
        raise CutoutRejected("fits.unreadable", "This is a ZIP archive. Send the FITS file itself.")
    if data[:2] != b"\x1f\x8b" and data[:3] != b"BZh":
        return data
    try:
        plain = unpack(data, "gzip" if data[:1] == b"\x1f" else "bzip2")
    except PrescanRefused as error:
        is_large = error.code == "upload.unpacked_too_large"
        raise CutoutRejected("fits.too_large" if is_large else "fits.unreadable", str(error)) from error
    report.say("container", f"Unpacked {len(data):,} to {len(plain):,} bytes.")
    return plain


def _no_image(hdus: Mapping[tuple[int, int], str]) -> str:
    """Say what there is instead of an image: ``primary is empty; ext 1 is a table``."""
    told = [f"{'primary' if index == 0 else f'ext {index}'} is {what}" for (_, index), what in hdus.items()]
    more = f"; and {len(told) - _MAX_TOLD} more" if len(told) > _MAX_TOLD else ""
    return (
        f"No 2-D or 3-D image found in {len(told)} HDU{'s' * (len(told) != 1)} ({'; '.join(told[:_MAX_TOLD])}{more}). "
        "Send a file with an image, or pick one with `hdu=`."
    )


def _read_file(data: bytes, number: int, name: str, seen: dict[tuple[int, int], str]) -> list[FITSImage]:
    if data[:6] != b"SIMPLE":
        raise CutoutRejected("fits.unreadable", UNREADABLE)
    images: list[FITSImage] = []
    try:
        # Warnings of a stranger's header are none of ours; a cut-off file still fails when its data is read.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with fits.open(io.BytesIO(data), memmap=False, lazy_load_hdus=True) as hdus:
                for index in range(MAX_HDUS + 1):
                    try:
                        hdu = hdus[index]
                    except IndexError:
                        break
                    _check_count(index + 1)
                    image = _image(hdu, hdus[0].header, index, number, name)
                    seen[number, index] = _describe(hdu)
                    if image is not None:
                        images.append(image)
    except CutoutRejected:
        raise
    except Exception as error:  # astropy raises OSError, ValueError, TypeError, KeyError, OverflowError, ...
        raise CutoutRejected("fits.unreadable", UNREADABLE) from error
    return images


def _check_count(n_hdus: int) -> None:
    if n_hdus > MAX_HDUS:
        raise CutoutRejected(
            "fits.hdus", f"The file has more than {MAX_HDUS} HDUs. Send the science HDUs alone."
        )


def _describe(hdu: Any) -> str:
    if isinstance(hdu, fits.GroupsHDU):
        return "random groups"
    if _is_uncovered(hdu):
        return "without coverage (OVERLAP=F)"
    if not isinstance(hdu, (fits.PrimaryHDU, fits.ImageHDU, fits.CompImageHDU)):
        return "a table" if isinstance(hdu, (fits.BinTableHDU, fits.TableHDU)) else "of unknown type"
    axes = [int(side) for side in hdu.shape]
    if not axes or 0 in axes:
        return "empty"
    return f"a list of {axes[0]} numbers" if len(axes) == 1 else "x".join(map(str, reversed(axes)))


def _is_uncovered(hdu: Any) -> bool:
    """Whether the Legacy Surveys' viewer says that it has no data here."""
    return hdu.header.get("OVERLAP") is False


def _image(hdu: Any, first: fits.Header, index: int, number: int, name: str) -> FITSImage | None:
    if not isinstance(hdu, (fits.PrimaryHDU, fits.ImageHDU, fits.CompImageHDU)) or isinstance(
        hdu, fits.GroupsHDU
    ):
        return None
    if _is_uncovered(hdu):
        return None
    shape = tuple(hdu.shape)
    while len(shape) > 2 and shape[0] == 1:
        shape = shape[1:]
    if len(shape) not in (2, 3) or 0 in shape:
        return None
    if len(shape) == 3 and shape[0] > MAX_PLANES:
        raise CutoutRejected(
            "fits.no_image",
            f"HDU {index} is a cube of {shape[0]} planes (limit {MAX_PLANES}): a data cube, not bands.",
        )
    if 8 * int(np.prod(shape)) > _MAX_BYTES:
        raise CutoutRejected(
            "fits.too_large",
            f"HDU {index} has {'x'.join(map(str, shape))} pixels (limit {_MAX_BYTES // 2**20} MiB). "
            "Send a cutout around the galaxy.",
        )
    data = np.asarray(hdu.data).reshape(shape)
    data = data.astype(data.dtype.newbyteorder("="), copy=False)
    primary = first if index and first.get("NAXIS") == 0 else fits.Header()
    return FITSImage(data, hdu.header, primary, index, number, name)
