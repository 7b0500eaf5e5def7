"""The plain MoCo that ours is timed against does the same work."""

import sys
from copy import deepcopy
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="torch is in the extra [train]")

from torch import nn  # noqa: E402

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from plain_moco import PlainMoCo, plain_view  # noqa: E402

from training.methods.moco import MoCo, MoCoSettings  # noqa: E402


def test_one_step_of_ours_without_groups_is_one_of_the_plain_one():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 4))
    settings = MoCoSettings(queue_size=12, momentum=0.9, temperature=0.2, projection=4, groups=1)
    ours = MoCo(deepcopy(network), nn.Identity(), settings, torch.Generator().manual_seed(1))
    plain = PlainMoCo(deepcopy(network), dimension=4, queue_size=12, momentum=0.9, temperature=0.2)
    plain.queue.copy_(ours.queue[0].T)
    queries, keys = torch.randn(2, 6, 3, 2, 2).unbind()
    optimisers = [
        torch.optim.SGD(encoder.parameters(), lr=0.1) for encoder in (ours.query_encoder, plain.encoder_q)
    ]
    for _ in range(3):
        loss, _, new_keys = ours(queries, keys)
        optimisers[0].zero_grad()
        loss.backward()
        optimisers[0].step()
        ours.after_step(new_keys)
        told = plain.step(optimisers[1], queries, keys)
        assert float(loss.detach()) == pytest.approx(float(told.detach()), rel=1e-4)
    assert torch.allclose(ours.queue[0], plain.queue.T, atol=1e-5)
    for mine, other in zip(ours.momentum_encoder.parameters(), plain.encoder_k.parameters(), strict=True):
        assert torch.allclose(mine, other, atol=1e-5)


def test_a_plain_view_is_a_picture_of_the_networks_size():
    view = plain_view(torch.randint(0, 256, (5, 3, 24, 24), dtype=torch.uint8), 16)
    assert view.shape == (5, 3, 16, 16)
    assert 0 <= float(view.min()) <= float(view.max()) <= 1
