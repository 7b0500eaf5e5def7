"""Rows that an update withdrew are no neighbours, and no id leads to them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from index.columns import Columns, write_columns
from index.neighbours import NeighbourGraph, build_graph
from index.vectors.exact import ExactStore
from survey.archive import UnknownObject

N, DEAD = 40, 7


@pytest.fixture(scope="module")
def store():
    vectors = np.random.default_rng(3).normal(size=(N, 5)).astype(np.float32)
    return ExactStore(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


@pytest.fixture(scope="module")
def graph(store):
    """The exact graph with one row taken out of every list, as an update leaves it."""
    whole = build_graph(store, 12)
    rows = np.tile(np.arange(N, dtype=np.int32)[:, None], (1, 12))
    similarity = np.full(rows.shape, -1, np.float32)
    lengths = np.zeros(N, np.int32)
    for row in set(range(N)) - {DEAD}:
        kept = whole.rows[row] != DEAD
        lengths[row] = kept.sum()
        rows[row, : lengths[row]] = whole.rows[row][kept]
        similarity[row, : lengths[row]] = whole.similarity[row][kept]
    return NeighbourGraph(rows, similarity, lengths)


def test_a_list_ends_where_its_neighbours_end(graph):
    short = int(np.flatnonzero(graph.lengths == 11)[0])
    rows, similarity = graph.of(short, 12)
    assert len(rows) == len(similarity) == 11
    assert short not in rows.tolist()
    assert graph.knows(short, 11)
    assert not graph.knows(np.array([short]), 12)


def test_a_short_list_is_whole_where_there_are_no_more_others(graph):
    few = NeighbourGraph(
        np.array([[1], [0], [2]], np.int32),
        np.array([[0.5], [0.5], [-1]], np.float32),
        np.array([1, 1, 0], np.int32),
    )
    assert few.knows(0, 100)


def test_lengths_come_back_from_the_folder(graph, tmp_path):
    graph.save(tmp_path)
    again = NeighbourGraph.open(tmp_path)
    assert np.array_equal(again.lengths, graph.lengths)


def test_an_id_leads_to_its_living_row_alone(tmp_path):
    path = tmp_path / "columns.arrow"
    write_columns(pa.table({"object_id": ["a", "b", "c", "b"]}), path)
    columns = Columns(path, alive=np.array([False, False, True, True]))
    assert columns.row_of("b") == 3
    assert columns.row_of("c") == 2
    with pytest.raises(UnknownObject, match="no object 'a'"):
        columns.row_of("a")
