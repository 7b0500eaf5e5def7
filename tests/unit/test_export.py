"""The exported graph gives what the network gives."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is in the extra [train]")

from index.runtime import onnxruntime  # noqa: E402
from survey.bands import BandSet  # noqa: E402
from survey.contract import InputContract  # noqa: E402
from training.export import Head, Projection, encoder_graph  # noqa: E402
from training.fusion import fit_ring_part  # noqa: E402
from training.models.resnet import DEPTHS, STEMS, ResNet  # noqa: E402
from training.probes import embed_with, orbit  # noqa: E402

SIDE = 32


def network(depth=18, stem="middle", bands=3):
    torch.manual_seed(1)
    made = ResNet(depth=depth, bands=bands, stem=stem, width=8)
    # Statistics and weights as after some training, or folding them would be the identity.
    made.train()
    with torch.no_grad():
        for _ in range(3):
            made(torch.randn(8, bands, SIDE, SIDE) * 2 + 1)
        for module in made.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.weight.uniform_(0.5, 1.5)
                module.bias.uniform_(-0.5, 0.5)
    return made.eval()


def projection(dimension, views, k=6):
    rng = np.random.default_rng(0)
    return Projection(
        rng.normal(size=dimension).astype(np.float32),
        rng.normal(size=(dimension, k)).astype(np.float32),
        views,
    )


def run(graph, images):
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    return session.run(["embedding"], {"images": images})[0]


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def expected(made, project, images):
    trunk = embed_with(made, [torch.from_numpy(images)], views=project.views)
    return unit((trunk - project.mean) @ project.axes)


def pictures(n=5, bands=3):
    return np.random.default_rng(2).normal(size=(n, bands, SIDE, SIDE)).astype(np.float32)


@pytest.mark.parametrize("stem", STEMS)
@pytest.mark.parametrize("depth", DEPTHS)
def test_graph_and_network_agree(depth, stem):
    made = network(depth, stem)
    project = projection(made.dimension, views=1)
    graph = encoder_graph(made, Head(project), bands=3, input_px=SIDE)
    assert np.allclose(run(graph, pictures()), expected(made, project, pictures()), atol=1e-5)


def test_eight_views_are_averaged_before_the_projection():
    made = network(bands=5)
    project = projection(made.dimension, views=8)
    graph = encoder_graph(made, Head(project), bands=5, input_px=SIDE)
    found = run(graph, pictures(bands=5))
    assert np.allclose(found, expected(made, project, pictures(bands=5)), atol=1e-5)
    # A quarter turn or a reflection of the image changes nothing.
    for turned in (np.rot90(pictures(bands=5), axes=(2, 3)), pictures(bands=5)[..., ::-1]):
        assert np.allclose(run(graph, np.ascontiguousarray(turned)), found, atol=1e-5)


def test_the_orbit_has_eight_different_views():
    views = orbit(torch.arange(9.0).view(1, 1, 3, 3))
    assert len({tuple(view.flatten().tolist()) for view in views}) == 8


def test_the_same_weights_give_the_same_bytes():
    made = network()
    project = projection(made.dimension, views=8)
    first, second = (encoder_graph(made, Head(project), bands=3, input_px=SIDE) for _ in range(2))
    assert first == second


@pytest.fixture(scope="module")
def rings():
    contract = InputContract(
        BandSet.from_ids(["display:R", "display:G", "display:B"]), None, SIDE, SIDE, stretch="unit"
    )
    views = (pictures(n=20) + 0.01, pictures(n=20) * 1.01)
    return fit_ring_part(contract, pictures(n=20), np.random.default_rng(0), views=views)


@pytest.mark.parametrize("weight", [0.25, 2.0])
def test_a_hybrid_joins_both_vectors_of_the_same_input(rings, weight):
    made = network()
    project = projection(made.dimension, views=8)
    graph = encoder_graph(made, Head(project, rings, weight), bands=3, input_px=SIDE)
    both = np.concatenate([expected(made, project, pictures()), weight * rings.vectors(pictures())], axis=1)
    assert np.allclose(run(graph, pictures()), unit(both), atol=1e-5)


def test_a_hybrids_cosine_is_the_weighted_mean_of_its_parts(rings):
    made, weight = network(), 0.5
    project = projection(made.dimension, views=1)
    found = run(encoder_graph(made, Head(project, rings, weight), bands=3, input_px=SIDE), pictures())
    trunk, moduli = expected(made, project, pictures()), rings.vectors(pictures())
    mean = (trunk @ trunk.T + weight**2 * moduli @ moduli.T) / (1 + weight**2)
    assert np.allclose(found @ found.T, mean, atol=1e-5)


def test_a_removed_direction_is_gone_from_the_vector(rings):
    made = network()
    project = projection(made.dimension, views=1)
    direction = np.zeros(Head(project, rings, 1.0).dimension, dtype=np.float32)
    direction[[0, -1]] = np.sqrt(0.5)
    removal = np.eye(len(direction), dtype=np.float32) - np.outer(direction, direction)
    head = Head(project, rings, 1.0, removal)
    found = run(encoder_graph(made, head, bands=3, input_px=SIDE), pictures())
    assert np.allclose(found @ direction, 0, atol=1e-5)
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
