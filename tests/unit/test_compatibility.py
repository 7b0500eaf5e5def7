from __future__ import annotations

from copy import deepcopy

import pytest

from service.compatibility import breaking_changes

OLD = {
    "paths": {
        "/a": {
            "get": {
                "parameters": [
                    {"in": "query", "name": "k", "schema": {"type": "integer", "maximum": 10}},
                    {"in": "query", "name": "f", "schema": {"type": "string", "enum": ["png", "fits"]}},
                ],
                "responses": {
                    "200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/A"}}}}
                },
            },
            "post": {
                "requestBody": {
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object",
                                "properties": {"ids": {"type": "array"}},
                                "required": [],
                            }
                        },
                        "text/csv": {"schema": {"type": "string"}},
                    }
                },
                "responses": {"200": {}, "422": {}},
            },
        }
    },
    "components": {
        "schemas": {
            "A": {
                "type": "object",
                "properties": {
                    "n": {"type": "integer"},
                    "list": {"type": "array", "items": {"$ref": "#/components/schemas/B"}},
                },
                "required": ["n", "list"],
            },
            "B": {
                "type": "object",
                "properties": {"z": {"anyOf": [{"type": "number"}, {"type": "null"}]}},
                "required": ["z"],
            },
        }
    },
}


def changed(edit) -> list[str]:
    new = deepcopy(OLD)
    edit(new, new["paths"]["/a"]["get"], new["paths"]["/a"]["post"], new["components"]["schemas"])
    return breaking_changes(OLD, new)


BREAKS = {
    "path": (lambda new, get, post, s: new["paths"].clear(), "GET /a is gone"),
    "method": (lambda new, get, post, s: new["paths"]["/a"].pop("post"), "POST /a is gone"),
    "parameter": (lambda new, get, post, s: get["parameters"].pop(0), "parameter k is gone"),
    "bound": (lambda new, get, post, s: get["parameters"][0]["schema"].update(maximum=9), "narrower maximum"),
    "lower bound": (
        lambda new, get, post, s: get["parameters"][0]["schema"].update(minimum=1),
        "narrower minimum",
    ),
    "type": (
        lambda new, get, post, s: get["parameters"][0]["schema"].update(type="boolean"),
        "takes no integer",
    ),
    "enum": (lambda new, get, post, s: get["parameters"][1]["schema"]["enum"].pop(), "takes fewer values"),
    "required parameter": (
        lambda new, get, post, s: get["parameters"].append(
            {"in": "query", "name": "x", "required": True, "schema": {}}
        ),
        "parameter x became required",
    ),
    "body": (
        lambda new, get, post, s: post["requestBody"]["content"].pop("text/csv"),
        "body text/csv is no longer taken",
    ),
    "body field": (
        lambda new, get, post, s: post["requestBody"]["content"]["application/json"]["schema"][
            "properties"
        ].clear(),
        "field ids is gone",
    ),
    "required body field": (
        lambda new, get, post, s: post["requestBody"]["content"]["application/json"]["schema"][
            "required"
        ].append("ids"),
        "field ids became required",
    ),
    "status": (lambda new, get, post, s: post["responses"].pop("422"), "answer 422 is gone"),
    "answer type": (
        lambda new, get, post, s: get["responses"]["200"]["content"].clear(),
        "no longer application/json",
    ),
    "field": (lambda new, get, post, s: s["A"]["properties"].pop("n"), "field n is gone"),
    "nested field": (lambda new, get, post, s: s["B"]["properties"].pop("z"), ".list[]: field z is gone"),
    "maybe missing": (lambda new, get, post, s: s["A"]["required"].remove("n"), "field n may now be missing"),
    "nullable": (
        lambda new, get, post, s: s["A"]["properties"].update(
            n={"anyOf": [{"type": "integer"}, {"type": "null"}]}
        ),
        ".n may now be null",
    ),
}
KEEPS = {
    "nothing": lambda new, get, post, s: None,
    "a path": lambda new, get, post, s: new["paths"].update({"/b": {"get": {"responses": {}}}}),
    "an optional parameter": lambda new, get, post, s: get["parameters"].append(
        {"in": "query", "name": "x", "schema": {}}
    ),
    "a field": lambda new, get, post, s: s["A"]["properties"].update(more={"type": "string"}),
    "a wider bound": lambda new, get, post, s: get["parameters"][0]["schema"].update(maximum=11),
    "a value": lambda new, get, post, s: get["parameters"][1]["schema"]["enum"].append("webp"),
    "a status": lambda new, get, post, s: get["responses"].update({"503": {}}),
    "a surer field": lambda new, get, post, s: s["B"]["properties"].update(z={"type": "number"}),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_breaking_change_is_told_in_one_sentence(name):
    edit, sentence = BREAKS[name]
    found = changed(edit)
    assert any(sentence in one for one in found), found


@pytest.mark.parametrize("name", KEEPS)
def test_an_addition_breaks_nothing(name):
    assert changed(KEEPS[name]) == []
