"""Members of a batch in real parsing children: one that is bad, or kills its child, spoils no other."""

from __future__ import annotations

import io
import tarfile
from types import SimpleNamespace

import numpy as np
import pytest
from support.archives import END, header, member, packed, tar
from support.fits_builder import hcompress_killer
from support.fits_files import cube
from support.tiny_survey import tiny_contract

from service.members import Member
from service.operations import cutout_reading
from service.operations.cutout_reading import Limits, Reader, walk
from service.operations.fitting import choose
from service.sandbox import ChildDied, ChildTimeout, Sandbox
from service.sandbox_limits import CPU_SECONDS
from service.sandbox_wire import Deadline
from skylike.cutouts import write_cutouts
from survey.bands import BAND_SETS
from survey.cutout import Cutout
from survey.fits.reader import read_fits
from survey.fits.writer import write_fits
from survey.ingest import CutoutRejected, Overrides

CONTRACT = tiny_contract()
LIMITS = Limits(members=500, unpacked_bytes=64 << 20, table_bytes=64 << 20)
NOTHING = Overrides()


def galaxy(seed=0, side=48):
    rng = np.random.default_rng(seed)
    y, x = np.indices((side, side)) - (side - 1) / 2
    light = 5 * np.exp(-(x**2 + y**2) / 30) * np.linspace(0.5, 2, 5)[:, None, None]
    flux = light + rng.normal(0, 0.02, light.shape)
    return Cutout(
        flux.astype(np.float32), BAND_SETS["sdss-ugriz"], ra_deg=10.0 + seed, dec_deg=5.0, pixel_scale_arcsec=0.396, ebv=0.05
    )  # fmt: skip


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(wall_seconds=60) as box:
        yield box


@pytest.fixture(scope="module")
def served():
    """As much of a release as reading looks at."""
    release = SimpleNamespace(id="tiny", domain=None)
    return SimpleNamespace(model=SimpleNamespace(contract=CONTRACT), release=release, block={"id": "tiny"})


def read(sandbox, served, data, overrides=NOTHING):
    members = walk(sandbox, iter([data]), len(data), overrides, LIMITS)
    return together(Reader(sandbox, served, overrides).read(list(members)))


def together(groups):
    return [pair for group in groups for pair in group]


def codes(found):
    return [one.code if isinstance(one, CutoutRejected) else "" for _, one in found]


def test_a_member_becomes_what_a_single_upload_becomes(sandbox, served):
    data = write_fits(galaxy())
    ((_, found),) = read(sandbox, served, tar([("a.fits", data)]))
    alone = read_fits([("a.fits", data)], overrides=NOTHING)
    _, cutout = choose([served], alone)
    expected = CONTRACT.calibrate(cutout)
    assert np.array_equal(found.input, CONTRACT.finish(expected.field[None])[0])
    assert set(found.flags) == {*alone.report.flags, *expected.flags}
    assert (found.ra_deg, found.dec_deg) == pytest.approx((cutout.ra_deg, cutout.dec_deg))


def test_a_row_of_a_table_becomes_what_the_same_pixels_become(sandbox, served):
    cutouts = [galaxy(n) for n in range(3)]
    stream = io.BytesIO()
    write_cutouts(
        stream,
        np.stack([one.flux for one in cutouts]),
        bands="sdss-ugriz",
        pixel_scale_arcsec=0.396,
        object_id=["x", "y", "z"],
        ra=[one.ra_deg for one in cutouts],
        dec=[one.dec_deg for one in cutouts],
        ebv=[one.ebv for one in cutouts],
    )
    found = read(sandbox, served, stream.getvalue())
    assert [one.name for one, _ in found] == ["x", "y", "z"]
    for (_, told), cutout in zip(found, cutouts, strict=True):
        assert np.array_equal(told.input, CONTRACT.finish(CONTRACT.calibrate(cutout).field[None])[0])


def test_every_bad_member_is_refused_alone_and_the_rows_stay_in_order(sandbox, served):
    good = write_fits(galaxy())
    two_bands = write_fits(
        galaxy().select(BAND_SETS["sdss-ugriz"].__class__(BAND_SETS["sdss-ugriz"].bands[:2]))
    )
    data = (
        member("good", good)
        + header("link", 0, b"2", "good")
        + member("../up", good)
        + member("text", b"I am no image.")
        + member("empty", b"")
        + member("cut", good[:9000])
        + member("small", write_fits(galaxy(side=20)))
        + member("two", two_bands)
        + member("legacy", cube("grz"))
        + member("packed", packed(good))
        + member("twice", packed(packed(good)))
        + member("last", good)
        + END
    )
    found = read(sandbox, served, data)
    assert [one.name for one, _ in found] == [
        "good", "link", "../up", "text", "empty", "cut", "small", "two", "legacy", "packed", "twice", "last",
    ]  # fmt: skip
    assert codes(found) == [
        "", "archive.member_type", "archive.member_name", "upload.type", "upload.empty", "fits.truncated", "fits.too_small",
        "fits.band_missing", "fits.band_missing", "", "upload.type", "",
    ]  # fmt: skip
    assert np.array_equal(found[0][1].input, found[-1][1].input)
    assert np.array_equal(found[0][1].input, found[9][1].input)


class Deadly:
    """A sandbox whose children die at the members called ``crash``, and hang at those called ``hang``."""

    def __init__(self):
        self.jobs = []

    def stream(self, head, files, read):
        self.jobs.append([name for name, _ in files])
        for name, _ in files:
            if name == "crash":
                raise ChildDied
            if name == "hang":
                raise ChildTimeout("8 s")
            yield "read"


def test_a_member_that_kills_its_child_spoils_no_other(served, monkeypatch):
    box = Deadly()
    members = [Member(name) for name in ("a", "crash", "b", "hang", "hang", "c")]
    found = together(Reader(box, served, NOTHING).read(members))
    assert [one.name for one, _ in found] == ["a", "crash", "b", "hang", "hang", "c"]
    assert codes(found) == ["", "upload.crashed", "", "upload.timeout", "upload.timeout", ""]
    # Whoever died after others had been read might have been spoilt by them, and gets a child of its own.
    assert box.jobs[:2] == [["a", "crash", "b", "hang", "hang", "c"], ["crash", "b", "hang", "hang", "c"]]
    monkeypatch.setattr(cutout_reading, "MAX_DEATHS", 2)
    found = together(Reader(Deadly(), served, NOTHING).read(members))
    assert codes(found) == ["", "upload.crashed", "", "upload.timeout", "archive.unread", "archive.unread"]


def test_a_child_that_ends_too_soon_leaves_no_member_without_an_answer(served):
    class Hasty:
        def stream(self, head, files, read):
            yield from [CutoutRejected("fits.values", "told")][: len(files) - 1]

    found = together(Reader(Hasty(), served, NOTHING).read([Member(name) for name in "abc"]))
    assert codes(found) == ["fits.values", "fits.values", "upload.crashed"]


def test_a_known_killer_is_refused_by_its_headers(sandbox, served):
    assert codes(read(sandbox, served, tar([("a", hcompress_killer())]))) == ["fits.codec"]


def test_an_archive_larger_than_a_child_may_hold_streams_through_it(sandbox):
    # 1.1 GiB of members, more than the child's memory; each is let go when the next one comes.
    block = member("a.fits", bytes(8 << 20))
    n = 140

    def pieces():
        for _ in range(n):
            yield block
        yield END

    limits = Limits(members=500, unpacked_bytes=2 << 30, table_bytes=1 << 20)
    size = n * len(block) + len(END)
    assert sum(len(one.data) for one in walk(sandbox, pieces(), size, NOTHING, limits)) == n * (8 << 20)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "archive.empty"),
        (b"SIMPLE  =" + bytes(600), "archive.damaged"),
        (packed(member("a", bytes(12 << 20))), "upload.unpacked_too_large"),
        (tar([("a", b"1" * 3000)])[:1500], "archive.damaged"),
        (packed(tar([("a", b"1" * 3000)]))[:-6], "upload.corrupt_wrapper"),
        (b"PAR1" + bytes(100), "table.unreadable"),
        (tar([(str(n), b"") for n in range(501)]), "archive.members"),
    ],
    ids=["nothing", "no tar", "bomb", "cut", "cut gzip", "no table", "too many"],
)
def test_an_archive_that_is_none_is_refused_as_a_whole(sandbox, served, data, code):
    with pytest.raises(CutoutRejected) as caught:
        read(sandbox, served, data)
    assert caught.value.code == code


def test_names_touch_no_file(sandbox, served, tmp_path):
    target = tmp_path / "written"
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        info = tarfile.TarInfo(str(target))
        info.size = 4
        archive.addfile(info, io.BytesIO(b"evil"))
    assert codes(read(sandbox, served, stream.getvalue())) == ["archive.member_name"]
    assert not target.exists()


def test_a_large_body_has_longer_until_its_first_members(sandbox, monkeypatch):
    seconds = []

    class Noted(Deadline):
        def __init__(self, limit):
            seconds.append(limit)
            super().__init__(limit)

    monkeypatch.setattr("service.sandbox.Deadline", Noted)
    data = tar([("a", bytes(4 << 20))])
    list(walk(sandbox, iter([data]), len(data), NOTHING, LIMITS))
    assert max(seconds) == pytest.approx(60 + len(data) / 20e6)


def test_a_walk_gets_the_time_that_its_size_needs_and_no_more():
    heads = []

    class Told:
        def stream(self, head, files, read, *, body):
            heads.append(head)
            yield from ()

    for size in (1000, 1 << 30):
        list(walk(Told(), iter(()), size, NOTHING, Limits(1, 1 << 30, 1)))
    assert heads[0]["cpu_seconds"] == CPU_SECONDS
    assert CPU_SECONDS < heads[1]["cpu_seconds"] < 80
