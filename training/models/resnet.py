"""ResNet-18 and ResNet-50 for any number of bands, with a choice of stem.

References
----------
He et al. 2016, CVPR, "Deep residual learning for image recognition", table 1. The stride of a bottleneck lies in its
3 x 3 convolution, as in torchvision (whose parameter names these networks share), not in the first 1 x 1 of the paper.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor, nn

__all__ = ["DEPTHS", "STEMS", "Depth", "ResNet", "Stem"]

Depth = Literal[18, 50]
Stem = Literal["imagenet", "middle", "compact", "hayat"]
DEPTHS: tuple[Depth, ...] = get_args(Depth)
STEMS: tuple[Stem, ...] = get_args(Stem)

# Side of the first convolution, its stride, and whether a max-pool of stride 2 follows.
#   imagenet: the paper's; 64 px end as a map of 2 x 2.
#   middle:   one halving; 64 px end as 4 x 4.
#   compact:  none (small-image ResNets); 64 px end as 8 x 8, at four times the cost of ``middle``.
#   hayat:    Hayat et al. 2021, ApJL 911, L33 (their released code): 7 x 7, stride 1, no pool.
_STEMS: dict[Stem, tuple[int, int, bool]] = {
    "imagenet": (7, 2, True),
    "middle": (3, 2, False),
    "compact": (3, 1, False),
    "hayat": (7, 1, False),
}
_STAGES: dict[Depth, tuple[int, int, int, int]] = {18: (2, 2, 2, 2), 50: (3, 4, 6, 3)}


class ResNet(nn.Module):
    """A residual network from images to one vector each.

    Parameters
    ----------
    depth
        18 (basic blocks) or 50 (bottlenecks).
    bands
        C, planes of an image.
    stem
        What the image meets first; see the module's table.
    width
        Channels of the first stage; the paper's is 64. The last stage has eight times as many.

    Attributes
    ----------
    dimension
        Length of the vector: 512 for depth 18 and 2048 for depth 50, at the paper's width.
    """

    def __init__(self, *, depth: Depth, bands: int, stem: Stem = "middle", width: int = 64) -> None:
        super().__init__()
        block = _Basic if depth == 18 else _Bottleneck
        side, stride, has_pool = _STEMS[stem]
        self.conv1 = nn.Conv2d(bands, width, side, stride=stride, padding=side // 2, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.pool = nn.MaxPool2d(3, stride=2, padding=1) if has_pool else nn.Identity()
        inside = width
        for stage, n_blocks in enumerate(_STAGES[depth]):
            planes = width << stage
            blocks: list[nn.Module] = []
            for n in range(n_blocks):
                blocks.append(block(inside, planes, stride=2 if stage and n == 0 else 1))
                inside = planes * block.expansion
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))
        self.dimension = inside
        _initialise(self)

    def forward(self, images: Tensor) -> Tensor:
        """Turn images (N, C, S, S) into vectors (N, ``dimension``): the mean over the last feature map."""
        features: Tensor = self.pool(torch.relu(self.bn1(self.conv1(images))))
        for stage in range(1, 5):
            features = self.get_submodule(f"layer{stage}")(features)
        return features.mean(dim=(2, 3))


class _Basic(nn.Module):
    """Two 3 x 3 convolutions and a way around them."""

    expansion = 1

    def __init__(self, inside: int, planes: int, *, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inside, planes, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = _shortcut(inside, planes, stride)

    def forward(self, features: Tensor) -> Tensor:
        around = features if self.downsample is None else self.downsample(features)
        through = torch.relu(self.bn1(self.conv1(features)))
        return torch.relu(self.bn2(self.conv2(through)) + around)


class _Bottleneck(nn.Module):
    """1 x 1, 3 x 3, 1 x 1, and a way around them."""

    expansion = 4

    def __init__(self, inside: int, planes: int, *, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inside, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, planes * self.expansion, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(planes * self.expansion)
        self.downsample = _shortcut(inside, planes * self.expansion, stride)

    def forward(self, features: Tensor) -> Tensor:
        around = features if self.downsample is None else self.downsample(features)
        through = torch.relu(self.bn1(self.conv1(features)))
        through = torch.relu(self.bn2(self.conv2(through)))
        return torch.relu(self.bn3(self.conv3(through)) + around)


def _shortcut(inside: int, outside: int, stride: int) -> nn.Module | None:
    """Bring the features to the block's output where their shapes differ; None where they do not."""
    if stride == 1 and inside == outside:
        return None
    return nn.Sequential(nn.Conv2d(inside, outside, 1, stride=stride, bias=False), nn.BatchNorm2d(outside))


def _initialise(network: nn.Module) -> None:
    """Draw weights as He et al. 2015 (ICCV, eq. 14, counting the outgoing connections) do for rectifiers."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
