"""The networks have torchvision's parameters, the published sizes, and the maps that their stems promise."""

import pytest

torch = pytest.importorskip("torch", reason="torch is in the extra [train]")

from training.models.resnet import DEPTHS, STEMS, ResNet  # noqa: E402


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


# He et al. 2016 as torchvision counts them (11,689,512 and 25,557,032), less the classifier of 1,000 classes.
@pytest.mark.parametrize(("depth", "count"), [(18, 11_689_512 - 513_000), (50, 25_557_032 - 2_049_000)])
def test_the_paper_counts_the_same_weights(depth, count):
    assert parameters(ResNet(depth=depth, bands=3, stem="imagenet")) == count


@pytest.mark.parametrize("depth", DEPTHS)
def test_parameters_have_torchvisions_names_and_shapes(depth):
    torchvision = pytest.importorskip(
        "torchvision", reason="torchvision is not installed: its names cannot be compared"
    )
    theirs = getattr(torchvision.models, f"resnet{depth}")().state_dict()
    ours = ResNet(depth=depth, bands=3, stem="imagenet").state_dict()
    assert {name: tuple(value.shape) for name, value in ours.items()} == {
        name: tuple(value.shape) for name, value in theirs.items() if not name.startswith("fc.")
    }


def torchvision_shapes(depth):
    """Write torchvision's names down from table 1 of He et al.: where each block's convolutions lie, and their shapes."""
    shapes = {}

    def convolution(name, normalisation, outside, inside, side):
        shapes[f"{name}.weight"] = (outside, inside, side, side)
        for kind in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{normalisation}.{kind}"] = (outside,)
        shapes[f"{normalisation}.num_batches_tracked"] = ()

    convolution("conv1", "bn1", 64, 3, 7)
    inside = 64
    for stage, (n_blocks, planes) in enumerate(
        zip({18: (2, 2, 2, 2), 50: (3, 4, 6, 3)}[depth], (64, 128, 256, 512), strict=True), start=1
    ):
        for n in range(n_blocks):
            block = f"layer{stage}.{n}"
            outside, sides = (planes, (3, 3)) if depth == 18 else (4 * planes, (1, 3, 1))
            into = [inside, *[planes] * (len(sides) - 1)]
            out = [*[planes] * (len(sides) - 1), outside]
            for place, (a, b, side) in enumerate(zip(into, out, sides, strict=True), start=1):
                convolution(f"{block}.conv{place}", f"{block}.bn{place}", b, a, side)
            if inside != outside:
                convolution(f"{block}.downsample.0", f"{block}.downsample.1", outside, inside, 1)
            inside = outside
    return shapes


@pytest.mark.parametrize("depth", DEPTHS)
def test_parameters_are_named_as_torchvision_names_them_where_it_is_not_installed(depth):
    ours = ResNet(depth=depth, bands=3, stem="imagenet").state_dict()
    assert {name: tuple(value.shape) for name, value in ours.items()} == torchvision_shapes(depth)


@pytest.mark.parametrize(("stem", "side"), [("imagenet", 2), ("middle", 4), ("compact", 8), ("hayat", 8)])
def test_a_stem_leaves_the_map_that_its_strides_give(stem, side):
    assert stem in STEMS
    network = ResNet(depth=18, bands=5, stem=stem, width=8)
    seen = []
    network.layer4.register_forward_hook(lambda _module, _inputs, output: seen.append(tuple(output.shape)))
    network(torch.zeros(2, 5, 64, 64))
    assert seen == [(2, 64, side, side)]


@pytest.mark.parametrize("depth", DEPTHS)
def test_the_vector_has_the_stated_length(depth):
    network = ResNet(depth=depth, bands=2, width=8).eval()
    assert network(torch.zeros(3, 2, 32, 32)).shape == (3, network.dimension)
    assert ResNet(depth=depth, bands=2).dimension == {18: 512, 50: 2048}[depth]
