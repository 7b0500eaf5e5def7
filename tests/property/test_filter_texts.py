"""Whatever stands in a filter, it is a selection or a refusal."""

from __future__ import annotations

import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st

from index.selection import RESERVED, Selection
from service.operations.refusals import InvalidFilter
from service.selection_json import parse_filters
from service.selection_parameters import selection_of

_number = st.integers() | st.floats() | st.floats(-360, 360)
_json = st.recursive(
    st.none()
    | st.booleans()
    | _number
    | st.text(max_size=20)
    | st.sampled_from(["position", "pdf_edge", "3/1"]),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
_bodies = st.dictionaries(st.sampled_from([*sorted(RESERVED), "z_spec", ""]), _json, max_size=5)
_words = st.text(max_size=30) | st.lists(_number | st.text("-+.0123456789e,/: ", max_size=8), max_size=8).map(
    lambda values: ",".join(map(str, values))
)


@settings(derandomize=True, deadline=None, max_examples=150)
@given(_bodies)
def test_a_body_is_a_selection_or_refused(body):
    with contextlib.suppress(InvalidFilter):
        selection = parse_filters(body)
        assert parse_filters(selection.to_json()) == selection
        assert isinstance(selection.key, bytes)


@settings(derandomize=True, deadline=None, max_examples=150)
@given(
    st.dictionaries(st.sampled_from(["cone", "box", "polygon", "moc", "flags_none", "flags_any"]), _words),
    st.lists(_words, max_size=3),
    st.lists(st.text(), max_size=3),
)
def test_a_query_is_a_selection_or_refused(texts, where, names):
    with contextlib.suppress(InvalidFilter):
        selection = selection_of(**texts, where=where, label=names, exclude=names)
        assert isinstance(selection, Selection)
        assert parse_filters(selection.to_json()) == selection
