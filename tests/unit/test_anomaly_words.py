"""The sentence that says how odd a galaxy is and why."""

from __future__ import annotations

import pytest

from service.operations.anomaly_words import DEFECT_WORDS, oddity_text, reason
from survey.defects.verdict import DEFECTS


def test_every_defect_has_words():
    assert DEFECT_WORDS.keys() == set(DEFECTS)


@pytest.mark.parametrize(
    ("p", "percentile", "says"),
    [
        (0.5, 50.0, "As odd as 50% of normal galaxies"),
        (0.01, 99.0, "As odd as 1 normal galaxy in 100"),
        (1 / 6374, 99.98, "As odd as 1 normal galaxy in 6,400"),
        (1e-300, 100.0, "As odd as 1 normal galaxy in more than 1,000,000"),
        (None, 99.5, "Odder than 99.5 % of the release"),
        (None, 100.0, "Odder than 99.99 % of the release"),
        (None, None, "Of unknown oddity"),
    ],
)
def test_oddity_is_said_in_galaxies_with_the_digits_that_count(p, percentile, says):
    assert oddity_text(p, percentile) == says


@pytest.mark.parametrize(
    ("why", "says"),
    [
        (("data_quality", 0.97, 0.0, ["masked", "trail"]), "pixels are masked, a trail crosses it (97% data"),
        (("blend", 0.05, 0.8, []), "a neighbour on the sky adds its light (80% blend)"),
        (("blend", 0.05, 0.8, ["masked"]), "(80% blend), though pixels are masked"),
        (("astrophysical", 0.0, 0.02, []), "neither the data nor a neighbour explains it (98%"),
        (("astrophysical", 0.05, 0.35, []), "itself (60% astrophysical; a neighbour 35%, the data 5%)"),
        ((None, None, None, []), "its pixels were not looked at"),
    ],
)
def test_the_cause_is_said_with_its_probability(why, says):
    assert says in reason("Odd", *why)
