"""A tar is walked member by member: names are data, and what is no plain file is refused alone."""

from __future__ import annotations

import io
import tarfile

import pytest
from support.archives import END, header, member, packed, pax, tar

from service.archive_streams import MAX_RATIO, RATIO_FREE_BYTES, Unpacked
from service.archives import MAX_MEMBER_BYTES, Walk, walk_tar
from survey.ingest import CutoutRejected


def walked(data, *, limit=1 << 28, members=1000):
    stream = Unpacked(io.BytesIO(data).read, limit=limit)
    found = list(walk_tar(stream.read, Walk(members)))
    stream.finish()
    return found


def refused(data, **limits):
    with pytest.raises(CutoutRejected) as caught:
        walked(data, **limits)
    return caught.value.code


@pytest.mark.parametrize("fmt", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("wrap", [bytes, packed], ids=["plain", "gzip"])
def test_members_come_in_order_with_their_names_and_bytes(fmt, wrap):
    long = "survey/" + "x" * 90 + "/" + "y" * 90 + ".fits"
    files = [("b.fits", b"1" * 700), ("a/ç.fits", b""), (long, b"3" * 512), ("b.fits", b"4")]
    found = walked(wrap(tar(files, fmt=fmt)))
    assert [(one.name, one.data) for one in found] == files
    assert not any(one.code for one in found)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (b"1", "hard link"),
        (b"2", "symbolic link"),
        (b"3", "device"),
        (b"4", "device"),
        (b"6", "pipe"),
        (b"V", "type"),
    ],
)
def test_what_is_no_file_is_refused_alone(kind, words):
    data = member("a", b"1") + header("bad", 0, kind, "/etc/hosts") + member("b", b"2") + END
    first, bad, last = walked(data)
    assert (first.data, last.data) == (b"1", b"2")
    assert (bad.name, bad.code) == ("bad", "archive.member_type")
    assert words in bad.message


def test_a_sparse_file_is_refused_alone_in_both_dialects():
    old = header("old", 512, b"S", fields=[(257, b"ustar  \x00"), (482, b"\x01")]) + bytes(512) + bytes(512)
    new = pax(**{"GNU.sparse.major": 1}) + member("new", b"map")
    found = walked(old + new + member("b", b"2") + END)
    assert [one.code for one in found] == ["archive.member_type", "archive.member_type", ""]
    assert found[2].data == b"2"


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../a.fits", "a/../../b", "C:\\a.fits", "\\\\host\\a", "a\\..\\b"]
)
def test_a_name_that_leads_elsewhere_is_refused_alone(name):
    bad, good = walked(member(name, b"x") + member("good", b"1") + END)
    assert bad.code == "archive.member_name"
    assert bad.data == b""
    assert good.data == b"1"


def test_a_name_of_an_extended_header_is_looked_at_too():
    (bad,) = walked(pax(path="../../x") + member("harmless", b"1") + END)
    assert bad.code == "archive.member_name"


def test_a_name_that_cannot_be_shown_is_made_printable_and_cut():
    first, second = walked(member("a\x1b[31m\udcff", b"1") + pax(path="ö" * 5000) + member("x", b"2") + END)
    assert first.name == "a�[31m�"
    assert second.name == "ö" * 255


def test_folders_and_words_for_the_whole_archive_are_no_members():
    data = (
        member("g", b"19 comment=hello\n\n", b"g")
        + header("folder/", 0, b"5")
        + member("folder/a", b"1")
        + END
    )
    assert [one.name for one in walked(data)] == ["folder/a"]


def test_a_member_beyond_the_limit_is_passed_over():
    large = member("large", bytes(MAX_MEMBER_BYTES + 1)) + member("small", b"1") + END
    first, second = walked(large)
    assert first.code == "archive.member_too_large"
    assert second.data == b"1"


@pytest.mark.parametrize(
    "data",
    [
        member("a", b"1" * 600)[:700],
        member("a", b"1") + b"no header at all".ljust(512, b"x") + END,
        member("a", b"1") + header("b", 10**12),
        header("long", 10**6, b"L"),
        member("x", b"99 path=a\n", b"x") + member("a", b"1"),
        member("x", b"path=a\n", b"x") + member("a", b"1"),
        pax(size="-5") + member("a", b"1"),
        member("a", b"1") + member("b", b"2")[:300],
    ],
    ids=["cut", "noise", "endless", "long name", "long record", "no length", "negative", "cut header"],
)
def test_a_damaged_archive_is_refused_as_a_whole(data):
    assert refused(data) == "archive.damaged"


def test_a_negative_size_is_refused():
    block = header("a", fields=[(124, b"\xff" * 12)])
    assert refused(block + END) == "archive.damaged"


@pytest.mark.parametrize("data", [b"", END, header("folder/", 0, b"5") + END])
def test_an_archive_without_a_file_is_refused(data):
    assert refused(data) == "archive.empty"


def test_more_members_than_the_limit_are_refused():
    files = [(f"{n}.fits", b"") for n in range(11)]
    assert len(walked(tar(files[:10]), members=10)) == 10
    assert refused(tar(files), members=10) == "archive.members"


def test_what_unpacks_to_more_than_its_limit_is_refused():
    assert refused(packed(member("a", bytes(2 << 20))), limit=1 << 20) == "upload.unpacked_too_large"


def test_what_unpacks_to_many_times_its_size_is_refused_before_it_fills_anything():
    bomb = packed(bytes(RATIO_FREE_BYTES * 4))
    assert len(bomb) * MAX_RATIO < RATIO_FREE_BYTES
    stream = Unpacked(io.BytesIO(bomb).read, limit=1 << 40)
    with pytest.raises(CutoutRejected, match="times its size"):
        stream.read(RATIO_FREE_BYTES * 3)


@pytest.mark.parametrize("cut", [15, 60, -5])
def test_a_cut_or_damaged_gzip_is_refused(cut):
    data = packed(tar([("a", bytes(range(256)) * 40)]))
    assert refused(data[:cut]) in ("upload.corrupt_wrapper", "archive.damaged")
    spoilt = bytearray(data)
    spoilt[40] ^= 0xFF
    with pytest.raises(CutoutRejected):
        walked(bytes(spoilt))


def test_streams_that_follow_one_another_are_one_archive():
    whole = tar([("a", b"1" * 3000), ("b", b"2")])
    assert [one.name for one in walked(packed(whole[:1000]) + packed(whole[1000:]) + bytes(512))] == [
        "a",
        "b",
    ]


def test_endless_empty_streams_are_refused():
    assert refused(packed(b"") * 5000) == "upload.corrupt_wrapper"
