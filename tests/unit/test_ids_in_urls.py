"""What a URL does to an id is told."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from service.resources import Resources
from survey.archive import UnknownObject


def row_of(object_id):
    if object_id != "J0943+1034":
        raise UnknownObject(object_id)


@pytest.mark.parametrize(
    ("sent", "is_told"), [("J0943 1034", True), ("J0943 9999", False), ("J0943-1034", False)]
)
def test_a_plus_that_became_a_space_is_told_of(sent, is_told):
    resources = Resources(SimpleNamespace(), {"demo": SimpleNamespace(row_of=row_of)}, {}, {}, "demo")
    refused = str(resources.not_found(sent, "demo"))
    assert refused.startswith(f"Survey demo has no object {sent!r}.")
    assert ("It has 'J0943+1034': in a URL's query + is a space; write it as %2B." in refused) == is_told
