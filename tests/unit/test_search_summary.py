"""The page says in one line how far its list can be trusted."""

from __future__ import annotations

import pytest

from service.web.pages import search_summary

_EXACT = {
    "exact": True,
    "recall": 1.0,
    "strategy": "graph",
    "filters": {},
    "n_searched": 999,
    "n_total": 1000,
    "metric": "cosine",
}


@pytest.mark.parametrize(
    ("search", "text"),
    [
        (
            _EXACT,
            "10 nearest of 999 by cosine similarity, exact search, computed when the release was built.",
        ),
        (
            {**_EXACT, "strategy": "subset", "n_searched": 40, "filters": {"z_spec": [0.1, None]}},
            "10 nearest of 40 (of 1,000) by cosine similarity, exact search, z_spec in 0.1 … any.",
        ),
        (
            {**_EXACT, "exact": False, "recall": 0.9876, "strategy": "ivf"},
            "10 nearest of 999 by cosine similarity, approximate search, measured recall@10 0.988.",
        ),
        (
            {**_EXACT, "exact": False, "recall": None, "strategy": "ivf"},
            "10 nearest of 999 by cosine similarity, approximate search, recall not measured with these filters.",
        ),
    ],
)
def test_the_line_says_how_many_were_searched_how_and_what_it_finds(search, text):
    assert search_summary(search, 10) == text
