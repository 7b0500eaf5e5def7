"""One layer of gzip or bzip2, never more than a stated size."""

import bz2
import gzip
import random

import pytest

from survey.magic import PrescanRefused
from survey.wrappers import unpack

PACK = {"gzip": gzip.compress, "bzip2": bz2.compress}
PLAIN = random.Random(2).randbytes(30_000) * 3


@pytest.mark.parametrize("wrapper", PACK)
def test_unpack_undoes_pack(wrapper):
    assert unpack(PACK[wrapper](PLAIN), wrapper) == PLAIN


@pytest.mark.parametrize("wrapper", PACK)
def test_streams_that_follow_one_another_are_one_file(wrapper):
    assert unpack(PACK[wrapper](PLAIN) + PACK[wrapper](b"end"), wrapper) == PLAIN + b"end"


@pytest.mark.parametrize("wrapper", PACK)
def test_padding_after_the_stream_is_dropped(wrapper):
    assert unpack(PACK[wrapper](PLAIN) + bytes(512), wrapper) == PLAIN


@pytest.mark.parametrize("wrapper", PACK)
@pytest.mark.parametrize("cut", [3, 12, -1, -9, 2000])
def test_a_cut_stream_is_refused(wrapper, cut):
    with pytest.raises(PrescanRefused) as refused:
        unpack(PACK[wrapper](PLAIN)[:cut], wrapper)
    assert refused.value.code == "upload.corrupt_wrapper"


@pytest.mark.parametrize("wrapper", PACK)
def test_a_damaged_stream_is_refused(wrapper):
    data = bytearray(PACK[wrapper](PLAIN))
    data[len(data) // 2] ^= 0xFF
    with pytest.raises(PrescanRefused) as refused:
        unpack(bytes(data), wrapper)
    assert refused.value.code == "upload.corrupt_wrapper"


@pytest.mark.parametrize("wrapper", PACK)
def test_a_bomb_stops_at_the_limit(wrapper):
    with pytest.raises(PrescanRefused) as refused:
        unpack(PACK[wrapper](bytes(20 << 20)), wrapper, limit=1 << 20)
    assert refused.value.code == "upload.unpacked_too_large"


@pytest.mark.parametrize("wrapper", PACK)
def test_streams_longer_than_a_window_are_one_file(wrapper):
    # Noise fills windows, zeros fill the steps of what comes out.
    plain = random.Random(3).randbytes(300_000) + bytes(3_000_000)
    assert unpack(PACK[wrapper](plain) * 3 + PACK[wrapper](b"end"), wrapper) == plain * 3 + b"end"


@pytest.mark.parametrize("wrapper", PACK)
def test_endless_streams_of_nothing_are_refused_soon(wrapper):
    # A decoder for each, and a copy of the rest for each: five seconds for 20 MB of them.
    with pytest.raises(PrescanRefused) as refused:
        unpack(PACK[wrapper](b"") * 500_000, wrapper)
    assert refused.value.code == "upload.corrupt_wrapper"
