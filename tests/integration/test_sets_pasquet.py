"""The set of Pasquet et al. becomes a survey, and nothing of it is unpickled."""

import pickle
import re
import tracemalloc
from zipfile import ZipFile

import numpy as np
import pyarrow.parquet as pq
import pytest
from support.public_sets import as_objects, images, pasquet_cube, pasquet_labels

from survey.archive import SurveyInfo
from survey.sources import pixels
from survey.sources.hdf5 import UnreadableSet
from survey.sources.importing import import_survey, parts
from survey.sources.npy_files import ArrayFile, StreamedCube
from survey.sources.pasquet import plan

INFO = SurveyInfo("mine", "mine", "flux")


@pytest.fixture(params=[np.savez, np.savez_compressed])
def sdss(tmp_path, request):
    """`sdss.npz` as published: the labels are pickled."""
    request.param(tmp_path / "sdss.npz", cube=pasquet_cube(6), labels=as_objects(pasquet_labels(6)))
    return tmp_path / "sdss.npz"


def documented_conversion(repository, folder):
    """Run the lines of the documentation that make a table of the labels."""
    page = (repository / "docs" / "public-sets.md").read_text()
    lines = re.search(r"```python\n(.*?allow_pickle=True.*?)```", page, re.DOTALL)[1]
    exec(lines.replace('"sdss.npz"', repr(str(folder / "sdss.npz"))).replace(
        '"labels.parquet"', repr(str(folder / "labels.parquet"))
    ), {})  # fmt: skip
    return folder / "labels.parquet"


def check(made):
    assert made.info.bands.ids == ("sdss:u", "sdss:g", "sdss:r", "sdss:i", "sdss:z")
    assert (made.info.field_px, made.info.pixel_scale_arcsec) == (64, 0.396)
    # Bands came last and are first now; pixels are stored as float16.
    assert np.allclose([c.flux for c in made.read(made.ids)], images(6, 5, 64), rtol=2**-11, atol=1e-6)
    labels = pasquet_labels(6)
    assert made.ids == [str(i) for i in labels["objID"]]
    assert np.allclose(made.objects.column("z_spec").to_numpy(), labels["z"])
    assert np.allclose(made.objects.column("ebv").to_numpy(), labels["EBV"])
    assert np.allclose(made.objects.column("ra_deg").to_numpy(), labels["ra"])
    assert made.objects.column("specobjid").to_pylist() == labels["specObjID"].tolist()
    assert made.objects.column("class").to_pylist() == ["GALAXY"] * 6


def test_the_archive_with_labels_converted_as_documented(sdss, tmp_path, repository):
    table = documented_conversion(repository, tmp_path)
    assert pq.read_metadata(table).num_rows == 6
    check(import_survey(plan([sdss, table], INFO), tmp_path))


def test_the_cube_and_labels_as_plain_files(tmp_path):
    np.save(tmp_path / "cube.npy", pasquet_cube(6))
    np.save(tmp_path / "labels.npy", pasquet_labels(6))
    check(import_survey(plan([tmp_path / "labels.npy", tmp_path / "cube.npy"], INFO), tmp_path))


def test_plain_arrays_beside_the_cube_need_no_table(tmp_path):
    np.savez(
        tmp_path / "data_example.npz",
        data=pasquet_cube(3),
        z=np.array([[0.1], [np.nan], [0.3]], np.float32),
        ebv=np.array([0.01, 0.02, 0.03]),
        cat=as_objects(pasquet_labels(3)),
    )
    job = plan([tmp_path / "data_example.npz"], INFO)
    made = import_survey(job, tmp_path)
    assert made.ids == [f"data_example-000000{n}" for n in range(3)]
    assert made.objects.column("z_spec").to_pylist() == [pytest.approx(0.1), None, pytest.approx(0.3)]
    assert made.objects.column("ebv").to_pylist() == [0.01, 0.02, 0.03]
    assert "Left out, not one value per object: cat." in job.rows.notes


def test_only_the_rows_wanted_are_taken(sdss, tmp_path):
    np.save(tmp_path / "labels.npy", pasquet_labels(6))
    made = import_survey(plan([sdss, tmp_path / "labels.npy"], INFO, limit=2, field_px=32), tmp_path)
    assert len(made) == 2
    assert np.allclose(
        made.read(made.ids)[1].flux, images(6, 5, 64)[1, :, 16:48, 16:48], rtol=2**-11, atol=1e-6
    )


def test_blocks_may_be_skipped_and_read_again(sdss):
    cube = StreamedCube.of(ArrayFile(sdss, "cube"), planes=5)
    for first in (0, 3, 1, 5):
        assert np.array_equal(cube.read(first, first + 1).flux[0], images(6, 5, 64)[first])
    cube.close()


def test_pickled_labels_are_refused_with_the_remedy(sdss):
    with pytest.raises(
        UnreadableSet, match=r"'labels' is pickled Python.*never opened.*docs/public-sets\.md"
    ):
        plan([sdss], INFO)


class Bomb:
    def __reduce__(self):
        return pytest.fail, ("the pickle was loaded",)


def test_no_pickle_is_ever_loaded(tmp_path):
    np.savez(tmp_path / "a.npz", cube=pasquet_cube(2), z=np.array([0.1, 0.2]))
    header = (
        np.lib.format.magic(1, 0)
        + b"\x76\x00"
        + b"{'descr': '|O', 'fortran_order': False, 'shape': (2,), }".ljust(117)
        + b"\n"
    )
    with ZipFile(tmp_path / "a.npz", "a") as zipped:
        zipped.writestr("labels.npy", header + pickle.dumps(Bomb()))
    assert len(import_survey(plan([tmp_path / "a.npz"], INFO), tmp_path)) == 2
    (tmp_path / "labels.npy").write_bytes(header + pickle.dumps(Bomb()))
    with pytest.raises(UnreadableSet, match=r"labels\.npy: 'labels\.npy' is pickled Python"):
        plan([tmp_path / "a.npz", tmp_path / "labels.npy"], INFO)


def test_a_table_of_another_cube_is_refused(sdss, tmp_path):
    np.save(tmp_path / "labels.npy", pasquet_labels(5))
    with pytest.raises(UnreadableSet, match=r"labels\.npy has 5 rows, sdss\.npz: 'cube' 6 images"):
        plan([sdss, tmp_path / "labels.npy"], INFO)


def test_files_that_do_not_belong_together_are_refused(sdss, tmp_path):
    np.save(tmp_path / "cube.npy", pasquet_cube(1, 16))
    with pytest.raises(UnreadableSet, match="2 cubes and 0 tables were given"):
        plan([sdss, tmp_path / "cube.npy"], INFO)
    with pytest.raises(UnreadableSet, match=r"cube\.npy has no labels; give their table too"):
        plan([tmp_path / "cube.npy"], INFO)
    np.savez(tmp_path / "other.npz", x=np.zeros(3))
    with pytest.raises(UnreadableSet, match=r"other\.npz has no array 'cube'; it has x"):
        plan([tmp_path / "other.npz"], INFO)


@pytest.mark.parametrize(
    ("cube", "message"),
    [
        (images(2, 5, 32), r"shape \(2, 5, 32, 32\); this format has \(N, S, S, 5\)"),
        (np.zeros((2, 32, 32, 5), np.uint16), "holds uint16; this format holds floating-point fluxes"),
        (np.asfortranarray(pasquet_cube(2, 32)), "Fortran order"),
    ],
)
def test_another_cube_is_refused(tmp_path, cube, message):
    np.savez(tmp_path / "a.npz", cube=cube, z=np.zeros(2))
    with pytest.raises(UnreadableSet, match=message):
        plan([tmp_path / "a.npz"], INFO)


def test_files_cut_short_are_refused(sdss, tmp_path):
    whole = sdss.read_bytes()
    sdss.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UnreadableSet, match=r"sdss\.npz is cut short or no \.npz file"):
        plan([sdss], INFO)
    np.save(tmp_path / "cube.npy", pasquet_cube(2))
    np.save(tmp_path / "labels.npy", pasquet_labels(2))
    cube = (tmp_path / "cube.npy").read_bytes()
    (tmp_path / "cube.npy").write_bytes(cube[:-100])
    with pytest.raises(
        UnreadableSet, match=rf"cube\.npy has {len(cube) - 100:,} bytes; its header promises {len(cube):,}"
    ):
        plan([tmp_path / "cube.npy", tmp_path / "labels.npy"], INFO)
    (tmp_path / "cube.npy").write_bytes(b"\x93NUM")
    with pytest.raises(UnreadableSet, match="damaged, cut short or no NumPy file"):
        plan([tmp_path / "cube.npy"], INFO)


def test_damage_in_compressed_pixels_is_told(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", cube=pasquet_cube(4), z=np.zeros(4) + 0.1)
    data = bytearray((tmp_path / "a.npz").read_bytes())
    data[20_000:20_200] = bytes(200)
    (tmp_path / "a.npz").write_bytes(data)
    job = plan([tmp_path / "a.npz"], INFO)
    with pytest.raises(UnreadableSet, match="Download it again"):
        import_survey(job, tmp_path)


def test_memory_does_not_grow_with_the_cube(tmp_path, monkeypatch):
    monkeypatch.setattr(pixels, "_BLOCK_BYTES", 2**20)
    peaks = []
    for n in (1024, 3072):
        np.savez_compressed(
            tmp_path / f"{n}.npz", cube=np.zeros((n, 32, 32, 5), np.float32), z=np.zeros(n) + 0.1
        )
        job = plan([tmp_path / f"{n}.npz"], INFO)
        tracemalloc.start()
        assert sum(part.rows.num_rows for part in parts(job)) == n
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # Ids and labels grow, some hundred bytes an object against 20,480 of its pixels; and where blocks and batches
    # meet moves the peak by a block.
    assert peaks[1] - peaks[0] < 0.06 * 2048 * 20_480
