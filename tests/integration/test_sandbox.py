"""The sandbox with its real children: what they may not do, how they end, that the next file is answered."""

import bz2
import io
import os
import resource
import signal
import threading
import time
from dataclasses import asdict

import numpy as np
import pytest
from support.fits_builder import hcompress_killer, image, primary, tiled_image, with_card
from support.fits_files import cube, single
from support.sky_galaxy import sky_header

from service.operations.refusals import Busy
from service.sandbox import ChildDied, ChildTimeout, Sandbox
from service.sandbox_limits import CPU_SECONDS, LIMITS, MEMORY_BYTES, NICENESS
from service.sandbox_reply import read_cutout
from survey.fits.reader import read_fits
from survey.ingest import CutoutRejected, Overrides

GOOD = cube("grz")
NOTHING = Overrides()


@pytest.fixture(scope="module")
def sandbox():
    # Longer than in service: the machine may be busy with other tests, and children yield to everyone.
    with Sandbox(wall_seconds=60) as box:
        yield box


def past_the_prescan(sandbox, *files):
    head = {"task": "cutout", "overrides": asdict(NOTHING)}
    return sandbox.submit(head, [("x.fits", data) for data in files], read_cutout)


def assert_answers(sandbox):
    assert sandbox.run([("x.fits", GOOD)], NOTHING).cutout.shape == (40, 40)


@pytest.fixture(scope="module")
def probe(sandbox):
    return sandbox.probe()


def test_a_child_has_loaded_neither_the_service_nor_its_libraries(probe):
    loaded = {name.partition(".")[0] for name in probe["modules"]}
    assert loaded.isdisjoint(
        {"faiss", "onnxruntime", "zarr", "sqlalchemy", "fastapi", "starlette", "index", "torch", "onnx"}
    )
    assert "astropy" in loaded
    assert "service.main" not in probe["modules"]


def test_a_child_sees_nothing_of_the_environment(monkeypatch):
    monkeypatch.setenv("SKYLIKE_DATABASE_URL", "postgresql://user:secret@host/db")
    with Sandbox(wall_seconds=60) as box:
        seen = box.probe()["environment"]
    assert "secret" not in str(seen)
    assert not [name for name in seen if name.startswith("SKYLIKE")]
    assert seen["OPENBLAS_NUM_THREADS"] == "1"


def test_a_child_lives_under_its_limits(probe):
    assert probe["limits"] == {str(limit): value for limit, value in LIMITS.items()}
    assert LIMITS[resource.RLIMIT_FSIZE] == 0
    assert probe["nice"] == NICENESS


def test_the_service_itself_keeps_its_limits_and_niceness(probe):
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 0
    assert os.nice(0) < NICENESS


def test_the_cutout_comes_back_as_the_reader_made_it(sandbox):
    expected = read_fits([("x.fits", GOOD)], overrides=NOTHING)
    got = sandbox.run([("x.fits", GOOD)], NOTHING)
    np.testing.assert_array_equal(got.cutout.flux, expected.cutout.flux)
    assert got.cutout.bands == expected.cutout.bands
    assert got.report.to_json() == expected.report.to_json()
    assert (got.cutout.ra_deg, got.cutout.pixel_scale_arcsec) == (
        expected.cutout.ra_deg,
        expected.cutout.pixel_scale_arcsec,
    )


def test_a_turned_galaxy_is_resampled_without_a_file(sandbox):
    # Left alone, reproject looks for a place for temporary files by writing one, which ends the child.
    found = sandbox.run([("x.fits", cube("grz", header=sky_header(40, angle=30)))], NOTHING)
    assert {"turned", "regridded"} <= set(found.report.flags)
    # The box around a square of 40 px turned by 30 degrees: 54.6, and as even as 40.
    assert found.cutout.shape == (56, 56)


def test_several_files_are_one_galaxy(sandbox):
    files = [(f"{band}.fits", single(band)) for band in "rgz"]
    assert sorted(sandbox.run(files, NOTHING).cutout.bands.names) == ["g", "r", "z"]


def test_a_compressed_file_is_unpacked_in_the_child(sandbox):
    got = sandbox.run([("x.fits.bz2", bz2.compress(GOOD))], NOTHING)
    assert got.cutout.shape == (40, 40)
    assert any("Unpacked" in text for _, text in got.report.steps)


def test_what_is_inside_a_wrapper_is_prescanned_too(sandbox):
    for data, code in (
        (hcompress_killer(), "fits.codec"),
        (b"GIF89a", "upload.type"),
        (bz2.compress(GOOD), "upload.type"),
    ):
        with pytest.raises(CutoutRejected) as refused:
            sandbox.run([("x.bz2", bz2.compress(data))], NOTHING)
        assert refused.value.code == code


def test_a_bzip2_bomb_of_a_kilobyte_ends_at_the_cap(sandbox):
    bomb = bz2.compress(bytes(1 << 24)) * 64
    with pytest.raises(CutoutRejected) as refused:
        sandbox.run([("x.bz2", bomb)], NOTHING)
    assert refused.value.code == "upload.unpacked_too_large"


def test_an_interpreter_killer_kills_only_its_child(sandbox):
    with pytest.raises(ChildDied) as died:
        past_the_prescan(sandbox, hcompress_killer())
    assert died.value.code == "upload.crashed"
    assert_answers(sandbox)


def test_an_endless_header_ends_with_its_processor_time(sandbox):
    begun = time.monotonic()
    with pytest.raises(ChildTimeout, match=f"{CPU_SECONDS} s of processor time"):
        past_the_prescan(sandbox, with_card(primary(8), "NAXIS", 10**9))
    assert time.monotonic() - begun >= CPU_SECONDS - 1
    assert_answers(sandbox)


def test_a_child_that_hangs_is_killed_by_the_clock():
    with Sandbox(wall_seconds=1.5) as box:
        box.probe()
        with pytest.raises(ChildTimeout, match=r"1\.5 s"):
            past_the_prescan(box, with_card(primary(8), "NAXIS", 10**9))


def test_the_end_of_each_child_can_be_heard():
    ends = []
    for hostile, wall_seconds in (
        (None, 60),
        (hcompress_killer(), 60),
        (with_card(primary(8), "NAXIS", 10**9), 1.5),
    ):
        with Sandbox(wall_seconds=wall_seconds, on_end=ends.append) as box:
            if hostile is None:
                assert_answers(box)
            else:
                with pytest.raises(CutoutRejected):
                    past_the_prescan(box, hostile)
    assert [end.exit_code for end in ends] == [0, -signal.SIGABRT, -signal.SIGKILL]
    # An interpreter with astropy holds more than 20 MiB.
    assert all(20 << 20 < end.peak_bytes < MEMORY_BYTES for end in ends)
    assert 0 < ends[0].cpu_seconds < CPU_SECONDS


def test_more_memory_than_allowed_is_a_refusal(sandbox):
    side = 20_000
    assert side * side * 4 > MEMORY_BYTES
    with pytest.raises(CutoutRejected):
        past_the_prescan(sandbox, primary(-32, [side, side]))
    assert_answers(sandbox)


def test_several_pictures_or_ten_files_are_refused_before_a_child(sandbox):
    picture = _png()
    for files in ([("a.png", picture)] * 2, [("a.fits", tiled_image())] * 10):
        with pytest.raises(CutoutRejected) as refused:
            sandbox.run(files, NOTHING)
        assert refused.value.code == "upload.files"


def test_the_headers_of_all_files_are_bounded_together(sandbox):
    long = image(np.ones((40, 40), np.float32), [("COMMENT", "x")] * 5_000)
    with pytest.raises(CutoutRejected, match="more than 1000 blocks") as refused:
        sandbox.run([("x.fits", long)] * 8, NOTHING)
    assert refused.value.code == "fits.header_too_large"


def test_no_file_is_looked_at_before_its_turn(monkeypatch):
    looked = []
    with Sandbox(children=1, queue=0) as box:
        monkeypatch.setattr("service.sandbox.prescan", looked.append)
        with box._slot(), pytest.raises(Busy):
            box.run([("x.fits", GOOD)], NOTHING)
    assert looked == []


def test_a_picture_becomes_a_display_cutout(sandbox):
    got = sandbox.run([("galaxy.png", _png())], Overrides(pixel_scale_arcsec=0.4))
    assert got.cutout.bands.is_display
    assert got.cutout.pixel_scale_arcsec == 0.4


def test_a_file_name_is_text_and_never_opened(sandbox, tmp_path):
    target = tmp_path / "out.fits"
    for name in (
        "http://127.0.0.1:9/x.fits",
        f"!{target}",
        f"{target}[1]",
        f"x({target})",
        "../../etc/passwd",
        "/etc/passwd",
    ):
        assert sandbox.run([(name, GOOD)], NOTHING).cutout.shape == (40, 40)
    assert list(tmp_path.iterdir()) == []


def test_the_server_is_started_again_after_its_death(sandbox):
    process = sandbox._server._process
    process.kill()
    process.wait()
    assert_answers(sandbox)


def test_a_server_that_cannot_start_makes_uploads_wait_not_fail(monkeypatch):
    monkeypatch.setattr("service.sandbox_process._LAUNCH", "raise SystemExit")
    with Sandbox() as box, pytest.raises(Busy):
        box.probe()


def test_beyond_the_queue_the_sandbox_is_busy():
    with Sandbox(children=1, queue=1, wall_seconds=1.5) as box:
        box.probe()
        hanging = with_card(primary(8), "NAXIS", 10**9)
        ends = []

        def hang():
            with pytest.raises(ChildTimeout):
                past_the_prescan(box, hanging)
            ends.append(1)

        threads = [threading.Thread(target=hang) for _ in range(2)]
        for thread in threads:
            thread.start()
        while box._inside < 2:
            time.sleep(0.01)
        with pytest.raises(Busy):
            box.run([("x.fits", GOOD)], NOTHING)
        for thread in threads:
            thread.join()
        assert len(ends) == 2


def test_closing_leaves_no_process():
    box = Sandbox()
    box.probe()
    process = box._server._process
    box.close()
    assert process.returncode is not None


def test_values_no_galaxy_has_are_refused(sandbox):
    pixels = np.full((40, 40), 1e30, np.float32)
    pixels[::3] = 2e30
    more = [("BUNIT", "nanomaggy"), ("BAND", "r")]
    with pytest.raises(CutoutRejected) as refused:
        sandbox.run([("x.fits", image(pixels, more))], Overrides(pixel_scale_arcsec=0.4))
    assert refused.value.code == "fits.values"


def _png():
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 40, 3), dtype=np.uint8)).save(
        stream, "PNG"
    )
    return stream.getvalue()
