"""The loop by itself, around a method that is a straight line."""

import json
import math

import pytest

torch = pytest.importorskip("torch", reason="torch is in the extra [train]")

from training.config import OptimiserConfig  # noqa: E402
from training.loop import Diverged, run_epochs  # noqa: E402
from training.methods.method import ParameterGroup  # noqa: E402
from training.runs import RunFolder, RunMismatch  # noqa: E402

N = 20


class Line:
    """Fits y = 3 x by least squares; what is called is written down."""

    def __init__(self, *, breaks_at=None, breaks="loss", scores=()):
        self.weight = torch.zeros(1, requires_grad=True)
        self.x = torch.linspace(-1, 1, N)
        self.called, self.expected, self.seen = [], [], []
        self.breaks_at, self.breaks, self.scores = breaks_at, breaks, list(scores)

    def parameters(self):
        return [ParameterGroup([self.weight])]

    def expect(self, batches):
        self.expected += batches

    def loss(self, batch):
        self.seen.append(batch)
        x = self.x[batch.rows]
        loss = ((self.weight * x - 3 * x) ** 2).mean()
        if len(self.seen) == self.breaks_at:
            # The root of nothing is a number; its slope is none.
            loss = loss * math.nan if self.breaks == "loss" else loss + (self.weight * 0).abs().sqrt().sum()
        return loss, {"squares": loss.detach()}

    def after_batch(self):
        self.called.append("batch")

    def after_step(self):
        self.called.append("step")

    def waited(self):
        return 0.0

    def validate(self):
        return {"score": self.scores.pop(0)} if self.scores else {}

    def state_dict(self):
        return {"weight": self.weight.detach().clone()}

    def load_state_dict(self, state):
        with torch.no_grad():
            self.weight.copy_(state["weight"])


def config(**changed):
    numbers = {"batch": 4, "epochs": 2, "warmup_epochs": 0.0, "learning_rate": 0.2, "weight_decay": 0.0}
    return OptimiserConfig(**{**numbers, **changed})


def run(method, path, *, best_score=math.nan, **changed):
    folder = RunFolder(path, {})
    settings, cpu = config(**changed), torch.device("cpu")
    finished = run_epochs(method, settings, [N], folder, seed=0, device=cpu, best_score=best_score)
    return finished, folder


def lines(folder):
    return [json.loads(line) for line in (folder.path / "log.jsonl").read_text().splitlines()]


def test_a_line_is_fitted(tmp_path):
    method = Line()
    run(method, tmp_path, epochs=20)
    assert float(method.weight.detach()) == pytest.approx(3, abs=0.05)


def test_the_method_is_told_beforehand_what_comes(tmp_path):
    method = Line()
    run(method, tmp_path)
    assert method.expected == method.seen
    assert len(method.seen) == 10


def test_accumulated_batches_are_one_step_and_the_last_of_an_epoch_may_be_smaller(tmp_path):
    method = Line()
    run(method, tmp_path, accumulate=2, epochs=1)
    assert method.called == ["batch", "batch", "step", "batch", "batch", "step", "batch", "step"]


def test_the_gradient_of_accumulated_batches_is_that_of_one_large_batch(tmp_path):
    # Twenty in batches of five, all in one step: the order within does not matter.
    parts, whole = Line(), Line()
    run(parts, tmp_path / "parts", batch=5, accumulate=4, epochs=3)
    run(whole, tmp_path / "whole", batch=20, epochs=3)
    assert float(parts.weight.detach()) == pytest.approx(float(whole.weight.detach()), rel=1e-5)


def test_the_rate_of_a_step_is_that_of_all_of_its_batches(tmp_path):
    _, folder = run(Line(), tmp_path, accumulate=4, epochs=4)
    # Two steps an epoch; the logged rate is the second's: half a cosine over eight steps.
    expected = [0.2 * 0.5 * (1 + math.cos(math.pi * step / 8)) for step in (1, 3, 5, 7)]
    assert [line["learning_rate"] for line in lines(folder)] == pytest.approx(expected, rel=1e-3)


def test_the_gradients_norm_is_logged(tmp_path):
    _, folder = run(Line(), tmp_path, batch=20, epochs=1)
    x = torch.linspace(-1, 1, N)
    # The derivative of the mean of (w x - 3 x)^2 at w = 0.
    assert lines(folder)[0]["gradient_norm"] == pytest.approx(6 * float((x**2).mean()), abs=1e-4)


def test_a_smaller_step_at_the_end_of_an_epoch_weighs_its_batches_alike(tmp_path):
    method = Line()
    _, folder = run(method, tmp_path, accumulate=4, epochs=1, learning_rate=1e-9)
    squares = [float((method.x[batch.rows] ** 2).mean()) for batch in method.seen]
    # Steps of four batches and of one; the derivative at w = 0 as above.
    steps = [6 * sum(squares[:4]) / 4, 6 * squares[4]]
    assert lines(folder)[0]["gradient_norm"] == pytest.approx(sum(steps) / 2, abs=1e-4)


@pytest.mark.parametrize("breaks", ["loss", "gradient"])
def test_a_run_without_numbers_stops_and_says_what_to_lower(tmp_path, breaks):
    method = Line(breaks_at=8, breaks=breaks)
    with pytest.raises(
        Diverged, match=r"batch 8 of 10 \(epoch 2\): lower optimiser.learning_rate \(now 0.2\)"
    ):
        run(method, tmp_path)
    # The end of the first epoch is what was saved, and the weights did not move on a gradient that is none.
    state = RunFolder(tmp_path, {}).load()
    assert (state["epoch"], state["batch"]) == (1, 0)
    assert torch.isfinite(state["method"]["weight"]).all()
    assert torch.isfinite(method.weight).all()


def test_a_batch_too_large_for_the_device_says_what_to_lower(tmp_path):
    class Large(Line):
        def loss(self, batch):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    with pytest.raises(
        RuntimeError, match=r"cpu has too little memory for batches of 4: lower optimiser.batch"
    ):
        run(Large(), tmp_path)


def test_an_epoch_ended_twice_is_logged_once(tmp_path, monkeypatch):
    monkeypatch.setattr("training.loop._SAVE_SECONDS", 0.0)
    folder = RunFolder(tmp_path, {})

    # Killed after the epoch was logged and before its end was saved: the state is that of its last batch.
    def save(state, *, best=False):
        if best:
            raise KeyboardInterrupt
        RunFolder.save(folder, state)

    monkeypatch.setattr(folder, "save", save)
    with pytest.raises(KeyboardInterrupt):
        run_epochs(Line(), config(), [N], folder, seed=0, device=torch.device("cpu"))
    assert [line["epoch"] for line in lines(folder)] == [1]
    run(Line(), tmp_path)
    assert [line["epoch"] for line in lines(folder)] == [1, 2]


def test_a_run_does_not_go_on_with_other_galaxies(tmp_path):
    _, folder = run(Line(), tmp_path, epochs=1)
    with pytest.raises(RunMismatch, match=r"begun with \[20\] training galaxies, now there are \[19\]"):
        run_epochs(Line(), config(), [N - 1], folder, seed=0, device=torch.device("cpu"))


def test_the_best_epoch_is_kept(tmp_path):
    method = Line(scores=[0.3, 0.9, 0.5])
    finished, folder = run(method, tmp_path, epochs=3)
    assert finished.best_score == 0.9
    assert not torch.equal(folder.load(best=True)["weight"], method.weight.detach())


def test_without_a_validation_the_last_epoch_is_kept(tmp_path):
    method = Line()
    finished, folder = run(method, tmp_path, epochs=3)
    assert math.isnan(finished.best_score)
    assert torch.equal(folder.load(best=True)["weight"], method.weight.detach())


def test_a_score_that_is_no_number_replaces_no_score(tmp_path):
    finished, _ = run(Line(scores=[0.3, math.nan]), tmp_path)
    assert finished.best_score == 0.3


class Slower(Line):
    """The same line, its weight at half the rate."""

    def parameters(self):
        return [ParameterGroup([self.weight], rate=0.5)]


def test_a_group_moves_at_its_own_share_of_the_rate(tmp_path):
    slower, halved = Slower(), Line()
    run(slower, tmp_path / "slower", learning_rate=0.2)
    run(halved, tmp_path / "halved", learning_rate=0.1)
    assert slower.weight.item() == pytest.approx(halved.weight.item(), rel=1e-6)


def test_adamw_moves_a_weight_by_the_rate_whatever_its_gradient(tmp_path):
    method = Line()
    run(method, tmp_path, name="adamw", batch=20, epochs=1, learning_rate=0.01, weight_decay=0)
    # Kingma & Ba 2015: the first step is the rate times the sign of the gradient.
    assert method.weight.item() == pytest.approx(0.01, rel=1e-4)


def test_what_was_best_before_the_first_epoch_stays_best(tmp_path):
    finished, _ = run(Line(scores=[1.0, 2.0]), tmp_path, epochs=2, best_score=5.0)
    assert finished.best_score == 5.0
