"""How a parsing child words what its readers raise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from service.sandbox_limits import MEMORY_BYTES
from survey.ingest import CutoutRejected

__all__ = ["guarded", "refusal"]

T = TypeVar("T")


def refusal(code: str, message: str) -> dict[str, Any]:
    """Return the answer that refuses."""
    return {"refusal": {"code": code, "message": message[:1000]}}


def guarded(work: Callable[[], T]) -> T | tuple[dict[str, Any], list[Any]]:
    """Return what ``work`` returns, or the answer that refuses for what it raised."""
    try:
        return work()
    except CutoutRejected as error:
        return refusal(error.code, str(error)), []
    except MemoryError:
        text = f"Reading it takes more than {MEMORY_BYTES // 2**20} MiB of memory. Send less: a cutout around the galaxy, a table of fewer columns."
        return refusal("upload.memory", text), []
    except Exception as error:  # noqa: BLE001 - parsers raise anything; the name of the class is for the log
        answer = refusal(
            "upload.unreadable", "The file cannot be read: it is damaged, or its header contradicts itself."
        )
        return {**answer, "cause": type(error).__name__}, []
