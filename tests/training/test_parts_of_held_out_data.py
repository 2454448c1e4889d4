"""Evaluations on a part of the held-out data, where those on all of it would take too much of a budget."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from toys.classifiers import LABELS, TEXTS
from toys.neural import Clock, TinyModule, text, tiny_module
from toys.steppers import Sums
from toys.tasks import Regression

from nlmkit.classifiers.neural.cnn import CNN
from nlmkit.core.run import RunOptions
from nlmkit.documents.neural.task import TextTask
from nlmkit.errors import NlmkitError
from nlmkit.language_models.neural.streams import evaluation_columns
from nlmkit.language_models.neural.validation import Validation
from nlmkit.seq2seq.neural.encoder_decoder import EncoderDecoder
from nlmkit.seq2seq.neural.task import SequenceTask
from nlmkit.taggers.neural.bilstm_tagger import BiLSTMTagger
from nlmkit.taggers.neural.task import TaggingTask
from nlmkit.training.distributed import Processes
from nlmkit.training.gradient import GradientStepper
from nlmkit.training.options import Optimization
from nlmkit.training.run import run


class Timed(Sums):
    """Each step takes a second, and an evaluation eight, or its share of them."""

    def __init__(self, clock: Clock, scores: list[tuple[float, float]], **values: Any) -> None:
        super().__init__(epochs=1, scores=scores, divisor=4, **values)
        self._clock = clock

    def step(self, moment: Any) -> float:
        self._clock.now += 1
        return super().step(moment)

    def evaluate(self, interrupted: Callable[[], bool], divisor: int = 1) -> Any:
        self._clock.now += 8 / divisor
        return super().evaluate(interrupted, divisor)

    def evaluate_kept(self, interrupted: Callable[[], bool]) -> Any:
        self._clock.now += 8
        return super().evaluate_kept(interrupted)

    def evaluation_seconds(self, clock: Callable[[], float], most: float) -> float:
        return 8.0


def trained(scores: list[tuple[float, float]], **values: Any) -> Any:
    clock = Clock()
    stepper = Timed(clock, scores)
    return stepper, run(stepper, RunOptions(budget_seconds=400, **values), clock=clock)


def test_the_kept_weights_are_evaluated_on_all_held_out_data_at_the_end() -> None:
    scores = [(0.1, 2.0), (0.7, 1.0), *[(0.2, 1.0)] * 200]
    stepper, result = trained(scores)
    assert result.divisor == 4
    assert len(result.history) >= 4
    assert set(stepper.divisors) == {4}
    assert [each.metrics["accuracy"] for each in result.history[:3]] == [0.1, 0.7, 0.2]
    assert (result.best.step, result.best.metrics) == (stepper.best, {"accuracy": 0.55, "loss": 0.5})
    assert stepper.kept_evaluated == stepper.best == result.history[1].step
    assert stepper.judged == (result.best.metrics, {"accuracy": 0.2, "loss": 1.0})
    assert result.summary("texts")["weights"] == f"best on 1/4 of the texts, step {result.best.step}"
    assert 0.95 * 400 <= result.seconds <= 400


def test_the_last_weights_are_judged_by_all_held_out_data_if_they_are_kept() -> None:
    stepper, result = trained([(number / 1000, 1.0) for number in range(200)])
    assert result.best.step == result.steps
    assert stepper.judged == (result.best.metrics, result.best.metrics)


def test_a_figure_of_the_kept_weights_that_is_not_a_number_ends_the_run() -> None:
    class Broken(Timed):
        def evaluate_kept(self, interrupted: Callable[[], bool]) -> Any:
            return {"accuracy": float("nan"), "loss": 1.0}

    clock = Clock()
    with pytest.raises(NlmkitError, match="the accuracy of the validation text is not a number"):
        run(Broken(clock, [(0.5, 1.0)] * 200), RunOptions(budget_seconds=400), clock=clock)


def test_a_resumed_run_evaluates_the_same_part(tmp_path: Path) -> None:
    scores = [(0.1, 2.0), (0.7, 1.0), *[(0.2, 1.0)] * 200]
    _, whole = trained(scores)
    clock = Clock()
    stepper = Timed(clock, scores)

    def stop(step: int) -> None:
        if step == 200:
            raise KeyboardInterrupt

    stepper._before_step = stop
    options: dict[str, Any] = {"budget_seconds": 400, "checkpoint": tmp_path / "run", "checkpoint_seconds": 1e-9}
    with pytest.raises(KeyboardInterrupt):
        run(stepper, RunOptions(**options), clock=clock)
    again = Timed(clock, scores)
    resumed = run(again, RunOptions(**options, resume=True), clock=clock)
    assert set(again.divisors) == {4}
    assert resumed.divisor == 4
    assert (resumed.best.step, resumed.best.metrics) == (whole.best.step, whole.best.metrics)  # type: ignore[union-attr]


class Divided(Regression):
    """Points of which evaluations may read every n-th."""

    def evaluate_part(self, interrupted: Callable[[], bool], divisor: int) -> Any:
        inputs, targets = self.inputs, self.targets
        self.inputs, self.targets = inputs[::divisor], targets[::divisor]
        try:
            return self.evaluate(interrupted)
        finally:
            self.inputs, self.targets = inputs, targets


def test_a_stepper_evaluates_parts_and_the_kept_weights() -> None:
    task = Divided(held_out=True)
    stepper = GradientStepper(task, Optimization(lr=0.1, averaging="ema"), Processes())
    assert stepper.evaluate(lambda: False, 2) == task.evaluate_part(lambda: False, 2) != task.evaluate(lambda: False)
    before = stepper.evaluate(lambda: False)
    stepper.keep_best()
    own = {name: value.clone() for name, value in task.module.state_dict().items()}
    with torch.no_grad():
        task.module.bias.add_(1)
    own["bias"] = own["bias"] + 1
    assert stepper.evaluate(lambda: False) != before
    assert stepper.evaluate_kept(lambda: False) == before
    assert all(torch.equal(value, own[name]) for name, value in task.module.state_dict().items())


def test_a_task_is_asked_for_a_part_only_if_it_has_some() -> None:
    with pytest.raises(NotImplementedError):
        Regression().evaluate_part(lambda: False, 2)


# ------------------------------------------------------------------------------------------------------- the kinds


@pytest.mark.parametrize(("divisor", "count"), [(1, 1), (2, 1), (3, 1), (2, 2)])
def test_a_part_of_a_validation_text_is_the_beginning_of_each_column(divisor: int, count: int) -> None:
    module, events = TinyModule(), text(1301)
    inputs, targets = evaluation_columns(events, 10)
    rows = -(-len(inputs) // divisor)
    assert divisor == 1 or rows < len(inputs)

    class Alone(Processes):
        """The first of so many processes, which measures for the others, too."""

        def total(self, values: Any) -> Any:
            return [value * count for value in values]

    found = Validation(
        tiny_module(), events, batch=10, chunk=50, together=Alone(count=count), device=torch.device("cpu")
    ).perplexity(divisor=divisor)
    own = slice(None, None, count)
    with torch.no_grad():
        module.eval()
        features = module(inputs[:rows, own], module.initial_state(inputs[:, own].shape[1])).features
        wanted = targets[:rows, own].flatten()
        expected = torch.nn.functional.cross_entropy(
            module.output.linear(features.flatten(0, 1)), wanted, ignore_index=-1
        ).exp()
    assert found == pytest.approx(float(expected), rel=1e-6)


def of_tagger(valid: Any) -> Any:
    words, tags = [["a", "b"], ["b", "a", "c"], ["a"], ["c", "c", "b", "a", "d"]] * 2, []
    for number, sentence in enumerate(words):
        tags.append(["X" if (word == "a") == (number % 3 > 0) else "Y" for word in sentence])
    return TaggingTask, lambda: BiLSTMTagger(embedding=4, hidden=4, epochs=1, batch=4).fit(
        words, tags, valid=(words[valid], tags[valid])
    )


def of_classifier(valid: Any) -> Any:
    texts, labels = list(TEXTS), list(LABELS)
    return TextTask, lambda: CNN(embedding=4, maps=3, epochs=1, batch=5).fit(
        texts, labels, valid=(texts[valid], labels[valid])
    )


def of_sequences(valid: Any) -> Any:
    sources = ["a b", "b a c", "a", "c c b a"] * 2
    targets = [source[::-1] for source in sources]
    return SequenceTask, lambda: EncoderDecoder(target_tokenizer="space", embedding=4, hidden=4, epochs=1).fit(
        sources, targets, valid=(sources[valid], targets[valid])
    )


def task_of(kind: Any, fit: Callable[[], Any]) -> Any:
    """The task of a fit, with its weights after it."""
    found: list[Any] = []
    with pytest.MonkeyPatch.context() as patch:
        made: Any = kind.__init__

        def keep(self: Any, *arguments: Any, **values: Any) -> None:
            made(self, *arguments, **values)
            found.append(self)

        patch.setattr(kind, "__init__", keep)
        fit()
    return found[0]


@pytest.mark.parametrize("kind", [of_tagger, of_classifier, of_sequences])
def test_a_part_of_held_out_examples_is_every_nth(kind: Callable[[Any], Any]) -> None:
    task, thinned = task_of(*kind(slice(None))), task_of(*kind(slice(None, None, 3)))
    found, whole = task.evaluate_part(lambda: False, 3), task.evaluate(lambda: False)
    task._valid = thinned._valid
    expected = task.evaluate(lambda: False)
    assert found == pytest.approx(expected)
    assert whole != pytest.approx(expected)


@pytest.mark.parametrize(
    ("kind", "limit"),
    [
        (of_tagger, "taggers.neural.task._COMPARED_SENTENCES"),
        (of_classifier, "documents.neural.task._COMPARED_TEXTS"),
        (of_sequences, "seq2seq.neural.task._COMPARED_PAIRS"),
    ],
)
def test_small_held_out_data_are_not_divided(
    kind: Callable[[Any], Any], limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = task_of(*kind(slice(None)))
    assert task.extent().divisor == 1
    monkeypatch.setattr(f"nlmkit.{limit}", 3)
    assert task.extent().divisor > 1
