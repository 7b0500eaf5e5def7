"""Graphs opened for inference on this CPU."""

from __future__ import annotations

from pathlib import Path

from index.runtime import onnxruntime
from survey.manifests import CorruptFolder

__all__ = ["GoldenMismatch", "open_session"]


class GoldenMismatch(RuntimeError):
    """The golden objects come out otherwise than the model card's machine gave them."""


def open_session(graph: Path, threads: int) -> onnxruntime.InferenceSession:
    """Open an ONNX graph.

    Parameters
    ----------
    threads
        Threads inside one call; 0 takes every core.

    Raises
    ------
    CorruptFolder
        If ONNX Runtime cannot read it.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Idle workers that spin would take the cores from the search threads between two requests.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(graph.read_bytes(), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises a family of private classes straight under Exception.
        raise CorruptFolder(
            f"{graph.parent.name}: {graph.name} is not a graph that ONNX Runtime {onnxruntime.__version__} reads"
        ) from error
