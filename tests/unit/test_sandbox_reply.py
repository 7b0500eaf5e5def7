"""A child is not trusted: whatever it answers is a cutout, a refusal, or nonsense that is named as such."""

import json
import socket
import struct

import numpy as np
import pyarrow as pa
import pytest

from service.sandbox_reply import read_cutout, read_refusal, read_table_reply
from service.sandbox_wire import MAX_HEAD_BYTES, BadFrame, Deadline, receive_head, send_frame
from service.table_columns import WANTED
from service.table_wire import pack
from survey.ingest import CutoutRejected

FLUX = np.linspace(-1, 5, 2 * 20 * 20, dtype=np.float32).reshape(2, 20, 20)
CUTOUT = {
    "shape": [2, 20, 20],
    "bands": ["sdss:g", "sdss:r"],
    "planes": ["flux"],
    "ra_deg": 150.1,
    "dec_deg": 2.2,
    "pixel_scale_arcsec": 0.4,
    "ebv": None,
    "is_calibrated": True,
    "offset_px": [0.25, -0.5],
    "provenance": {},
}
REPORT = {"layout": "cube", "steps": [{"step": "bands", "text": "g, r"}], "flags": ["masked"]}
SENT = pa.table(
    [
        pa.array(["a", None, "\u661f"]),
        pa.array([1.0, None, 2.0]),
        pa.array([2.0, 3.0, None]),
        pa.array([None, "no number", None], pa.string()),
        pa.array([2**53 + 1, None, -1], pa.int64()),
        pa.array([[1.5, None], None, [2.5, 3.5]], pa.list_(pa.float32(), 2)),
        pa.array([True, None, False]),
    ],
    schema=pa.schema(
        [
            *(pa.field(name, kind) for name, kind in WANTED.items()),
            pa.field("big", pa.int64(), metadata={"unit": "count"}),
            pa.field("vector", pa.list_(pa.float32(), 2)),
            pa.field("flag", pa.bool_()),
        ]
    ),
)


def sent_table(**change):
    """An honest answer with some of its head changed, and its bytes."""
    columns, buffers = pack(SENT)
    told = {"format": "csv", "mapping": {}, "units": {}, "left_out": [], "n_rows": 3, "columns": columns}
    return {"table": {**told, **change}}, b"".join(bytes(part) for part in buffers)


def read_sent(head, body):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(body)
        theirs.shutdown(socket.SHUT_WR)
        return read_table_reply(head, ours, Deadline(1))


def answered(head, body=None):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.settimeout(1)
        theirs.sendall(FLUX.tobytes() if body is None else body)
        theirs.shutdown(socket.SHUT_WR)
        return read_cutout(head, ours, Deadline(1))


def test_a_cutout_arrives_as_it_was_sent():
    understood = answered({"cutout": CUTOUT, "report": REPORT})
    np.testing.assert_array_equal(understood.cutout.flux, FLUX)
    assert understood.cutout.bands.names == ("g", "r")
    assert understood.cutout.offset_px == (0.25, -0.5)
    assert understood.report.to_json() == REPORT


@pytest.mark.parametrize(
    "change",
    [
        {"shape": [2, 20]},
        {"shape": [2, 20, -20]},
        {"shape": [2.0, 20, 20]},
        {"shape": [17, 20, 20]},
        {"shape": [2, 8192, 8192]},
        {"shape": [10**9, 10**9, 10**9]},
        {"shape": None},
        {"bands": ["sdss:g"]},
        {"bands": ["sdss:g", "sdss:g"]},
        {"bands": ["nobody:x", "sdss:g"]},
        {"bands": 3},
        {"planes": []},
        {"planes": ["flux", "flux"]},
        {"planes": ["flux", "code"]},
        {"planes": ["ivar", "flux"]},
        {"ra_deg": 1e9},
        {"ra_deg": float("nan")},
        {"dec_deg": "north"},
        {"pixel_scale_arcsec": 0},
        {"ebv": float("inf")},
        {"provenance": []},
        {"offset_px": [0.0]},
        {"offset_px": [0.0, None]},
        {"offset_px": [1.5, 0.0]},
        {"offset_px": [float("nan"), 0.0]},
        {"offset_px": ["0", 0.0]},
        {"offset_px": 0.5},
    ],
)
def test_an_impossible_cutout_is_nonsense(change):
    with pytest.raises(BadFrame):
        answered({"cutout": {**CUTOUT, **change}, "report": REPORT}, FLUX.tobytes() * 3)


@pytest.mark.parametrize(
    "report",
    [None, {}, {"layout": "cube", "steps": [1], "flags": []}, {"layout": "", "steps": 1, "flags": 2}],
)
def test_an_impossible_report_is_nonsense(report):
    with pytest.raises(BadFrame):
        answered({"cutout": CUTOUT, "report": report})


def test_missing_pixels_are_a_hang_up():
    with pytest.raises(EOFError):
        answered({"cutout": CUTOUT, "report": REPORT}, FLUX.tobytes()[:-1])


@pytest.mark.parametrize(
    ("value", "code"), [(np.nan, "fits.masked"), (np.inf, "fits.masked"), (1e30, "fits.values")]
)
def test_pixels_are_looked_at_again(value, code):
    with pytest.raises(CutoutRejected) as refused:
        answered({"cutout": CUTOUT, "report": REPORT}, np.full_like(FLUX, value).tobytes())
    assert refused.value.code == code


@pytest.mark.parametrize(
    "refusal",
    [
        3,
        {},
        {"code": 1, "message": ""},
        {"code": "no dot", "message": ""},
        {"code": "fits.x", "message": None},
    ],
)
def test_an_impossible_refusal_is_nonsense(refusal):
    with pytest.raises(BadFrame):
        read_refusal({"refusal": refusal})


def test_a_refusal_keeps_its_code_and_a_bounded_text():
    refusal = read_refusal({"refusal": {"code": "fits.no_wcs", "message": "x" * 5000}})
    assert refusal.code == "fits.no_wcs"
    assert len(str(refusal)) == 1000
    assert read_refusal({"cutout": {}}) is None


def test_a_table_arrives_as_it_was_sent():
    rows = read_sent(*sent_table()).rows
    assert rows.schema.field("big").metadata == {b"unit": b"count"}
    assert rows.drop(["vector"]).to_pylist() == SENT.drop(["vector"]).to_pylist()
    # Of a vector its elements are missing, not the vector.
    assert rows["vector"].to_pylist() == [[1.5, None], [None, None], [2.5, 3.5]]


def column(number, **change):
    """The columns of an honest answer, one of them changed."""
    columns, _ = pack(SENT)
    columns[number] |= change
    return {"columns": columns}


@pytest.mark.parametrize(
    "change",
    [
        {"n_rows": 4},
        {"n_rows": 2},
        {"n_rows": -1},
        {"n_rows": 3.0},
        {"n_rows": None},
        {"mapping": None},
        {"mapping": {"object_id": None}, "units": None},
        {"columns": None},
        {"columns": pack(SENT)[0] * 200},
        {"columns": pack(SENT)[0][:2]},
        column(0, kind="float64"),
        column(1, kind="text"),
        column(4, kind="object"),
        column(4, size=2),
        column(4, size=-1),
        column(4, size=1 << 40),
        column(4, n_bytes=[3, 1 << 40]),
        column(4, n_bytes=[3, -8]),
        column(4, n_bytes=[3]),
        column(4, n_bytes=None),
        column(5, name="big"),
        column(0, n_bytes=[3, 12, 1 << 20]),
    ],
    ids=lambda change: str(sorted(change))[:40],
)
def test_an_impossible_table_is_nonsense(change):
    head, body = sent_table(**change)
    with pytest.raises((BadFrame, EOFError)):
        read_sent(head, body)


def test_texts_that_are_no_utf8_or_of_other_lengths_are_nonsense():
    head, body = sent_table()
    text = "a\u661f".encode()
    assert text in body
    for lie in (b"a\xff\xff\xff", b"\x80\x81\x82\x83"):
        with pytest.raises(BadFrame):
            read_sent(head, body.replace(text, lie))
    # The first text takes what is the second one's.
    lengths = np.array([1, 0, 3], "<i4").tobytes()
    for wrong in ([4, 0, 3], [-1, 0, 5], [2, 0, 2]):
        with pytest.raises(BadFrame):
            read_sent(head, body.replace(lengths, np.array(wrong, "<i4").tobytes(), 1))


@pytest.mark.parametrize(
    "frame",
    [
        struct.pack(">Q", MAX_HEAD_BYTES + 1),
        struct.pack(">Q", 2**63),
        struct.pack(">Q", 3) + b"{,}",
        struct.pack(">Q", 2) + b"[]",
        struct.pack(">Q", 100_000) + b"[" * 100_000,
        struct.pack(">Q", 2) + b"\xff\xfe",
    ],
    ids=["too long", "absurdly long", "no JSON", "no object", "too deep", "no text"],
)
def test_an_impossible_head_is_nonsense(frame):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(frame)
        with pytest.raises(BadFrame):
            receive_head(ours, Deadline(1))


def test_a_frame_arrives_whole():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        send_frame(theirs, {"a": [1, "ü"]}, [b"xy"], Deadline(1))
        assert receive_head(ours, Deadline(1)) == {"a": [1, "ü"]}
        assert ours.recv(10) == b"xy"


def test_a_silent_child_runs_into_the_deadline():
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(TimeoutError):
        receive_head(ours, Deadline(0.05))
    with pytest.raises(TimeoutError):
        Deadline(0).apply(ours)


def test_no_lone_surrogate_comes_through():
    """A child that was taken over may send them, and no UTF-8 answer can repeat them."""
    bad = "\ud800x"
    report = {"layout": bad, "steps": [{"step": bad, "text": bad}], "flags": [bad]}
    understood = answered({"cutout": {**CUTOUT, "provenance": {bad: bad}}, "report": report})
    changed = column(4, name=bad, unit=bad, ucd=bad, description=bad)
    head, body = sent_table(format=bad, mapping={"object_id": bad}, left_out=[bad], **changed)
    table = read_sent(head, body)
    said = [
        understood.report.to_json(),
        dict(understood.cutout.provenance),
        str(read_refusal({"refusal": {"code": "fits.values", "message": bad}})),
        [table.format, table.mapping, table.left_out, table.rows.column_names],
    ]
    assert b"?x" in json.dumps(said, ensure_ascii=False).encode()
