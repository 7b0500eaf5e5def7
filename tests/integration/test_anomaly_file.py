"""The file of an anomaly model: skops's own format, plain arrays and nothing that runs."""

from __future__ import annotations

import zipfile

import numpy as np
import orjson
import pytest
import skops.io
from sklearn.ensemble import IsolationForest

from index.anomalies.model import ANOMALIES, AnomalyModel
from index.anomalies.skops_file import read_skops, write_skops
from survey.manifests import CorruptFolder

N, D = 300, 6


class Hostile:
    """Would run a command when it is put together again."""

    def __reduce__(self):
        import os

        return os.system, ("touch pwned",)


@pytest.fixture(scope="module")
def vectors():
    made = np.random.default_rng(0).normal(size=(N, D)).astype(np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def model(vectors):
    return AnomalyModel.fitted([f"J{n:03}" for n in range(N)], vectors, seed=0)


def test_a_model_comes_back_as_it_was(model, vectors, tmp_path):
    model.save(tmp_path)
    again = AnomalyModel.open(tmp_path)
    first, second = model.score(vectors[:50]), again.score(vectors[:50])
    for name in model.detectors:
        assert np.array_equal(first.raw[name], second.raw[name])
        assert np.array_equal(first.p[name], second.p[name])
    assert (again.reference_ids, again.seed, again.default) == (model.reference_ids, 0, "density")
    assert again.nearest_normal(vectors[3], 5).ids == model.nearest_normal(vectors[3], 5).ids


def test_a_seed_gives_the_same_bytes_and_another_seed_another_forest(vectors, tmp_path):
    made = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        (tmp_path / name).mkdir()
        AnomalyModel.fitted([str(n) for n in range(N)], vectors, seed=seed).save(tmp_path / name)
        made.append((tmp_path / name / ANOMALIES).read_bytes())
    assert made[0] == made[1] != made[2]


def test_skops_reads_it_without_being_told_to_trust_anything(model, tmp_path):
    model.save(tmp_path)
    theirs, ours = skops.io.load(tmp_path / ANOMALIES, trusted=[]), read_skops(tmp_path / ANOMALIES)
    assert theirs.keys() == ours.keys()
    for name, array in ours.items():
        assert np.array_equal(theirs[name], array)


def test_what_skops_writes_of_plain_arrays_is_read(tmp_path):
    arrays = {"numbers": np.arange(5.0), "words": np.array(["a", "b"])}
    skops.io.dump(arrays, tmp_path / "theirs.skops")
    read = read_skops(tmp_path / "theirs.skops")
    assert all(np.array_equal(read[name], array) for name, array in arrays.items())


@pytest.mark.parametrize(
    "content",
    [
        {"detector": Hostile()},
        {"forest": IsolationForest(n_estimators=2).fit(np.eye(4))},
        {"run": print},
        {"deep": [1, {"deeper": Hostile()}]},
    ],
)
def test_any_other_type_is_refused_by_name_and_nothing_runs(content, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    skops.io.dump(content, tmp_path / ANOMALIES)
    with pytest.raises(CorruptFolder, match="trust nothing that came with it") as refused:
        AnomalyModel.open(tmp_path)
    assert f"{ANOMALIES} holds " in str(refused.value)
    assert not (tmp_path / "pwned").exists()


def test_an_array_of_objects_is_neither_written_nor_read(tmp_path):
    objects = np.array([{"a": 1}, None], dtype=object)
    with pytest.raises(ValueError, match="holds objects"):
        write_skops(tmp_path / "mine.skops", {"objects": objects})
    write_skops(tmp_path / "mine.skops", {"plain": np.arange(2)})
    np.save(tmp_path / "pickled.npy", objects, allow_pickle=True)
    with zipfile.ZipFile(tmp_path / "mine.skops") as whole:
        schema = whole.read("schema.json")
    with zipfile.ZipFile(tmp_path / "forged.skops", "w") as archive:
        archive.writestr("schema.json", schema)
        archive.write(tmp_path / "pickled.npy", "1.npy")
    with pytest.raises(CorruptFolder, match="cannot be read"):
        read_skops(tmp_path / "forged.skops")


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"\x80\x04N."])
def test_what_is_no_archive_is_refused(data, tmp_path):
    (tmp_path / ANOMALIES).write_bytes(data)
    with pytest.raises(CorruptFolder, match="cannot be read; build the release again"):
        AnomalyModel.open(tmp_path)


@pytest.mark.parametrize(
    "schema",
    [
        b"[]",
        b"{}",
        b'{"__class__": "dict", "__module__": "builtins", "__loader__": "DictNode", "protocol": 3, "content": {}}',
        b'{"__class__": "ndarray", "__module__": "numpy", "__loader__": "MethodNode", "protocol": 2}',
    ],
)
def test_a_schema_that_is_none_is_refused(schema, tmp_path):
    with zipfile.ZipFile(tmp_path / ANOMALIES, "w") as archive:
        archive.writestr("schema.json", schema)
    with pytest.raises(CorruptFolder):
        AnomalyModel.open(tmp_path)


@pytest.mark.parametrize("name", ["reference", "normal", "axes", "lof_kth", "density_tail_pareto", "format"])
def test_arrays_that_do_not_fit_each_other_are_refused(model, name, tmp_path):
    model.save(tmp_path)
    arrays = read_skops(tmp_path / ANOMALIES)
    arrays[name] = np.zeros(2, np.float32)
    write_skops(tmp_path / ANOMALIES, arrays)
    with pytest.raises(CorruptFolder, match="does not fit this version"):
        AnomalyModel.open(tmp_path)
    del arrays[name]
    write_skops(tmp_path / ANOMALIES, arrays)
    with pytest.raises(CorruptFolder, match="does not fit this version"):
        AnomalyModel.open(tmp_path)


def test_nearest_normal_galaxies_are_the_most_alike_that_are_not_odd(model, vectors):
    odd = model.score(vectors).p["density"] < 0.05
    similarity = vectors @ vectors[7]
    expected = [n for n in np.argsort(-similarity) if n != 7 and not odd[n]][:4]
    found = model.nearest_normal(vectors[7], 4)
    assert found.ids == tuple(f"J{n:03}" for n in expected)
    assert found.similarity == pytest.approx(similarity[expected], abs=1e-6)


def test_the_file_says_the_types_that_it_holds(model, tmp_path):
    model.save(tmp_path)
    with zipfile.ZipFile(tmp_path / ANOMALIES) as archive:
        schema = orjson.loads(archive.read("schema.json"))
    assert {node["__loader__"] for node in schema["content"].values()} == {"NdArrayNode"}
