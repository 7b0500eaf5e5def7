"""Integer graphs compute what the published scheme says."""

import numpy as np
import pytest
from onnx import TensorProto, helper, load_from_string, numpy_helper

from index.runtime import onnxruntime
from training.graph_writer import GraphWriter
from training.quantise import half_weights, quantised, run_graph, tensor_ranges

SIDE, BANDS, WIDE = 12, 3, 8


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).uniform(0, 1, size=(40, BANDS, SIDE, SIDE)).astype(np.float32)


def convolution(graph, features, inside, outside, rng):
    weight = (rng.normal(size=(outside, inside, 3, 3)) / np.sqrt(9 * inside)).astype(np.float32)
    bias = rng.normal(size=outside).astype(np.float32)
    constants = graph.constant(weight), graph.constant(bias)
    return graph.add("Conv", features, *constants, kernel_shape=[3, 3], pads=[1] * 4)


@pytest.fixture(scope="module")
def graph():
    """A stem with pooling, one residual block and a float part beside it."""
    rng, made = np.random.default_rng(1), GraphWriter()
    stem = made.add("Relu", convolution(made, "images", BANDS, WIDE, rng))
    pooled = made.add("MaxPool", stem, kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    through = made.add("Relu", convolution(made, pooled, WIDE, WIDE, rng))
    block = made.add("Relu", made.add("Add", convolution(made, through, WIDE, WIDE, rng), pooled))
    trunk = made.add("Flatten", made.add("GlobalAveragePool", block), axis=1)
    mean = made.add("Flatten", made.add("GlobalAveragePool", "images"), axis=1)
    beside = made.add("Add", mean, made.constant(np.ones(BANDS, dtype=np.float32)))
    made.normalised(made.add("Concat", trunk, beside, axis=1), output="embedding")
    return made.finished(images=(BANDS, SIDE, SIDE), outputs={"embedding": WIDE + BANDS})


def nodes(graph, kind):
    return [node for node in load_from_string(graph).graph.node if node.op_type == kind]


def constants(graph):
    return {c.name: numpy_helper.to_array(c) for c in load_from_string(graph).graph.initializer}


def test_integers_come_out_close_to_floats(graph, images):
    (exact,) = run_graph(graph, images)
    (found,) = run_graph(quantised(graph, tensor_ranges(graph, images)), images)
    # Eight bits: each tensor is off by up to 1/510 of its range, and three follow each other.
    assert np.sum(exact * found, axis=1).min() > 0.9995
    assert not np.array_equal(exact, found)


def test_convolutions_and_their_sums_run_in_integers(graph, images, tmp_path):
    made = quantised(graph, tensor_ranges(graph, images))
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    options.log_severity_level = 4
    onnxruntime.InferenceSession(made, options, providers=["CPUExecutionProvider"])
    kinds = [n.op_type for n in load_from_string((tmp_path / "optimised.onnx").read_bytes()).graph.node]
    assert (kinds.count("QLinearConv"), kinds.count("QLinearAdd"), kinds.count("Conv")) == (3, 1, 0)


def test_weights_have_a_scale_for_each_output_channel_and_seven_bits(graph, images):
    made = quantised(graph, tensor_ranges(graph, images))
    exact, stored = constants(graph), constants(made)
    for node in nodes(graph, "Conv"):
        name = node.input[1]
        whole, scale = stored[f"{name}_whole"], stored[f"{name}_scale"]
        # 2 * 255 * 64 fits into the 16 bits in which processors without VNNI add two products.
        assert whole.dtype == np.int8
        assert np.all(np.abs(whole).max(axis=(1, 2, 3)) == 64)
        back = whole * scale[:, None, None, None]
        assert np.all(np.abs(back - exact[name]) <= 0.5001 * scale[:, None, None, None])


def test_a_maximum_keeps_the_scale_of_what_it_is_taken_from(graph, images):
    stored = constants(quantised(graph, tensor_ranges(graph, images)))
    (pooling,) = nodes(graph, "MaxPool")
    source, made = pooling.input[0], pooling.output[0]
    assert stored[f"{source}_scale"] == stored[f"{made}_scale"]
    assert stored[f"{source}_zero"] == stored[f"{made}_zero"]


def test_what_follows_the_convolutions_stays_float(graph, images):
    made = quantised(graph, tensor_ranges(graph, images))
    exact = constants(graph)
    (beside,) = [n for n in nodes(graph, "Add") if set(n.input) & set(exact)]
    assert beside.output[0] in {n.output[0] for n in nodes(made, "Add")}


def test_zero_is_kept_exactly(graph):
    images = np.zeros((4, BANDS, SIDE, SIDE), dtype=np.float32)
    ranges = {name: (low - 0.3, high) for name, (low, high) in tensor_ranges(graph, images + 1).items()}
    made = quantised(graph, ranges)
    model = load_from_string(made)
    model.graph.output.append(helper.make_tensor_value_info("images_read", TensorProto.FLOAT, None))
    (read,) = run_graph(model.SerializeToString(), images, ["images_read"])
    assert not read.any()


def test_values_beyond_the_range_are_clipped(graph, images):
    ranges = tensor_ranges(graph, images)
    model = load_from_string(quantised(graph, {**ranges, "images": (0.0, 0.5)}))
    model.graph.output.append(helper.make_tensor_value_info("images_read", TensorProto.FLOAT, None))
    (read,) = run_graph(model.SerializeToString(), images, ["images_read"])
    assert np.allclose(read, np.minimum(images, 0.5), atol=0.5 / 255)


def test_half_precision_halves_the_weights_and_computes_in_single(graph, images):
    made = half_weights(graph)
    exact, stored = constants(graph), constants(made)
    for node in nodes(graph, "Conv"):
        assert np.array_equal(stored[f"{node.input[1]}_half"], exact[node.input[1]].astype(np.float16))
        assert node.input[1] not in stored
    # Eleven bits of the weights.
    assert np.allclose(run_graph(made, images)[0], run_graph(graph, images)[0], atol=2**-9)


def test_the_same_graph_and_ranges_give_the_same_bytes(graph, images):
    ranges = tensor_ranges(graph, images)
    assert quantised(graph, ranges) == quantised(graph, ranges)
