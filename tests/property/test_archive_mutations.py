"""Whatever stands in an archive, it is walked to rows or refused by name, and gives no more than it holds."""

from __future__ import annotations

import io
import tarfile

from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.archives import END, header, member, packed, pax, tar

from service.archive_streams import Unpacked
from service.archives import Walk, walk_tar
from survey.ingest import CutoutRejected

WHOLE = tar([("a.fits", b"1" * 700), ("b/" + "c" * 120, b"2"), ("d", b"")])
SEEDS = [
    WHOLE,
    tar([("x" * 150, b"3" * 90)], fmt=tarfile.GNU_FORMAT),
    pax(path="ö", size=3) + member("q", b"456") + header("l", 0, b"2", "x") + END,
    header("old", 512, b"S", fields=[(482, b"\x01")]) + bytes(1024) + member("b", b"2") + END,
]
# Fields of a header: name, mode, size, checksum, type, link, magic, prefix.
PLACES = st.sampled_from([0, 100, 124, 135, 148, 156, 157, 257, 345, 482])


@settings(derandomize=True, max_examples=300, deadline=None)
@given(
    seed=st.sampled_from(SEEDS),
    edits=st.lists(st.tuples(st.integers(0, 8), PLACES, st.binary(min_size=1, max_size=12)), max_size=4),
    is_mended=st.booleans(),
    cut=st.integers(0, 4000),
    is_packed=st.booleans(),
)
@example(seed=WHOLE, edits=[(0, 124, b"\xff" * 12)], is_mended=True, cut=0, is_packed=False)
@example(seed=WHOLE, edits=[(0, 124, b"\x80" + b"\xff" * 11)], is_mended=True, cut=0, is_packed=False)
def test_a_mutated_archive_gives_members_or_a_refusal(seed, edits, is_mended, cut, is_packed):
    data = bytearray(seed)
    for block, place, value in edits:
        at = 512 * block + place
        if at + len(value) <= len(data):
            data[at : at + len(value)] = value
            if is_mended:
                _mend(data, 512 * block)
    sent = bytes(data[: len(data) - cut] if cut < len(data) else data)
    sent = packed(sent) if is_packed else sent
    stream = Unpacked(io.BytesIO(sent).read, limit=1 << 20)
    found, refused = [], ""
    try:
        found.extend(walk_tar(stream.read, Walk(1000)))
        stream.finish()
    except CutoutRejected as refusal:
        refused = refusal.code
    assert refused.partition(".")[0] in {"", "archive", "upload"}
    assert sum(len(one.data) for one in found) <= len(seed)
    assert all(one.name.isprintable() and len(one.name) <= 255 for one in found)
    assert all(bool(one.code) == bool(one.message) for one in found)
    assert not any(one.code and one.data for one in found)


def _mend(data, at):
    """Let the checksum of a header be right, so that what it says is believed."""
    block = bytearray(data[at : at + 512])
    block[148:156] = b" " * 8
    data[at + 148 : at + 156] = f"{sum(block):06o}\x00 ".encode()
