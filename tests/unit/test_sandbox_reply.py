"""A child is not trusted: whatever it answers is a cutout, a refusal, or nonsense that is named as such."""

import json
import socket
import struct

import numpy as np
import pytest

from service.sandbox_reply import check_table, read_cutout, read_refusal
from service.sandbox_wire import MAX_HEAD_BYTES, BadFrame, Deadline, receive_head, send_frame
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
TABLE = {"format": "csv", "columns": ["ra", "dec"], "mapping": {"ra_deg": "ra", "dec_deg": "dec"}, "n_rows": 2, "ra_deg": [1.0, None], "dec_deg": [2.0, 3.0]}  # fmt: skip


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


def test_a_table_lacking_a_column_has_it_full_of_none():
    assert check_table({"table": TABLE}, 10)["object_id"] == [None, None]


@pytest.mark.parametrize(
    "change",
    [
        {"n_rows": 3},
        {"n_rows": -1},
        {"n_rows": float("inf")},
        {"n_rows": None},
        {"ra_deg": ["1", "2"]},
        {"ra_deg": [float("nan"), 1.0]},
        {"ra_deg": [1.0]},
        {"mapping": {"object_id": "x"}},
        {"mapping": None},
        {"columns": None},
    ],
)
def test_an_impossible_table_is_nonsense(change):
    with pytest.raises(BadFrame):
        check_table({"table": {**TABLE, **change}}, 10)


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


def test_json_numbers_beyond_floats_do_not_pass_as_rows():
    assert json.loads("1e400") == float("inf")
    with pytest.raises(BadFrame):
        check_table({"table": {**TABLE, "dec_deg": [json.loads("1e400"), 1.0]}}, 10)


def test_no_lone_surrogate_comes_through():
    """A child that was taken over may send them, and no UTF-8 answer can repeat them."""
    bad = "\ud800x"
    report = {"layout": bad, "steps": [{"step": bad, "text": bad}], "flags": [bad]}
    understood = answered({"cutout": {**CUTOUT, "provenance": {bad: bad}}, "report": report})
    table = {
        **TABLE,
        "format": bad,
        "columns": [bad],
        "mapping": {"object_id": bad},
        "object_id": [bad, None],
    }
    said = [
        understood.report.to_json(),
        dict(understood.cutout.provenance),
        str(read_refusal({"refusal": {"code": "fits.values", "message": bad}})),
        check_table({"table": table}, 2),
    ]
    assert b"?x" in json.dumps(said, ensure_ascii=False).encode()
