"""When an upload is taken for an image of the catalogue."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from index.vectors.exact import ExactStore
from service.operations.likeness import same_images
from service.operations.uploads import Prepared, recognised
from survey.contract import Calibrated
from survey.ingest import IngestReport, Understood

DIMENSION = 48


@pytest.fixture(scope="module")
def store():
    vectors = np.random.default_rng(1).normal(0, 1, (200, DIMENSION))
    # Two galaxies whose images can hardly be told apart.
    vectors[1] = vectors[0] + 0.01 * vectors[2]
    return ExactStore((vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32))


def at(store, row, cosine):
    """A vector with this cosine to a stored one."""
    own = store.vector(row).astype(np.float64)
    away = np.random.default_rng(9).normal(0, 1, DIMENSION)
    away -= (away @ own) * own
    return (cosine * own + np.sqrt(1 - cosine**2) * away / np.linalg.norm(away)).astype(np.float32)


@pytest.mark.parametrize("cosine", [1.0, 0.9999995, 0.99991, 0.9995])
def test_a_copy_is_recognised_with_losses_too(store, cosine):
    assert same_images(store, at(store, 7, cosine)).tolist() == [7]


def test_another_galaxy_is_not(store):
    assert same_images(store, at(store, 7, 0.997)).tolist() == []


def test_what_lies_between_two_alike_is_neither(store):
    assert same_images(store, at(store, 0, 0.9999)).tolist() == []
    assert same_images(store, store.vector(0)).tolist() == [0]


def test_of_two_stored_copies_both_are(store):
    twice = ExactStore(np.concatenate([store.vectors(slice(None)), store.vectors(slice(3, 4))]))
    assert set(same_images(twice, at(store, 3, 1.0)).tolist()) == {3, 200}


def test_a_release_of_one_galaxy_is_no_reason_to_fail(store):
    alone = ExactStore(store.vectors(slice(0, 1)))
    assert same_images(alone, at(store, 0, 0.9999)).tolist() == []
    assert same_images(alone, store.vector(0)).tolist() == [0]


def embed_fields(fields):
    flat = fields.reshape(len(fields), -1)
    return flat / np.linalg.norm(flat, axis=1, keepdims=True)


@pytest.mark.parametrize("is_stored", [True, False])
def test_a_stored_galaxy_without_a_band_comes_back_as_it_is_stored(is_stored):
    rng = np.random.default_rng(2)
    fields = rng.normal(1, 1, (30, 5, 4, 4)).astype(np.float32)
    fields[3, 0] = 0
    store = ExactStore(embed_fields(fields))
    sent = fields[3].copy() if is_stored else fields[3] + rng.normal(0, 1, (5, 4, 4)).astype(np.float32)
    filled = sent.copy()
    filled[0] = 1
    served = SimpleNamespace(
        encoder=SimpleNamespace(embed_fields=embed_fields),
        release=SimpleNamespace(searched=store, store=store, alive=None, as_stored=lambda vectors: vectors),
    )
    made = [Calibrated(field, np.ones(field.shape, bool), (), ()) for field in (filled, sent)]
    report = IngestReport()
    vector, alike = recognised(Prepared(served, Understood(None, report), made[0], unfilled=made[1]))
    assert alike.tolist() == ([3] if is_stored else [])
    assert vector == pytest.approx(embed_fields((sent if is_stored else filled)[None])[0])
    assert bool(report.steps) is is_stored
