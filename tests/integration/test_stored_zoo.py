"""What real files of many observatories hold is stored and given back bit for bit."""

import orjson
import pytest

from service.stored_pixels import decode, encode
from survey.fits.reader import read_fits
from survey.ingest import CutoutRejected, Overrides

_MOST_BYTES = 2 << 20

pytestmark = pytest.mark.realdata


@pytest.mark.filterwarnings("ignore::astropy.utils.exceptions.AstropyWarning")
def test_what_is_read_of_a_real_file_comes_back_as_it_was(shared_data):
    n_read = 0
    for path in sorted((shared_data / "fits_zoo" / "files").iterdir()):
        if path.stat().st_size > _MOST_BYTES:
            continue
        try:
            one = read_fits([(path.name, path.read_bytes())], overrides=Overrides())
        except CutoutRejected:
            continue
        stored = encode(one)
        again = decode(orjson.loads(orjson.dumps(stored.about)), stored.files)
        for name in ("flux", "ivar", "mask"):
            before, after = getattr(one.cutout, name), getattr(again.cutout, name)
            assert (before is None) == (after is None), path.name
            assert before is None or before.tobytes() == after.tobytes(), path.name
        assert again.report.to_json() == one.report.to_json(), path.name
        assert dict(again.cutout.provenance) == dict(one.cutout.provenance), path.name
        n_read += 1
    assert n_read > 20
