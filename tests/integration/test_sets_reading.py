"""Files of public sets are read in blocks, never whole, and never anything outside them."""

import os
import sys
import tracemalloc

import h5py
import numpy as np
import pytest
from support.public_sets import hayat, images, pasquet_cube, write_hdf5

from survey.archive import SurveyInfo
from survey.sources import pasquet, pixels
from survey.sources.hayat import plan
from survey.sources.hdf5 import UnreadableSet, as_column, open_hdf5
from survey.sources.importing import import_survey, parts

INFO = SurveyInfo("mine", "mine", "flux")


def peak_of(job):
    """The most that Python and NumPy held at once while all of a plan's pixels were read, bytes."""
    tracemalloc.start()
    try:
        assert sum(part.rows.num_rows for part in parts(job)) == len(job.rows)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_set(tmp_path, monkeypatch):
    monkeypatch.setattr(pixels, "_BLOCK_BYTES", 2**20)
    packed = {"chunks": (32, 1, 32, 32), "compression": "gzip"}
    peaks = []
    for n in (1024, 3072):
        file = write_hdf5(tmp_path / f"{n}.h5", {"images": np.zeros((n, 5, 32, 32), np.float32)}, **packed)
        peaks.append(peak_of(plan([file], INFO)))
    # Ids and labels grow, some hundred bytes an object against 20,480 of its pixels; and where blocks and batches
    # meet moves the peak by a block.
    assert peaks[1] - peaks[0] < 0.06 * 2048 * 20_480


def test_blocks_are_whole_chunks_and_change_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(pixels, "_BLOCK_BYTES", 5 * 5 * 32 * 32 * 4)
    assert pixels.block_rows(5 * 32 * 32 * 4, 2) == 4
    assert pixels.block_rows(5 * 32 * 32 * 4, 7) == 5
    files = [hayat(tmp_path / f"{n}.h5", 13, side=32, ObjID=np.arange(13) + 100 * n) for n in range(2)]
    made = import_survey(plan(files, INFO), tmp_path)
    expected = np.concatenate([images(13, 5, 32)] * 2)
    assert np.allclose([c.flux for c in made.read(made.ids)], expected, rtol=2**-11, atol=1e-6)


def test_nothing_is_kept_for_a_second_run(tmp_path):
    seen = []
    job = plan([hayat(tmp_path / "a.h5", 3, side=16)], INFO)
    import_survey(
        job, tmp_path, progress=lambda done, total: seen.append(list(tmp_path.glob(".mine.import")))
    )
    assert seen == [[]]


@pytest.mark.parametrize("size", [0.02, 0.5, 0.99])
def test_a_file_that_is_cut_short_says_by_how_much(tmp_path, size):
    file = hayat(tmp_path / "a.h5", 4, side=32)
    whole = file.stat().st_size
    os.truncate(file, int(size * whole))
    with pytest.raises(UnreadableSet, match=f"cut short: {int(size * whole):,} of {whole:,} bytes are there"):
        plan([file], INFO)


def test_what_is_no_hdf5_is_said(tmp_path):
    (tmp_path / "a.h5").write_bytes(b"<html>404</html>")
    with pytest.raises(UnreadableSet, match=r"a\.h5 cannot be opened as HDF5 .*as it was published"):
        plan([tmp_path / "a.h5"], INFO)


def test_damage_inside_is_told_when_it_is_met(tmp_path):
    file = tmp_path / "a.h5"
    write_hdf5(file, {"images": images(40, 5, 32)}, chunks=(8, 5, 32, 32), compression="gzip")
    with h5py.File(file) as opened:
        place = opened["images"].id.get_chunk_info(3).byte_offset
    with file.open("r+b") as stream:
        stream.seek(place)
        stream.write(bytes(64))
    job = plan([file], INFO)
    with pytest.raises(UnreadableSet, match=r"a\.h5: a part of the file cannot be read .* Download it again"):
        import_survey(job, tmp_path / "surveys")
    assert not (tmp_path / "surveys" / "mine").exists()


def soft(file, other):
    file["ra"] = h5py.SoftLink("/images")


def external(file, other):
    file["ra"] = h5py.ExternalLink(other.name, "/images")


def virtual(file, other):
    layout = h5py.VirtualLayout(shape=(2,), dtype="f8")
    layout[:] = h5py.VirtualSource(other, "ra", shape=(2,))
    file.create_virtual_dataset("ra", layout)


def raw_elsewhere(file, other):
    file.create_dataset("ra", shape=(2,), dtype="f8", external=[(other, 0, h5py.h5f.UNLIMITED)])


@pytest.mark.parametrize(
    ("leads_elsewhere", "what"),
    [
        (soft, "a soft link"),
        (external, "an external link"),
        (virtual, "a virtual dataset"),
        (raw_elsewhere, "raw data in another file"),
    ],
)
def test_nothing_that_leads_elsewhere_is_followed(tmp_path, leads_elsewhere, what):
    other = hayat(tmp_path / "other.h5", 2, side=32)
    file = hayat(tmp_path / "a.h5", 2, side=32, ra=None)
    with h5py.File(file, "a") as opened:
        leads_elsewhere(opened, other)
    with pytest.raises(UnreadableSet, match=rf"a\.h5: 'ra' is {what}, and is not followed\. Copy the data"):
        plan([file], INFO)


def test_one_image_larger_than_memory_is_refused_by_its_shape(tmp_path):
    path = tmp_path / "bomb.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset(
            "images", (1, 5, 200_000, 200_000), "f4", chunks=(1, 1, 64, 64), compression="gzip"
        )
    with pytest.raises(UnreadableSet, match="S from 16 to 2048"):
        plan([path], INFO, field_px=64)


def test_text_for_redshifts_is_refused_without_naming_an_option_that_is_not_there(tmp_path):
    file = hayat(tmp_path / "a.h5", 2, side=16, specz_redshift=np.array([b"a", b"b"]))
    with pytest.raises(UnreadableSet, match=r"z_spec holds text that is no number\. Give the set's files"):
        plan([file], INFO)


def test_datasets_without_a_dataspace_hold_nothing(tmp_path):
    path = hayat(tmp_path / "sdss.h5", 3, side=16)
    with h5py.File(path, "r+") as file:
        file["nothing"] = h5py.Empty("f4")
    assert any("nothing" in note for note in plan([path], INFO).rows.notes)
    with h5py.File(path, "r+") as file:
        del file["images"]
        file["images"] = h5py.Empty("f4")
    with pytest.raises(UnreadableSet, match=r"has shape \(\)"):
        plan([path], INFO)


def test_arrays_of_objects_are_no_images_and_no_columns(tmp_path):
    file = hayat(tmp_path / "a.h5", 2, side=32, images=None)
    with h5py.File(file, "a") as opened:
        opened.create_dataset("images", (2, 5, 32, 32), dtype=h5py.vlen_dtype(np.float32))
    with pytest.raises(UnreadableSet, match="'images' holds object; this format holds floating-point fluxes"):
        plan([file], INFO)
    file = hayat(tmp_path / "b.h5", 2, side=32)
    with h5py.File(file, "a") as opened:
        opened.create_dataset("lists", (2,), dtype=h5py.vlen_dtype(np.float32))
        opened.create_dataset("pointers", (2,), dtype=h5py.ref_dtype)
        opened["group/inner"] = 1
    job = plan([file], INFO)
    assert "Left out, not one value per object: lists, pointers." in job.rows.notes


def test_without_h5py_the_remedy_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(UnreadableSet, match=r"h5py is not installed: pip install .*'\.\[train\]'"):
        plan([tmp_path / "a.h5"], INFO)


def test_text_is_read_whatever_its_length_is_stored_as(tmp_path):
    words = ["DEV", "SERSIC"]
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["fixed"] = np.array(words, "S6")
        file.create_dataset("long", data=words, dtype=h5py.string_dtype())
    with open_hdf5(tmp_path / "a.h5") as datasets:
        assert as_column(datasets["fixed"][:], "fixed").to_pylist() == words
        assert as_column(datasets["long"][:], "long").to_pylist() == words


def test_numbers_of_any_order_and_width_are_read():
    assert as_column(np.array([1.5, np.inf], ">f8"), "x").to_pylist() == [1.5, None]
    assert as_column(np.array([[3], [4]], ">i2"), "x").to_pylist() == [3, 4]
    assert as_column(np.array([0.5, -99], np.float32), "z_phot_median").to_pylist() == [0.5, None]
    assert as_column(np.array([0.5, -99], np.float32), "colour").to_pylist() == [0.5, -99]
    assert as_column(np.zeros((3, 2)), "x") is None


@pytest.mark.parametrize("suffix", ["h5", "npz"])
def test_whatever_bytes_are_wrong_a_file_is_read_or_refused_by_name(tmp_path, suffix):
    file = tmp_path / f"a.{suffix}"
    if suffix == "h5":
        hayat(file, 3, side=16)
    else:
        np.savez_compressed(file, cube=pasquet_cube(3, 16), z=np.full(3, 0.1))
    reader = plan if suffix == "h5" else pasquet.plan
    whole, rng = file.read_bytes(), np.random.default_rng(0)
    outcomes = set()
    for _ in range(60):
        damaged = bytearray(whole)
        # Headers stand first in HDF5 files and last in archives.
        low = 0 if suffix == "h5" else len(whole) - 400
        for place in rng.integers(low, min(low + 3000, len(whole)), rng.integers(1, 6)):
            damaged[place] = rng.choice([0, 255, rng.integers(256)])
        file.write_bytes(damaged)
        try:
            outcomes.add(sum(part.rows.num_rows for part in parts(reader([file], INFO))) <= 3)
        except UnreadableSet as error:
            outcomes.add("a." in str(error))
    assert outcomes == {True}
