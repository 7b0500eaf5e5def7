"""Of several releases of a survey, which one answers."""

from types import SimpleNamespace

import pytest

from service.defaults import default_release


def served(name, method, *, created="2026-01-01", display=False, without=None):
    training = {} if without is None else {"without": without}
    return SimpleNamespace(
        survey="mine",
        model=SimpleNamespace(
            card=SimpleNamespace(method=method, training=training),
            contract=SimpleNamespace(is_display=display),
        ),
        folder=SimpleNamespace(info=SimpleNamespace(kind="flux")),
        release=SimpleNamespace(id=name, info=SimpleNamespace(created=created)),
    )


def chosen(*candidates):
    return default_release("mine", {one.release.id: one for one in candidates})


@pytest.mark.parametrize("method", ["moco", "moco+rings"])
def test_a_trained_model_answers_before_fitted_ones(method):
    assert chosen(served("a", "pca48"), served("b", "polar48"), served("c", method, created="2027")) == "c"


def test_a_model_that_reads_the_images_as_they_are_answers_before_a_trained_one_that_does_not():
    assert chosen(served("a", "moco", display=True), served("b", "pca48")) == "b"


def test_a_vector_with_directions_taken_out_answers_only_when_it_is_asked_for():
    assert chosen(served("a", "moco", without=["size"]), served("b", "polar48")) == "b"


def test_of_two_alike_the_older_answers():
    assert chosen(served("a", "moco", created="2027"), served("b", "moco", created="2026")) == "b"
