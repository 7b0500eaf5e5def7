"""The ONNX graphs do what the NumPy code says."""

import numpy as np
import pytest
from support.round_galaxies import smooth_galaxies

from index.runtime import onnxruntime
from training.graphs import embed, graph_bytes
from training.pca import principal_axes
from training.pixels import ShrunkPixels
from training.polar import PolarModuli

CASES = {
    "polar, RGB": (PolarModuli(n_bands=3, input_px=64, radius_px=30.0), 3, 64),
    "polar, four bands, odd side": (PolarModuli(n_bands=4, input_px=51, radius_px=25.0), 4, 51),
    "pixels": (ShrunkPixels(n_bands=2, input_px=64), 2, 64),
    "pixels, side no multiple of 32": (ShrunkPixels(n_bands=1, input_px=84), 1, 84),
    "pixels, small": (ShrunkPixels(n_bands=1, input_px=20, side_px=20), 1, 20),
}


@pytest.fixture(scope="module", params=CASES, name="case")
def _case(request):
    description, n_bands, side = CASES[request.param]
    images = smooth_galaxies(np.linspace(0, 9, 40), side=side, n_bands=n_bands)
    images += np.random.default_rng(1).normal(0, 0.02, images.shape).astype(np.float32)
    principal = principal_axes(description.describe(images), n_axes=48, rng=np.random.default_rng(0))
    graph = graph_bytes(description, principal, n_bands=n_bands, input_px=side)
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    return description, principal, session, images


def run(session, images):
    return session.run(["embedding"], {"images": images})[0]


def test_graph_equals_numpy(case):
    description, principal, session, images = case
    assert run(session, images) == pytest.approx(embed(description.describe(images), principal), abs=1e-5)


def test_vectors_have_unit_norm(case):
    _, _, session, images = case
    assert np.linalg.norm(run(session, images), axis=1) == pytest.approx(np.ones(len(images)), abs=1e-6)


def test_a_galaxy_does_not_depend_on_its_batch(case):
    _, _, session, images = case
    alone = np.concatenate([run(session, images[i : i + 1]) for i in range(5)])
    assert alone == pytest.approx(run(session, images)[:5], abs=1e-6)


def test_an_empty_image_has_a_unit_vector(case):
    _, _, session, images = case
    assert np.linalg.norm(run(session, np.zeros_like(images[:1]))) == pytest.approx(1, abs=1e-6)


def test_the_mean_itself_has_a_unit_vector():
    description = ShrunkPixels(n_bands=1, input_px=8, side_px=8)
    images = np.random.default_rng(0).normal(size=(20, 1, 8, 8)).astype(np.float32)
    principal = principal_axes(description.describe(images), n_axes=4, rng=np.random.default_rng(0))
    session = onnxruntime.InferenceSession(
        graph_bytes(description, principal, n_bands=1, input_px=8), providers=["CPUExecutionProvider"]
    )
    mean = principal.mean.astype(np.float32).reshape(1, 1, 8, 8)
    assert np.array_equal(run(session, mean), [[1, 0, 0, 0]])
    assert np.array_equal(embed(mean.reshape(1, -1), principal), [[1, 0, 0, 0]])


def test_shrinking_takes_area_means():
    images = np.random.default_rng(0).normal(size=(2, 3, 64, 64)).astype(np.float32)
    expected = images.reshape(2, 3, 32, 2, 32, 2).mean(axis=(3, 5)).reshape(2, -1)
    assert ShrunkPixels(n_bands=3, input_px=64).describe(images) == pytest.approx(expected, abs=1e-6)


def test_pixels_are_not_enlarged():
    with pytest.raises(ValueError, match="20 px cannot be averaged down to 32 px"):
        ShrunkPixels(n_bands=1, input_px=20)
