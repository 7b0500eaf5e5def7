"""Every wrong input of the table is refused with its code or answered with a flag that names what is wrong."""

from __future__ import annotations

import pytest
from support.galaxy_layouts import LAYOUTS, write
from support.galaxy_scene import scenes_of
from support.simulated_service import SEED, N, ordinary, posted, service_on
from support.wrong_inputs import HARMLESS, WRONG_INPUTS, is_caught

from survey.archive import SurveyFolder
from survey.ingest import FLAGS

NAMES = {wrong.name: wrong for wrong in WRONG_INPUTS}


@pytest.fixture(scope="module")
def scenes(simulated_data):
    """The brightest galaxy, which has a core to saturate, and a fainter one of another colour."""
    survey = SurveyFolder(simulated_data / "surveys" / "sim")
    flux = dict(zip(survey.ids, survey.objects.column("flux_r").to_pylist(), strict=True))
    ranked = sorted(ordinary(survey, len(survey.ids)), key=flux.__getitem__)
    one, other = ranked[-1], ranked[len(ranked) // 2]
    found = scenes_of([one, other], n=N, seed=SEED)
    return found[one], found[other]


@pytest.fixture(scope="module")
def client(simulated_data):
    with service_on(simulated_data) as client:
        yield client


def verdict(answer):
    body = answer.json()
    return body.get("code", "ok"), tuple(body.get("ingest", {}).get("flags", ()))


def test_a_right_input_raises_no_flag(client, scenes):
    code, flags = verdict(posted(client, write(next(iter(LAYOUTS)), scenes[0])))
    assert (code, set(flags) - HARMLESS) == ("ok", set())


@pytest.mark.parametrize("name", [wrong.name for wrong in WRONG_INPUTS if wrong.caught_by])
def test_a_wrong_input_is_named(name, client, scenes):
    answer = posted(client, NAMES[name].make(*scenes))
    assert answer.status_code in (200, 415, 422), answer.text
    code, flags = verdict(answer)
    assert is_caught(NAMES[name], code, flags), (code, flags)


def test_the_table_is_long_enough_and_names_only_what_exists():
    from service.problems import PROBLEMS

    caught = [wrong for wrong in WRONG_INPUTS if wrong.caught_by]
    assert len(caught) >= 20
    assert {word for wrong in caught for word in wrong.caught_by} <= {*FLAGS, *PROBLEMS}


def test_what_nobody_can_see_is_answered_all_the_same(client, scenes):
    for wrong in WRONG_INPUTS:
        if not wrong.caught_by:
            assert posted(client, wrong.make(*scenes)).status_code == 200, wrong.name
            assert wrong.remark
