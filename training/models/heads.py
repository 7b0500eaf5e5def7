"""What stands on a backbone while it is trained, and is dropped afterwards."""

from __future__ import annotations

from torch import nn

__all__ = ["projection_head"]


def projection_head(inside: int, outside: int = 128, *, hidden: int | None = None) -> nn.Sequential:
    """Return the two-layer perceptron of MoCo v2.

    Parameters
    ----------
    inside, outside
        Length of the backbone's vector and of the projection.
    hidden
        Length of the layer between; as long as the backbone's vector by default.

    References
    ----------
    Chen, Fan, Girshick & He 2020, arXiv:2003.04297, section 3.
    """
    middle = inside if hidden is None else hidden
    return nn.Sequential(nn.Linear(inside, middle), nn.ReLU(inplace=True), nn.Linear(middle, outside))
