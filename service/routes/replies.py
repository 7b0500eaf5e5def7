"""Documented error answers, written once."""

from __future__ import annotations

from typing import Any

from service.problems import PROBLEMS
from service.schemas.base import ProblemBody
from service.schemas.labels import LabelRequest, LabelsRequest
from service.schemas.multi import MultiRequest
from service.schemas.neighbours import NeighboursBatchRequest
from service.schemas.photoz import BatchRequest
from service.schemas.session_files import SessionExport
from service.schemas.sessions import SessionChangeRequest, SessionRequest
from service.schemas.vectors import VectorsRequest

__all__ = ["COMMON", "SECURITY", "component_schemas", "problems"]


def problems(*slugs: str) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI ``responses`` of some problems; those of one status share an entry."""
    found: dict[int | str, dict[str, Any]] = {}
    for slug in slugs:
        problem = PROBLEMS[slug]
        example = {
            "type": f"/api/v1/problems#{slug}",
            "title": problem.title,
            "status": problem.status,
            "code": slug,
            "detail": problem.title,
            "request_id": "5b0c2f1d9a7e4c36",
        }
        entry = found.setdefault(
            problem.status,
            {"description": "", "content": {"application/problem+json": {"schema": _SCHEMA, "examples": {}}}},
        )
        entry["description"] = f"{entry['description']} `{slug}`: {problem.title}".strip()
        entry["content"]["application/problem+json"]["examples"][slug] = {"value": example}
    return found


_SCHEMA = {"$ref": f"#/components/schemas/{ProblemBody.__name__}"}

#: A key may be sent; whether one must be, the deployment decides (docs/operations.md).
SECURITY: dict[str, Any] = {"security": [{}, {"key": []}]}

#: What every path may answer.
COMMON = ("request.invalid", "request.unknown_parameter", "service.error")


_MODELS = (
    ProblemBody,
    BatchRequest,
    NeighboursBatchRequest,
    MultiRequest,
    VectorsRequest,
    LabelRequest,
    LabelsRequest,
    SessionRequest,
    SessionChangeRequest,
    SessionExport,
)


def component_schemas() -> dict[str, Any]:
    """Return the schemas that routes name by reference, since their handlers read or write them by hand."""
    found: dict[str, Any] = {}
    for model in _MODELS:
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        found |= schema.pop("$defs", {})
        found[model.__name__] = schema
    return found
