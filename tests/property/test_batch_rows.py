"""Whatever stands in the rows of a batch, each is answered in its place as if it had come alone."""

import csv
import io
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from service.operations.batch_rows import locate, sent_columns
from service.operations.refusals import ObjectNotFound, ObjectNotIndexed
from service.positions import SkyIndex
from service.table_reader import read_rows

IDS = ["J1", "J2", "galaxy \u661f", "0012"]
RA, DEC = np.array([0.0, 10.0, 359.9999, 180.0]), np.array([0.0, -45.0, 0.0, 90.0])


class Held:
    """What a release is to the rows of a batch."""

    survey, block = "held", {}
    sky = SkyIndex(RA, DEC)
    release = SimpleNamespace(columns=SimpleNamespace(ids=IDS))

    def row_of(self, object_id):
        if object_id == "blank":
            raise ObjectNotIndexed("not embedded")
        if object_id not in IDS:
            raise ObjectNotFound(f"no object {object_id!r}")
        return IDS.index(object_id)


# Python's writer leaves a carriage return without quotes: it then ends a line, for every reader of CSV.
garbage = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00\r"), max_size=8)
ids = st.one_of(st.sampled_from([*IDS, "blank", "", " J1 "]), garbage)
angles = st.one_of(
    st.sampled_from(["0", "10", "-45", "359.9999", "1e400", "nan", "", "+3", "12:00:00"]), garbage
)
rows = st.lists(st.tuples(ids, angles, angles), min_size=1, max_size=8)


def answered(cells):
    """(status, object_id, message, row of the release) of each row, and the numbers that were sent with them."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    # Two rows of each kind that are good, so that neither column is another notation or of another type.
    fixed = [("x-y", "10", "-45"), ("", "10", "-45")]
    writer.writerows(
        [("object_id", "ra", "dec", "n"), *((*row, n) for n, row in enumerate([*fixed, *cells]))]
    )
    read = read_rows(stream.getvalue().encode(), max_rows=99).rows
    located = locate(Held(), read, 1 / 3600)
    numbers = {field.name: values for field, values in sent_columns(read, ["OBJECT_ID"])}["n"].to_pylist()
    told = list(zip(located.status, located.object_id, located.message, located.rows.tolist(), strict=True))
    return told[2:], numbers


@example([("#1", "0", "0"), ("\n\n#", "0", "0")])
@example([("J1", "", ""), ("", "north", "0"), ("", "0", "91"), ("nobody", "0", "0"), ("", "10", "-45")])
@settings(derandomize=True, deadline=None)
@given(rows)
def test_a_row_among_others_is_answered_as_alone_and_in_its_place(cells):
    together, numbers = answered(cells)
    assert numbers == list(range(len(cells) + 2))
    assert together == [answered([row])[0][0] for row in cells]


@settings(derandomize=True, deadline=None)
@given(rows)
def test_a_row_is_found_or_says_why_not(cells):
    for status, object_id, message, row in answered(cells)[0]:
        assert (status == "ok") == (row >= 0) == (message is None)
        if status == "ok":
            assert object_id == IDS[row]


names = st.lists(
    st.sampled_from(["ra", "RA", "z_best", "input_z_best", "INPUT_ra", "n"]), max_size=5, unique=True
)


@settings(derandomize=True, deadline=None)
@given(names)
def test_no_name_of_an_answer_occurs_twice_whatever_was_sent(sent):
    from service.table_columns import WANTED

    columns = [pa.nulls(1, kind) for kind in WANTED.values()] + [pa.array([n]) for n in range(len(sent))]
    table = pa.table(columns, names=[*WANTED, *sent])
    kept = sent_columns(table, ["ra", "z_best"])
    found = [column.name.casefold() for column, _ in kept]
    assert [values.to_pylist() for _, values in kept] == [[n] for n in range(len(sent))]
    # Names that were sent twice but for their capitals are one in the file already, and the reader has told them apart.
    if len({name.casefold() for name in sent}) == len(sent):
        assert len({*found, "ra", "z_best"}) == len(found) + 2
