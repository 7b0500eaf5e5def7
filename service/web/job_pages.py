"""What the page of a job shows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from service.web.pages import served_context

if TYPE_CHECKING:
    from service.resources import Resources

__all__ = ["job_page"]

_RUNNING = ("QUEUED", "EXECUTING")


def job_page(resources: Resources, told: Mapping[str, Any]) -> dict[str, Any]:
    """Return the page of a job; ``told`` is the API's own answer."""
    done, phase = told["progress"], told["phase"]
    result = next(iter(told["results"]), None)
    return {
        **served_context(resources),
        "job_id": told["job_id"],
        "kind": told["kind"],
        "format": told["format"],
        "phase": phase,
        "is_running": phase in _RUNNING,
        "release_id": told["parameters"].get("release", ""),
        "rows_total": f"{done['rows_total']:,}",
        "n_rows": max(done["rows_total"], 1),
        "n_done": done["rows_done"],
        "progress": _progress(done, phase),
        "error": told["error"],
        "result": result,
        "size": "" if result is None else _size(result["n_bytes"]),
        "whose": "Its address opens it: keep it to yourself."
        if told["owner"] is None
        else f"It is {told['owner']}'s.",
        "made": _moment(told["created_at"]),
        "ended": _moment(told["ended_at"]),
        "expires": _moment(told["expires_at"]),
        "href": told["href"],
        "actions": _actions(phase),
    }


def _actions(phase: str) -> list[tuple[str, str]]:
    if phase in _RUNNING:
        return [("abort", "Cancel")]
    again = [("start", "Go on")] if phase in {"ERROR", "ABORTED"} else []
    first = [("start", "Start")] if phase == "PENDING" else []
    return [*first, *again, ("delete", "Delete")]


def _progress(done: Mapping[str, Any], phase: str) -> str:
    text = f"{done['rows_done']:,} of {done['rows_total']:,} rows"
    if phase == "EXECUTING" and done["rows_done"] == done["rows_total"]:
        return f"{text}; the answer is being written"
    if done["eta_s"] is not None:
        return f"{text}, {done['rows_per_s']:,.0f} rows/s, about {_duration(done['eta_s'])} left"
    return text


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _moment(text: str | None) -> str:
    return "" if text is None else datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M UTC")


def _size(n_bytes: int) -> str:
    return f"{n_bytes / (1 << 10):.0f} KiB" if n_bytes < 1 << 20 else f"{n_bytes / (1 << 20):.1f} MiB"
