"""FITS files in, cutouts and a report of what was understood out."""
