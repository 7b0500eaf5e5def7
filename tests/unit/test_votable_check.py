"""A VOTable that leads outside of itself is told by its elements, however it is spelt."""

import pytest
from support.leading_votables import leading_votables

from service.votable_check import check_votable
from survey.ingest import CutoutRejected


@pytest.mark.parametrize("spelling", leading_votables("x"))
def test_a_table_that_leads_elsewhere_is_refused_in_any_spelling(spelling):
    with pytest.raises(CutoutRejected, match=r"points to data elsewhere|not UTF-8") as refused:
        check_votable(leading_votables("file:///etc/hostname")[spelling])
    assert refused.value.code == "table.unreadable"


@pytest.mark.parametrize(
    "stream",
    [
        '<STREAM encoding="base64">YQ==</STREAM>',
        "<TR><TD>STREAM href=\u00e9</TD></TR>",
        "<!-- <STREAM href='x'/> -->",
    ],
)
@pytest.mark.parametrize("start", ["", "\ufeff", '<?xml version="1.0" encoding="utf-8"?>'])
def test_a_table_with_its_data_inside_is_not(start, stream):
    check_votable(f"{start}<VOTABLE><LINK href='http://archive.example'/>{stream}</VOTABLE>".encode())


def test_what_is_no_xml_is_refused():
    with pytest.raises(CutoutRejected, match="damaged"):
        check_votable(b"<VOTABLE><RESOURCE></VOTABLE>")
