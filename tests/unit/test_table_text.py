"""Columns of a CSV have the types that their cells have."""

import pyarrow as pa
import pytest

from service.table_text import read_csv
from survey.ingest import CutoutRejected


def column(*cells):
    _, columns = read_csv(b"x,y\n" + "".join(f"{cell},-\n" for cell in cells).encode(), 100)
    return columns[0]


@pytest.mark.parametrize(
    ("cells", "kind", "values"),
    [
        (["1", "-2", ""], pa.int64(), [1, -2, None]),
        (["1237648720693755918"], pa.int64(), [1237648720693755918]),
        (["1", "2.5", "nan", "1e-3", "+.5"], pa.float64(), [1, 2.5, None, 0.001, 0.5]),
        (["0012", "0013"], pa.string(), ["0012", "0013"]),
        (["0012", "1.5"], pa.string(), ["0012", "1.5"]),
        (["0.5", "0"], pa.float64(), [0.5, 0]),
        (["99999999999999999999"], pa.string(), ["99999999999999999999"]),
        (["1", "x"], pa.string(), ["1", "x"]),
        (["inf"], pa.string(), ["inf"]),
        (["", ""], pa.string(), [None, None]),
        (["n/a"], pa.string(), ["n/a"]),
    ],
)
def test_a_column_is_of_numbers_when_all_its_cells_are(cells, kind, values):
    found = column(*cells)
    assert (found.type, found.to_pylist()) == (kind, values)


def test_rows_with_too_few_or_too_many_cells_stay_rows():
    names, columns = read_csv(b"a,b\n1\n2,3,4\n,5\n", 10)
    assert names == ["a", "b"]
    assert [one.to_pylist() for one in columns] == [[1, 2, None], [None, 3, 5]]


def test_a_quote_that_does_not_end_swallows_no_rows():
    with pytest.raises(CutoutRejected, match="bare quote"):
        read_csv(b'a,b\n1,"x\n2,y\n3,z\n', 10)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_first_line_tells_what_stands_between_cells(delimiter):
    names, columns = read_csv(f"a{delimiter}b\n1{delimiter}2\n".encode(), 10)
    assert (names, [one.to_pylist() for one in columns]) == (["a", "b"], [[1], [2]])
