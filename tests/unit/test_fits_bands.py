"""Bands are read from keywords, extension names and file names, in the instrument's own system."""

import pytest
from astropy.io import fits
from support.fits_files import galaxy

from survey.fits.band_names import band_names, name_bands, parse_override, stated_bands, system_of
from survey.fits.container import FITSImage
from survey.ingest import CutoutRejected, IngestReport


def image_with(name="x.fits", planes=None, **cards) -> FITSImage:
    header = fits.Header()
    for key, value in cards.items():
        header[key] = value
    return FITSImage(galaxy(planes), header, fits.Header(), 0, 0, name)


@pytest.mark.parametrize(
    ("cards", "band", "system"),
    [
        ({"BAND": "u", "RUN": 756, "CAMCOL": 2}, "u", "sdss"),
        ({"FILTER": "r", "TELESCOP": "2.5m"}, "r", "sdss"),
        ({"FILTER": "z DECam SDSS c0004 9260.0 1520.0", "INSTRUME": "DECam"}, "z", "des"),
        ({"FILTER": "HSC-R2"}, "r", "hsc"),
        ({"FILTER": "HSC-G", "INSTRUME": "Hyper Suprime-Cam"}, "g", "hsc"),
        ({"FILTER": "i_SDSS", "INSTRUME": "OMEGACAM"}, "i", "kids"),
        ({"FILTER1": "CLEAR1L", "FILTER2": "r", "SURVEY": "Legacy"}, "r", "legacy"),
        ({"EXTNAME": "image_Z", "SURVEY": "VIKING"}, "Z", "viking"),
        ({"EXTNAME": "SCI_Z", "SURVEY": "DES"}, "z", "des"),
        ({"FILTER": "K", "SURVEY": "VIKING"}, "Ks", "viking"),
        ({"EXTNAME": "r"}, "r", None),
        ({"FILTER": "J", "ORIGIN": "2MASS"}, "J", ""),
    ],
)
def test_a_plane_says_its_band_and_instrument(cards, band, system):
    image = image_with(**cards)
    assert band_names(image) == [band]
    assert system_of(image) == system


@pytest.mark.parametrize(
    ("name", "band"),
    [
        ("stamp-u-187.5469-12.0381.fits", "u"),
        ("legacysurvey-1866p257-image-g.fits.fz", "g"),
        ("KV0007_Ks.fits", "Ks"),
        ("rband.fits.gz", "r"),
        ("galaxy.fits", None),
        ("g_and_r.fits", None),
        ("x_a.fits", None),
    ],
)
def test_a_file_name_says_its_band_when_one_word_is_one(name, band):
    assert band_names(image_with(name)) == (None if band is None else [band])


def test_a_keyword_that_is_no_band_is_not_overruled_by_the_file_name():
    assert band_names(image_with("stamp-u.fits", FILTER="F658N")) is None


@pytest.mark.parametrize(
    "cards",
    [
        {"BANDS": "grz"},
        {"BANDS": "g,r,z"},
        {"BAND0": "g", "BAND1": "r", "BAND2": "z"},
        {"BAND1": "g", "BAND2": "r", "BAND3": "z"},
        {"FILTER1": "g", "FILTER2": "r", "FILTER3": "z"},
    ],
)
def test_a_cube_lists_its_bands(cards):
    assert band_names(image_with(planes=3, **cards)) == ["g", "r", "z"]


@pytest.mark.parametrize("cards", [{}, {"BANDS": "gr"}, {"BAND0": "g"}, {"BANDS": "abc"}])
def test_a_cube_that_does_not_name_each_plane_names_none(cards):
    assert band_names(image_with(planes=3, **cards)) is None


def test_nine_kids_viking_letters_are_nine_bands():
    image = image_with(planes=9, BANDS="ugriZYJHKs")
    bands = name_bands(band_names(image), [system_of(image)] * 9, IngestReport())
    assert [band.id for band in bands] == [
        *(f"kids:{n}" for n in "ugri"),
        *(f"viking:{n}" for n in ("Z", "Y", "J", "H", "Ks")),
    ]


@pytest.mark.parametrize(
    ("letters", "ids"),
    [("ugriz", "sdss"), ("grz", "legacy"), ("grizY", "des"), ("r", "sdss")],
)
def test_letters_without_an_instrument_take_the_first_set_that_fits_and_say_so(letters, ids):
    report = IngestReport()
    bands = name_bands(list(letters), [None] * len(letters), report)
    assert [band.id for band in bands] == [f"{ids}:{letter}" for letter in letters]
    assert report.flags == ["band_system_assumed"]


def test_planes_of_several_instruments_each_keep_theirs():
    bands = name_bands(["g", "r"], ["hsc", "legacy"], IngestReport())
    assert [band.id for band in bands] == ["hsc:g", "legacy:r"]


@pytest.mark.parametrize(
    ("names", "systems"),
    [
        (["J"], [""]),
        (["u"], ["hsc"]),
        (["H"], [None]),
        (["g", "r"], ["hsc", ""]),
        (["g", "u"], ["hsc", "des"]),
    ],
)
def test_bands_of_other_instruments_are_not_guessed(names, systems):
    with pytest.raises(CutoutRejected, match="not in the table") as caught:
        name_bands(names, systems, IngestReport())
    assert caught.value.code == "fits.band_unknown"


def test_capitals_of_an_instrument_that_has_small_letters_mean_those():
    assert [b.id for b in name_bands(["g", "Z"], ["legacy", "legacy"], IngestReport())] == [
        "legacy:g",
        "legacy:z",
    ]
    assert [b.id for b in name_bands(["y"], ["des"], IngestReport())] == ["des:Y"]
    assert [b.id for b in name_bands(["z"], ["viking"], IngestReport())] == ["viking:Z"]


def test_our_own_keyword_names_instrument_and_band():
    image = image_with(planes=2, BANDID0="hsc:g", BANDID1="viking:Ks")
    assert [band.id for band in stated_bands(image)] == ["hsc:g", "viking:Ks"]
    assert stated_bands(image_with(planes=2, BANDID0="hsc:g", BANDID1="hsc:g")) is None


def test_letters_of_the_sender_take_the_files_instrument():
    assert [b.id for b in parse_override("gr", 2, "hsc")] == ["hsc:g", "hsc:r"]
    assert [b.id for b in parse_override("gr", 2, None)] == ["sdss:g", "sdss:r"]
    assert [b.id for b in parse_override("sdss:g,sdss:r", 2, "hsc")] == ["sdss:g", "sdss:r"]


@pytest.mark.parametrize("text", ["grz", "nonsense", "", "sdss:q,sdss:r"])
def test_an_override_that_does_not_fit_is_refused(text):
    with pytest.raises(CutoutRejected) as caught:
        parse_override(text, 2, None)
    assert caught.value.code == "fits.band_unknown"
