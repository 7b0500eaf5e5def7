import pytest

from index.causes.cause import KINDS, cause_of
from index.reservations import Reading
from survey.blends import NO_BLEND, Blend
from survey.defects.verdict import DEFECTS, Verdict
from survey.inspection import Inspection

STRONG = Blend(1, 0.9, flux_ratio=1.2, separation_px=6.0, separation_arcsec=2.4, overlap=0.5)


def found(*severities, blend=NO_BLEND):
    return Inspection(tuple(Verdict(name, how, "It is so.") for name, how in severities), blend)


@pytest.mark.parametrize(
    "inspection",
    [found(), found(("trail", "warning")), found(blend=STRONG), found(("masked", "note"), blend=STRONG)],
)
def test_probabilities_sum_to_one_and_the_kind_is_the_likeliest(inspection):
    cause = cause_of(inspection)
    shares = dict(zip(KINDS, (cause.p_data_quality, cause.p_blend, cause.p_astrophysical), strict=True))
    assert sum(shares.values()) == pytest.approx(1)
    assert min(shares.values()) >= 0
    assert cause.kind == max(shares, key=shares.get)


def test_nothing_found_leaves_the_galaxy_itself():
    assert cause_of(found()).p_astrophysical == 1


@pytest.mark.parametrize("name", DEFECTS)
@pytest.mark.parametrize("severity", ["warning", "bad"])
def test_a_defect_never_leaves_more_than_three_per_cent_to_the_galaxy(name, severity):
    for blend in (NO_BLEND, STRONG):
        cause = cause_of(found((name, severity), blend=blend))
        assert cause.kind == "data_quality"
        assert cause.p_astrophysical <= 0.03 + 1e-12


def test_a_note_hardly_explains_anything():
    assert cause_of(found(("masked", "note"))).kind == "astrophysical"


def test_a_larger_influence_is_a_likelier_blend():
    shares = [cause_of(found(blend=Blend(1, x, x, 5.0))).p_blend for x in (0.01, 0.05, 0.08, 0.2, 2.0)]
    assert shares == sorted(shares)
    assert shares[2] == pytest.approx(0.5)


def test_evidence_names_the_defect_the_neighbour_and_the_measurements_that_are_off():
    readings = [
        Reading("r50", None, 9.0, "arcsec", 1.0, 6.0, 99.9),
        Reading("noise", None, 5.0, "catalogue", 0.5, 2.0, 99.9),
        Reading("snr", None, 40.0, "", None, None, 50.0),
    ]
    cause = cause_of(found(("trail", "warning"), blend=STRONG), readings)
    assert [(one.kind, one.name) for one in cause.evidence] == [
        ("data_quality", "trail"),
        ("blend", "neighbour"),
        ("astrophysical", "r50"),
        ("data_quality", "noise"),
    ]
    neighbour, size = cause.evidence[1], cause.evidence[2]
    assert neighbour.detail == "A source 2.4 arcsec from the target has 1.2 times its light, touching it."
    assert (size.value, size.low, size.high) == (9.0, 1.0, 6.0)
    assert cause.evidence[3].detail == "noise is 5 times the catalogue's; usual is 0.5 to 2."
    # The same pixels give the same probabilities, whatever they are compared with.
    assert cause.p_blend == cause_of(found(("trail", "warning"), blend=STRONG)).p_blend
