"""Whatever is done to a file, the prescan answers or refuses, soon, with nothing but its own exception."""

import io
import struct

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from support.fits_builder import image, tiled_image

from survey.magic import PrescanRefused
from survey.prescan import MAX_PLANES, MAX_TOTAL_PIXELS, prescan


def picture(kind):
    stream = io.BytesIO()
    Image.fromarray(np.zeros((24, 32, 3), np.uint8)).save(stream, kind)
    return stream.getvalue()


SEEDS = [
    image(np.ones((20, 30), np.float32)),
    tiled_image(),
    tiled_image("GZIP_1"),
    picture("PNG"),
    picture("JPEG"),
]


def outcome(data):
    try:
        return prescan(data)
    except PrescanRefused as refusal:
        return refusal


PATCHES = st.lists(
    st.tuples(
        st.floats(0, 0.9999),
        st.one_of(
            st.binary(min_size=1, max_size=4),
            st.integers(-(2**63), 2**64).map(lambda n: str(n).encode()),
            st.sampled_from([b"END", b"NAXIS   = ", b"'", b"T", b"-", b"XTENSION", b"=", b" " * 80]),
            st.integers(0, 2**32 - 1).map(lambda n: struct.pack(">I", n)),
        ),
    ),
    max_size=6,
)


@settings(derandomize=True, max_examples=400, deadline=500)
@given(st.sampled_from(SEEDS), PATCHES, st.floats(0, 1))
def test_a_mutated_file_is_understood_or_refused(seed, patches, keep):
    data = bytearray(seed)
    for place, patch in patches:
        # Most of what matters stands in the first two kilobytes of each header.
        at = int(place * len(data))
        data[at : at + len(patch)] = patch
    data = bytes(data[: max(1, int((0.5 + keep) * len(data)))])
    report = outcome(data)
    if isinstance(report, PrescanRefused):
        assert "." in report.code
        assert str(report)
        return
    assert report.length <= len(data)
    assert all(0 < one.planes <= MAX_PLANES for one in report.images)
    assert sum(one.width * one.height * one.planes for one in report.images) <= MAX_TOTAL_PIXELS


@settings(derandomize=True, max_examples=200, deadline=500)
@given(
    st.binary(max_size=400),
    st.sampled_from([b"", b"SIMPLE  =", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"<votable"]),
)
def test_arbitrary_bytes_are_refused_or_understood(tail, head):
    assert outcome(head + tail) is not None
