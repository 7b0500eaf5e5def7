"""Tables of strangers: what is too long is refused before it is read."""

import tracemalloc

import pytest

from service.table_reader import read_rows
from survey.ingest import CutoutRejected


@pytest.mark.parametrize(
    "line", [b"12,a\n", b'12,"a"\r\n', b'"1\n2",a\n'], ids=["bare", "quoted", "over lines"]
)
def test_of_a_csv_with_too_many_rows_the_rest_is_not_read(line):
    data = b"object_id,note\n" + line * 300_000
    tracemalloc.start()
    try:
        with pytest.raises(CutoutRejected, match="more than 2000 rows") as refused:
            read_rows(data, max_rows=2000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert refused.value.code == "batch.too_large"
    # The text itself, and two thousand rows.
    assert peak < len(data) + 3e6


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_csv_of_as_many_rows_as_allowed_is_read_whatever_ends_its_lines(end):
    text = end.join(["# made by hand", "object_id,note", "", "a,1", "   ", 'b,"x, y"', "c"])
    table = read_rows(text.encode(), max_rows=3)
    assert table.rows["object_id"].to_pylist() == ["a", "b", "c"]
    assert table.rows["note"].to_pylist() == ["1", "x, y", None]
