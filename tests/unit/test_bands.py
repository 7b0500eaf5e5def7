import numpy as np
import pytest

from survey.bands import BAND_SETS, BANDS, BandSet, UnknownBand


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("sdss-ugriz", ["sdss:u", "sdss:g", "sdss:r", "sdss:i", "sdss:z"]),
        ("grz", ["sdss:g", "sdss:r", "sdss:z"]),
        ("zrg", ["sdss:z", "sdss:r", "sdss:g"]),
        ("g, r", ["sdss:g", "sdss:r"]),
        ("hsc:y", ["hsc:y"]),
        ("legacy:z,legacy:g", ["legacy:z", "legacy:g"]),
        ("grizy", ["hsc:g", "hsc:r", "hsc:i", "hsc:z", "hsc:y"]),
        (
            "ugriZYJHKs",
            [*(f"kids:{n}" for n in "ugri"), *(f"viking:{n}" for n in ("Z", "Y", "J", "H", "Ks"))],
        ),
        ("RGB", ["display:R", "display:G", "display:B"]),
    ],
)
def test_bands_are_read_in_the_order_written(text, ids):
    assert list(BandSet.parse(text).ids) == ids


@pytest.mark.parametrize("text", ["", "xq", "g,g", "sdss:q", "sdss:g,r", "sdss:g,,sdss:r"])
def test_unknown_bands_are_refused(text):
    with pytest.raises(UnknownBand):
        BandSet.parse(text)


def test_empty_set_is_refused():
    with pytest.raises(UnknownBand, match="at least one"):
        BandSet(())


def test_ids_survive_the_round_trip():
    for bands in BAND_SETS.values():
        assert BandSet.from_ids(bands.ids) == bands


def test_plane_is_found_by_name_or_id():
    bands = BAND_SETS["kids-viking"]
    assert bands.index("Ks") == bands.index("viking:Ks") == 8
    assert [band.name for band in bands] == list(bands.names)
    with pytest.raises(UnknownBand, match="no band 'z'"):
        bands.index("z")


def test_only_display_channels_are_display():
    assert [name for name, bands in BAND_SETS.items() if bands.is_display] == ["display-rgb"]


@pytest.mark.realdata
def test_pivot_wavelengths_follow_the_filter_curves(shared_data):
    from astropy.table import Table

    systems = {"sdss2010": "sdss", "decam2014": "des", "hsc2017": "hsc"}
    curves = sorted((shared_data / "filters_seds" / "filters").glob("*.ecsv"))
    assert len(curves) == 14
    for path in curves:
        instrument, name = path.stem.split("-")
        table = Table.read(path)
        wavelength, response = table[table.colnames[0]], np.asarray(table[table.colnames[1]])
        nm = wavelength.quantity.to_value("nm")
        pivot = np.sqrt(np.trapezoid(response * nm, nm) / np.trapezoid(response / nm, nm))
        assert BANDS[f"{systems[instrument]}:{name}"].pivot_nm == pytest.approx(pivot, rel=0.01)


def test_a_name_in_two_systems_needs_the_id():
    bands = BandSet.parse("sdss:g,legacy:g,legacy:r")
    with pytest.raises(UnknownBand, match="two bands 'g' in sdss:g,legacy:g,legacy:r"):
        bands.index("g")
    assert [bands.index(name) for name in ("sdss:g", "legacy:g", "r")] == [0, 1, 2]
