"""MoCo's queue, momentum and loss, and the normalisation that must not give the positive away."""

import math

import pytest

torch = pytest.importorskip("torch", reason="torch is in the extra [train]")

from torch import nn  # noqa: E402

from training.methods.moco import MoCo, MoCoSettings, encode_in_groups  # noqa: E402


@pytest.fixture(autouse=True)
def one_thread():
    """Tiny sums are slower on several threads than on one, most of all beside other tests."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def method(*, groups=1, queue_size=12, momentum=0.9, temperature=0.5, backbone=None, projection=4):
    generator = torch.Generator().manual_seed(1)
    torch.manual_seed(0)
    settings = MoCoSettings(queue_size, momentum, temperature, projection, groups)
    network = backbone or nn.Sequential(nn.Flatten(), nn.Linear(4, 4))
    return MoCo(network, nn.Identity(), settings, generator)


def views(n=4, seed=3):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, 1, 2, 2, generator=generator), torch.randn(n, 1, 2, 2, generator=generator)


def test_the_queue_is_first_in_first_out():
    moco = method(queue_size=6)
    keys = [torch.full((2, 4), float(n)) for n in range(4)]
    for new in keys:
        moco.after_step(new)
    # Three pairs fit: the fourth took the place of the first.
    assert moco.queue[0, :, 0].tolist() == [3, 3, 1, 1, 2, 2]


def test_each_source_has_a_queue_of_its_own():
    generator = torch.Generator().manual_seed(1)
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 4))
    moco = MoCo(network, nn.Identity(), MoCoSettings(8, projection=4, groups=1), generator, sources=2)
    before = moco.queue.clone()
    moco.after_step(torch.ones(4, 4), source=1)
    assert torch.equal(moco.queue[0], before[0])
    assert moco.oldest.tolist() == [0, 4]
    queries, keys = views()
    losses = [float(moco(queries, keys, source)[0].detach()) for source in (0, 1)]
    assert losses[0] != losses[1]


def test_the_momentum_encoder_follows_by_its_share():
    moco = method(momentum=0.75)
    with torch.no_grad():
        moco.query_encoder[0][1].weight.add_(1.0)
    before = moco.momentum_encoder[0][1].weight.clone()
    moco.after_step(torch.zeros(4, 4))
    assert torch.allclose(moco.momentum_encoder[0][1].weight, before + 0.25)


def test_the_loss_is_the_cross_entropy_of_the_positive_among_the_queue():
    moco = method(temperature=0.5)
    queries, keys = views()
    loss, _, _ = moco(queries, keys)
    unit = [nn.functional.normalize(moco.query_encoder(view), dim=1).detach() for view in (queries, keys)]
    losses = []
    for q, k in zip(*unit, strict=True):
        cosines = [float(q @ k), *(float(q @ other) for other in moco.queue[0])]
        weights = [math.exp(cosine / 0.5) for cosine in cosines]
        losses.append(-math.log(weights[0] / sum(weights)))
    assert float(loss.detach()) == pytest.approx(sum(losses) / len(losses), abs=1e-5)


def test_the_new_keys_are_the_batchs_own_in_order():
    moco = method(groups=2)
    queries, keys = views()
    _, _, new = moco(queries, keys)
    expected = nn.functional.normalize(moco.momentum_encoder(keys), dim=1)
    assert torch.allclose(new, expected, atol=1e-6)


def test_only_the_query_encoder_learns():
    moco = method()
    loss, trunk, _ = moco(*views())
    loss.backward()
    assert trunk.requires_grad
    assert all(parameter.grad is not None for parameter in moco.query_encoder.parameters())
    assert all(parameter.grad is None for parameter in moco.momentum_encoder.parameters())


def test_each_group_is_normalised_by_itself():
    normalise = nn.BatchNorm1d(3, affine=False)
    images = torch.randn(8, 3, generator=torch.Generator().manual_seed(0)) * 5 + 2
    for part in encode_in_groups(normalise, images, 4).chunk(4):
        assert part.mean(dim=0).abs().max() < 1e-5


def loss_without_galaxies(*, groups):
    """Train on pairs of different random images of one batch: nothing but the batch's statistics could match them."""
    side = 8
    pixelwise = nn.Sequential(
        nn.Flatten(),
        nn.BatchNorm1d(side**2, affine=False),
        nn.Unflatten(1, (1, side**2)),
        nn.Conv1d(1, 32, 1),
        nn.ReLU(),
        nn.Conv1d(32, 1, 1),
        nn.Flatten(),
    )
    moco = method(groups=groups, queue_size=128, temperature=0.1, backbone=pixelwise, projection=side**2)
    optimiser = torch.optim.Adam(moco.query_encoder.parameters(), lr=0.01)
    generator = torch.Generator().manual_seed(5)
    losses = []
    for _ in range(200):
        queries = torch.randint(0, 2, (16, 1, side, side), generator=generator).float()
        loss, _, new = moco(queries, queries.roll(4, dims=0))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        moco.after_step(new)
        losses.append(float(loss.detach()))
    return sum(losses[-50:]) / 50


def test_one_group_gives_the_positive_away_and_shuffled_groups_do_not():
    chance = math.log(1 + 128)
    assert loss_without_galaxies(groups=1) < 0.2 * chance
    assert loss_without_galaxies(groups=4) > 0.95 * chance


@pytest.mark.parametrize(
    ("settings", "batch", "n_train", "word"),
    [
        (MoCoSettings(queue_size=4096), 300, 100_000, "multiple"),
        (MoCoSettings(queue_size=4096), 256, 10_000, "quarter"),
        (MoCoSettings(queue_size=512, groups=3), 256, 10_000, "groups"),
        (MoCoSettings(queue_size=512, groups=256), 256, 10_000, "groups"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, batch, n_train, word):
    with pytest.raises(ValueError, match=word):
        settings.check(batch=batch, n_train=n_train)


def test_a_set_too_small_for_any_queue_of_such_batches_asks_for_smaller_ones():
    with pytest.raises(ValueError, match="take at most 100, and a batch that divides it"):
        MoCoSettings(queue_size=896).check(batch=128, n_train=400)


def test_settings_that_fit_pass():
    MoCoSettings(queue_size=2048).check(batch=256, n_train=8192)
