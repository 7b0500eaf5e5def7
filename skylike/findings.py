"""What `skylike doctor` and `skylike check` find, and how they say it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

__all__ = ["Finding", "complaint", "complaints", "note", "ok", "report"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    name
        What was looked at, for example ``disk``.
    state
        ``ok``; ``note``: worth knowing; ``complaint``: something will not work.
    found
        What is there, with the value and the limit.
    remedy
        The command that mends a complaint; empty otherwise.
    """

    name: str
    state: Literal["ok", "note", "complaint"]
    found: str
    remedy: str = ""

    def __post_init__(self) -> None:
        if (self.state == "complaint") != bool(self.remedy):
            raise ValueError(f"{self.name}: a complaint, and only a complaint, names its remedy")


def ok(name: str, found: str) -> Finding:
    """Return a finding without reproach."""
    return Finding(name, "ok", found)


def note(name: str, found: str) -> Finding:
    """Return a finding worth knowing."""
    return Finding(name, "note", found)


def complaint(name: str, found: str, remedy: str) -> Finding:
    """Return a finding that must be mended, with the command that does it."""
    return Finding(name, "complaint", found, remedy)


def complaints(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings that must be mended."""
    return [f for f in findings if f.state == "complaint"]


def report(findings: Iterable[Finding]) -> dict[str, Any]:
    """Return findings as plain JSON values: ``ok`` and the list."""
    listed = list(findings)
    return {"ok": not complaints(listed), "findings": [asdict(f) for f in listed]}
