"""What mutation found: each a file built here, and the refusal that it gets since."""

import numpy as np
import pytest
from support.fits_builder import card, image, padded, table, tiled_image, with_card
from support.fits_files import cube, read, tan_header

from survey.magic import PrescanRefused
from survey.prescan import prescan

PICTURE = image(np.ones((20, 30), np.float32))


@pytest.mark.parametrize("number", [1000, 2**31, 10**18, 2**63 - 1, -1])
def test_a_number_of_columns_that_no_table_has_is_refused(number):
    # astropy counted up to it while it read a compressed image: the child burnt its five seconds.
    for data in (
        with_card(tiled_image("RICE_1"), "TFIELDS", number),
        with_card(PICTURE + table() + padded(bytes(4)), "TFIELDS", number),
    ):
        with pytest.raises(PrescanRefused, match="TFIELDS") as refused:
            prescan(data)
        assert refused.value.code == "fits.header"


def test_every_legal_number_of_columns_passes():
    for number in (0, 1, 999):
        assert prescan(with_card(PICTURE + table() + padded(bytes(4)), "TFIELDS", number)).tables == 1


def test_tfields_of_an_image_is_nobodys_business():
    assert prescan(image(np.ones((20, 30), np.float32), [("TFIELDS", 10**18)])).images


@pytest.mark.parametrize("turns", [-1, 1, 2])
def test_right_ascensions_outside_the_circle_are_brought_into_it(turns):
    # The reader handed them on as they stood, and the service refused its child's answer as impossible.
    header = tan_header(ra=150.1 + 360 * turns)
    assert read(cube("grz", header=header)).cutout.ra_deg == pytest.approx(150.1, abs=1e-9)


def with_seed(seed):
    # In place of a card that every tiled image has and the prescan does not look at.
    data = tiled_image()
    at = data.index(b"ZPCOUNT =")
    return data[:at] + card("ZDITHER0", seed) + data[at + 80 :]


@pytest.mark.parametrize("seed", [-32, -1, 0, 10_001, 2**31])
def test_a_dither_seed_outside_its_table_is_refused(seed):
    # astropy read before the table of random numbers: now and then the child died of it.
    with pytest.raises(PrescanRefused, match="ZDITHER0"):
        prescan(with_seed(seed))


@pytest.mark.parametrize("seed", [1, 10_000])
def test_every_legal_dither_seed_passes(seed):
    assert prescan(with_seed(seed)).images
