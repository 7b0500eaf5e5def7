"""The wide filters of the cameras on the Hubble Space Telescope."""

from __future__ import annotations

__all__ = ["ACS", "WFC3"]

# (name, pivot wavelength in nm, A_b / E(B-V) on unscaled SFD98 for R_V = 3.1). Wavelengths: ACS Instrument Handbook,
# table 5.1, and WFC3 Instrument Handbook, tables 6.2 and 7.2; extinction: Schlafly & Finkbeiner 2011, table 6.
ACS: tuple[tuple[str, float, float], ...] = (
    ("F435W", 432.8, 3.610),
    ("F475W", 474.7, 3.268),
    ("F555W", 536.0, 2.792),
    ("F606W", 592.1, 2.471),
    ("F625W", 631.2, 2.219),
    ("F775W", 769.3, 1.629),
    ("F814W", 804.5, 1.526),
    ("F850LP", 903.1, 1.243),
)
WFC3: tuple[tuple[str, float, float], ...] = (
    ("F275W", 271.0, 5.487),
    ("F336W", 335.5, 4.453),
    ("F390W", 392.4, 3.481),
    ("F438W", 432.6, 3.623),
    ("F475W", 477.3, 3.248),
    ("F555W", 530.8, 2.855),
    ("F606W", 588.9, 2.488),
    ("F625W", 624.2, 2.259),
    ("F775W", 764.8, 1.643),
    ("F814W", 803.9, 1.536),
    ("F850LP", 917.6, 1.208),
    ("F105W", 1055.2, 0.969),
    ("F110W", 1153.4, 0.881),
    ("F125W", 1248.6, 0.726),
    ("F140W", 1392.3, 0.613),
    ("F160W", 1536.9, 0.512),
)
