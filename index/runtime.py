"""ONNX Runtime as everything here imports it: without its telemetry."""

from __future__ import annotations

import os

# From 1.31 on its Linux wheels report to their maker's servers from the moment of the import, and write an identifier
# into the temporary folder; only this variable, set before, prevents it (`disable_telemetry_events()` comes too late).
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime

__all__ = ["onnxruntime"]
