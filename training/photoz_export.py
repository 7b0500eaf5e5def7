"""A photo-z network as one ONNX graph: images to logits, magnitudes and features."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from training.export import write_backbone, write_orbit
from training.graph_writer import GraphWriter
from training.models.photoz import PhotozHead, PhotozNetwork

__all__ = ["OUTPUTS", "photoz_graph"]

OUTPUTS = ("logits", "photometry", "features")
_TINY = 1e-12


def photoz_graph(network: PhotozNetwork, *, bands: int, input_px: int, n_bins: int, views: int = 1) -> bytes:
    """Return the graph from ``images`` (N, C, S, S) to ``logits`` (N, B), ``photometry`` (N, P) and ``features`` (N, F).

    Parameters
    ----------
    views
        1, or 8: the logits are then of the mean probability over quarter turns and reflections; magnitudes and features
        are the image's own.

    Raises
    ------
    ValueError
        If the network lacks apertures, which calibration goes by, or reads E(B-V), which a graph is not given.
    """
    apertures = network.apertures
    if apertures is None:
        raise ValueError("a photo-z model needs head.apertures: calibration is by magnitude and colour")
    if network.has_ebv:
        raise ValueError(
            "a photo-z model that reads E(B-V) cannot be exported: its input is de-reddened already"
        )
    network = network.cpu().eval()
    graph = GraphWriter()
    photometry = apertures.write(graph, "images")
    n = network.n_photometry
    centred = graph.add("Sub", photometry, _constant(graph, network.centre[:n]))
    parts = [graph.add("MatMul", centred, _constant(graph, network.mixing))]
    if network.trunk is not None:
        seen = graph.add("Concat", *write_orbit(graph, "images"), axis=0) if views == 8 else "images"
        trunk = write_backbone(graph, network.trunk, seen)
        if views == 8:
            # The magnitudes do not change with the view.
            parts = [graph.add("Concat", *(parts * 8), axis=0)]
        centred = graph.add("Sub", trunk, _constant(graph, network.centre[n:]))
        parts.append(graph.add("Div", centred, _constant(graph, network.spread)))
    standardised = graph.add("Concat", *parts, axis=1)
    logits = _head(graph, network.head, standardised)
    if views == 8 and network.trunk is not None:
        split = graph.constant(np.array([8, -1, n_bins], dtype=np.int64))
        shares = graph.add("Reshape", graph.add("LogSoftmax", logits, axis=1), split)
        logits = graph.add("ReduceLogSumExp", shares, _integers(graph, 0), keepdims=0)
        split = graph.constant(np.array([8, -1, len(network.centre)], dtype=np.int64))
        first = graph.add("Gather", graph.add("Reshape", standardised, split), _integers(graph, 0), axis=0)
        standardised = graph.add("Squeeze", first, _integers(graph, 0))
    for made, name in zip((logits, photometry, standardised), OUTPUTS, strict=True):
        graph.add("Identity", made, output=name)
    lengths = (n_bins, apertures.n, len(network.centre))
    return graph.finished(
        images=(bands, input_px, input_px), outputs=dict(zip(OUTPUTS, lengths, strict=True))
    )


def _head(graph: GraphWriter, head: PhotozHead, features: str) -> str:
    made = features
    for layer in head.layers:
        if isinstance(layer, nn.Linear):
            made = graph.add(
                "Add",
                graph.add("MatMul", made, _constant(graph, layer.weight.T)),
                _constant(graph, layer.bias),
            )
        elif isinstance(layer, nn.SiLU):
            made = graph.add("Mul", made, graph.add("Sigmoid", made))
    return made if head.kind == "bins" else _mixture(graph, head, made)


def _mixture(graph: GraphWriter, head: PhotozHead, numbers: str) -> str:
    """Write what :meth:`training.models.photoz.PhotozHead.forward` does with the numbers of a mixture."""
    k = head.components

    def part(n: int) -> str:
        limits = (_integers(graph, n * k), _integers(graph, (n + 1) * k), _integers(graph, 1))
        return graph.add("Slice", numbers, *limits)

    def number(value: float) -> str:
        return _constant(graph, torch.tensor(value))

    mean = graph.add("Add", part(1), _constant(graph, head.starts))
    mean = graph.add("Mul", graph.add("Sigmoid", mean), number(head.z_max))
    width = graph.add(
        "Add", graph.add("Mul", graph.add("Softplus", part(2)), number(head.WIDTH)), number(head.LEAST_WIDTH)
    )
    mean, width = (graph.add("Unsqueeze", made, _integers(graph, 2)) for made in (mean, width))
    scaled = graph.add(
        "Div",
        graph.add("Sub", _constant(graph, head.edges), mean),
        graph.add("Mul", width, number(math.sqrt(2))),
    )
    below = graph.add("Erf", scaled)
    upper = graph.add(
        "Slice", below, _integers(graph, 1), _integers(graph, len(head.edges)), _integers(graph, 2)
    )
    lower = graph.add(
        "Slice", below, _integers(graph, 0), _integers(graph, len(head.edges) - 1), _integers(graph, 2)
    )
    share = graph.add("Mul", graph.add("Sub", upper, lower), number(0.5))
    weight = graph.add("Unsqueeze", graph.add("Softmax", part(0), axis=1), _integers(graph, 2))
    mixed = graph.add("ReduceSum", graph.add("Mul", weight, share), _integers(graph, 1), keepdims=0)
    return graph.add("Log", graph.add("Add", mixed, number(_TINY)))


def _constant(graph: GraphWriter, value: Tensor) -> str:
    return graph.constant(value.detach().numpy().astype(np.float32))


def _integers(graph: GraphWriter, *values: int) -> str:
    return graph.constant(np.array(values, dtype=np.int64))
