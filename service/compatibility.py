"""What a client written against one OpenAPI document would miss in another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["breaking_changes"]

_METHODS = ("get", "put", "post", "delete", "patch")
_DEEPEST = 8

Schema = Mapping[str, Any]


def breaking_changes(old: Schema, new: Schema) -> list[str]:
    """Return the changes that break clients, one sentence each.

    Removed paths, methods, parameters, statuses, content types and answer fields break; so do parameters
    and body fields that become required, narrower enumerations and bounds, and changed types.
    """
    return list(_Comparison(old, new).run())


class _Comparison:
    """Two documents, compared operation by operation."""

    def __init__(self, old: Schema, new: Schema) -> None:
        self.old, self.new = old, new

    def run(self) -> Iterator[str]:
        for path, item in self.old["paths"].items():
            for method in (m for m in _METHODS if m in item):
                name = f"{method.upper()} {path}"
                other = self.new["paths"].get(path, {}).get(method)
                if other is None:
                    yield f"{name} is gone"
                    continue
                yield from self._parameters(name, item[method], other)
                yield from self._bodies(name, item[method], other)
                yield from self._answers(name, item[method], other)

    def _parameters(self, name: str, old: Schema, new: Schema) -> Iterator[str]:
        before = {(p["in"], p["name"]): p for p in old.get("parameters", ())}
        after = {(p["in"], p["name"]): p for p in new.get("parameters", ())}
        for key, parameter in before.items():
            if key not in after:
                yield f"{name}: parameter {key[1]} is gone"
            else:
                yield from _narrowed(f"{name}: parameter {key[1]}", parameter["schema"], after[key]["schema"])
        for key, parameter in after.items():
            if parameter.get("required") and not before.get(key, {}).get("required"):
                yield f"{name}: parameter {key[1]} became required"

    def _bodies(self, name: str, old: Schema, new: Schema) -> Iterator[str]:
        taken = new.get("requestBody", {}).get("content", {})
        for kind, media in old.get("requestBody", {}).get("content", {}).items():
            where = f"{name}: body {kind}"
            if kind not in taken:
                yield f"{where} is no longer taken"
                continue
            before, after = _resolved(media["schema"], self.old), _resolved(taken[kind]["schema"], self.new)
            for field in sorted(set(before.get("properties", {})) - set(after.get("properties", {}))):
                yield f"{where}: field {field} is gone"
            for field in sorted(set(after.get("required", ())) - set(before.get("required", ()))):
                yield f"{where}: field {field} became required"

    def _answers(self, name: str, old: Schema, new: Schema) -> Iterator[str]:
        for status, reply in old["responses"].items():
            if status not in new["responses"]:
                yield f"{name}: answer {status} is gone"
                continue
            for kind, media in reply.get("content", {}).items():
                other = new["responses"][status].get("content", {}).get(kind)
                if other is None:
                    yield f"{name}: answer {status} is no longer {kind}"
                else:
                    yield from self._fields(
                        f"{name}: {status}", media.get("schema", {}), other.get("schema", {})
                    )

    def _fields(self, where: str, old: Schema, new: Schema, depth: int = 0) -> Iterator[str]:
        old, new = _resolved(old, self.old), _resolved(new, self.new)
        more = _types(new) - _types(old)
        if more and _types(old):
            yield f"{where} may now be {', '.join(sorted(more))}"
        if depth > _DEEPEST:
            return
        for field, schema in old.get("properties", {}).items():
            other = new.get("properties", {}).get(field)
            if other is None:
                yield f"{where}: field {field} is gone"
                continue
            if field in old.get("required", ()) and field not in new.get("required", ()):
                yield f"{where}: field {field} may now be missing"
            yield from self._fields(f"{where}.{field}", schema, other, depth + 1)
        if "items" in old and "items" in new:
            yield from self._fields(f"{where}[]", old["items"], new["items"], depth + 1)


def _narrowed(where: str, old: Schema, new: Schema) -> Iterator[str]:
    fewer = _types(old) - _types(new)
    if fewer:
        yield f"{where} takes no {', '.join(sorted(fewer))} any more"
    for before, after in zip(_branches(old), _branches(new), strict=False):
        gone = set(map(str, before.get("enum", ()))) - set(map(str, after.get("enum", ())))
        if "enum" in after and (gone or "enum" not in before):
            yield f"{where} takes fewer values"
        for limit, sign in (
            ("maximum", -1),
            ("exclusiveMaximum", -1),
            ("minimum", 1),
            ("exclusiveMinimum", 1),
        ):
            if limit in after and (limit not in before or (after[limit] - before[limit]) * sign > 0):
                yield f"{where} has a narrower {limit}"


def _branches(schema: Schema) -> list[Any]:
    return [branch for branch in schema.get("anyOf", [schema]) if branch.get("type") != "null"]


def _types(schema: Schema) -> set[str]:
    branches = schema.get("anyOf", [schema])
    return {str(branch["type"]) for branch in branches if isinstance(branch.get("type"), str)}


def _resolved(schema: Schema, document: Schema) -> Schema:
    """Follow a reference, also that of ``X | null``."""
    references = [branch for branch in schema.get("anyOf", [schema]) if "$ref" in branch]
    if len(references) != 1:
        return schema
    target: Schema = document["components"]["schemas"][references[0]["$ref"].rsplit("/", 1)[1]]
    nullable = [branch for branch in schema.get("anyOf", ()) if branch.get("type") == "null"]
    return {**target, "anyOf": [{"type": "object"}, *nullable]} if nullable else target
