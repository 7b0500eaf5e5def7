"""Which index a catalogue gets: by size first, then by memory, refused before anything is built."""

from __future__ import annotations

import pytest

from index.vectors.factory import BudgetTooSmall, IndexRequest, UnusableRequest, choose_index
from index.vectors.memory import bytes_of

GB = 10**9
AMPLE = 20_000 * GB


def chosen(n, dimension_in, /, **request):
    return choose_index(n, dimension_in, IndexRequest(**{"memory": AMPLE, **request}))


@pytest.mark.parametrize(
    ("n", "kind", "factory"),
    [
        (60, "exact", "Flat"),
        (4_280, "exact", "Flat"),
        (1_000_000, "exact", "Flat"),
        (1_000_001, "ivf", "IVF4096,SQfp16"),
        (5_000_000, "ivf", "IVF16384,SQfp16"),
        (42_000_000, "ivf", "IVF65536_HNSW32,SQfp16"),
        (1_000_000_000, "ivf", "IVF131072_HNSW32,SQfp16"),
    ],
)
def test_exact_search_up_to_a_million_and_lists_above(n, kind, factory):
    choice = chosen(n, 128)
    assert (choice.kind, choice.factory) == (kind, factory)


def test_a_graph_comes_on_request_alone():
    assert chosen(10_000, 64, kind="hnsw").factory == "IDMap,HNSW32,SQfp16"


def test_small_catalogues_get_no_more_lists_than_their_vectors_can_train():
    choice = chosen(2000, 64, kind="ivf")
    assert choice.n_lists == 32
    assert choice.n_sample / choice.n_lists >= 39
    assert chosen(1, 64, kind="ivf").n_lists == 1


@pytest.mark.parametrize(
    ("dimension_in", "asked", "dimension"),
    [
        (48, None, 48),
        (256, None, 256),
        (257, None, 128),
        (2048, None, 128),
        (2048, 256, 256),
        (48, 32, 32),
        (2048, 2048, 2048),
    ],
)
def test_long_embeddings_are_projected_and_others_on_request(dimension_in, asked, dimension):
    assert chosen(1000, dimension_in, dimension=asked).dimension == dimension


def test_less_memory_takes_fewer_bytes_a_vector_until_none_fits():
    n = 42_000_000
    budget, found = chosen(n, 128).memory.building, []
    while not found or found[-1] != "refused":
        try:
            found.append(chosen(n, 128, memory=budget).factory.partition(",")[2])
        except BudgetTooSmall:
            found.append("refused")
        budget -= GB
    # By rising compression, each once it is needed.
    assert list(dict.fromkeys(found)) == ["SQfp16", "SQ8", "SQ4", "PQ64x4", "refused"]


def test_exact_search_takes_half_precision_where_single_does_not_fit():
    single, half = (chosen(1_000_000, 128, storage=storage).memory for storage in ("float32", "float16"))
    assert single.serving - half.serving == 256_000_000
    between = (single.building + half.building) // 2
    choice = chosen(1_000_000, 128, memory=between)
    assert (choice.kind, choice.storage) == ("exact", "float16")


def test_lists_leave_vectors_in_single_precision_where_that_fits():
    ample, half = (chosen(5_000_000, 128, storage=storage) for storage in (None, "float16"))
    assert (ample.storage, half.storage) == ("float32", "float16")
    scarce = chosen(5_000_000, 128, memory=max(half.memory.building, half.memory.serving))
    assert (scarce.storage, scarce.factory) == ("float16", ample.factory)


def test_a_refusal_names_what_is_needed_what_is_allowed_and_what_would_do():
    with pytest.raises(BudgetTooSmall, match=r"1000000 vectors of 128 .* 1\.0 GB are allowed") as refused:
        chosen(1_000_000, 128, memory=GB)
    remedy = int(str(refused.value).partition("--memory ")[2].partition("MB")[0])
    assert chosen(1_000_000, 128, memory=remedy * 10**6)


def test_estimates_are_the_bytes_of_the_published_table():
    # Bytes per vector of 128 dimensions in FAISS's own files: HNSW32,SQfp16 528, IVF,SQfp16 269, IVF,SQ8 141.
    for factory, kind, memory, expected in (
        ("IVF4096,SQfp16", "ivf", AMPLE, 269),
        ("IDMap,HNSW32,SQfp16", "hnsw", AMPLE, 528 + 8),
    ):
        n = 2_000_000
        choice = chosen(n, 128, kind=kind, memory=memory)
        assert choice.factory in {factory, "IVF8192,SQfp16"}
        others = chosen(n, 128, kind="exact", storage="float16").memory.serving - n * 256
        assert (choice.memory.serving - others) / n == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize(("n", "asked"), [(0, None), (10, 0), (10, 65)])
def test_an_index_that_cannot_be_is_refused(n, asked):
    with pytest.raises(UnusableRequest):
        chosen(n, 64, dimension=asked)


@pytest.mark.parametrize(
    ("text", "number"),
    [("8GB", 8 * GB), ("512 MB", 512_000_000), ("1.5tb", 1_500 * GB), ("300", 300), ("2kB", 2000)],
)
def test_memory_is_written_as_people_do(text, number):
    assert bytes_of(text) == number


@pytest.mark.parametrize("text", ["", "GB", "-1GB", "0", "8 gigabytes", "1e9", "0.1"])
def test_what_is_no_amount_of_memory_is_refused(text):
    with pytest.raises(ValueError, match="write 8GB or 512MB"):
        bytes_of(text)
