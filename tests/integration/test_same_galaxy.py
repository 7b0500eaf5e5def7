"""One galaxy, however it is written, is one galaxy: the same field, the same embedding, the same neighbours."""

from __future__ import annotations

import numpy as np
import pytest
from support.galaxy_layouts import LAYOUTS, write
from support.galaxy_scene import grid_matrix, scenes_of
from support.layout_judge import allowed_difference, field_of, overlap
from support.simulated_service import MODEL, SEED, N, ordinary, posted, service_on

from index.model import Model, OnnxEncoder
from survey.archive import SurveyFolder
from survey.simulate.recipe import PIXEL_SCALE

FIRST = next(iter(LAYOUTS))


@pytest.fixture(scope="module")
def encoder(simulated_data):
    return OnnxEncoder(Model.open(simulated_data / "models" / MODEL))


@pytest.fixture(scope="module")
def contract(simulated_data):
    return Model.open(simulated_data / "models" / MODEL).contract


@pytest.fixture(scope="module")
def survey(simulated_data):
    return SurveyFolder(simulated_data / "surveys" / "sim")


@pytest.fixture(scope="module")
def object_id(survey):
    """An edge-on galaxy: what is turned the wrong way cannot look the same."""
    labels = dict(zip(survey.ids, survey.objects.column("label").to_pylist(), strict=True))
    return next(one for one in ordinary(survey, len(survey.ids)) if labels[one] == "edge_on")


@pytest.fixture(scope="module")
def clean(object_id):
    """The galaxy without noise."""
    return scenes_of([object_id], n=N, seed=SEED, noise=False)[object_id]


@pytest.fixture(scope="module")
def noisy(object_id):
    """The galaxy with the noise that the catalogue's cutout has, as part of the sky."""
    return scenes_of([object_id], n=N, seed=SEED)[object_id]


@pytest.fixture(scope="module")
def fields(clean, contract):
    """The fields that have been read so far, by layout."""
    return {FIRST: field_of(write(FIRST, clean), contract)}


@pytest.fixture(scope="module")
def client(simulated_data):
    with service_on(simulated_data) as client:
        yield client


@pytest.fixture(scope="module")
def neighbours(client, noisy):
    answer = posted(client, write(FIRST, noisy), k="10")
    assert answer.status_code == 200, answer.text
    return [hit["object_id"] for hit in answer.json()["hits"]]


def test_a_scene_on_the_surveys_own_grid_is_the_catalogues_cutout(survey, noisy, object_id):
    (cutout,) = survey.read([object_id])
    sampled = noisy.sample(grid_matrix(PIXEL_SCALE), cutout.shape)
    # The survey keeps float16: a relative 2**-11.
    assert np.abs(sampled - cutout.flux).max() <= 2**-11 * cutout.flux.max()


def test_a_scene_has_the_same_flux_on_any_grid(clean):
    grids = ((0.396, 0, 84), (0.198, 0, 168), (0.396, 90, 84), (0.198, 180, 168))
    totals = np.array(
        [
            clean.sample(grid_matrix(scale, angle_deg=angle), (side, side)).sum(axis=(1, 2))
            for scale, angle, side in grids
        ]
    )
    np.testing.assert_allclose(totals, np.broadcast_to(totals[0], totals.shape), rtol=1e-5)


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_gives_the_same_field_and_embedding(name, clean, contract, encoder, fields):
    layout, reference = LAYOUTS[name], fields[FIRST].flux
    found = field_of(write(name, clean), contract)
    allowed = allowed_difference(
        reference, scale=layout.scale_arcsec, model_scale=PIXEL_SCALE, turned=layout.is_turned
    )
    rounding = 1e-3 * reference.max(axis=(1, 2))
    assert (np.abs(found.flux - reference).max(axis=(1, 2)) <= allowed + rounding).all()
    first, second = encoder.embed_fields(np.stack([fields[FIRST].field, found.field]))
    assert first @ second >= 0.98


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_gives_the_same_neighbours(name, client, noisy, neighbours, object_id):
    answer = posted(client, write(name, noisy), k="10")
    assert answer.status_code == 200, answer.text
    found = [hit["object_id"] for hit in answer.json()["hits"]]
    assert found[0] == object_id
    # Pixels coarser than the model's by a quarter have lost what it looks at.
    is_coarse = LAYOUTS[name].scale_arcsec > 1.25 * PIXEL_SCALE
    assert overlap(neighbours, found) >= (0.7 if is_coarse else 0.9)
