"""Images of which only the header matters, and what their counts are worth."""

from astropy.io import fits
from support.fits_files import SCALE, galaxy

from survey.fits.container import FITSImage
from survey.fits.units import calibration_of
from survey.ingest import IngestReport


def image_with(data=None, **cards) -> FITSImage:
    header = fits.Header()
    for key, value in cards.items():
        header[key.replace("__", ".")] = value
    return FITSImage(galaxy() if data is None else data, header, fits.Header(), 0, 0, "x.fits")


def factor(zeropoint=None, **cards):
    return calibration_of(image_with(**cards), IngestReport(), zeropoint=zeropoint, pixel_scale_arcsec=SCALE)
