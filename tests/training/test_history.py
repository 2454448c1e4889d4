"""The evaluations of a run."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from toys.steppers import ACCURACY, LOSS

from nlmkit.errors import SavedModelError
from nlmkit.training.history import History
from nlmkit.training.metrics import Metric
from nlmkit.training.records import Evaluation, best_of, by_epoch

PERPLEXITY = (Metric("perplexity"),)


def at(step: int, *, ends_epoch: bool = True, **metrics: float) -> Evaluation:
    return Evaluation(
        step=step, epoch=step / 2, ends_epoch=ends_epoch, loss=1.0, metrics=metrics, averaged=False, seconds=0.5
    )


def filled(*evaluations: Evaluation, metrics: Any = (ACCURACY, LOSS)) -> History:
    history = History(metrics)
    for evaluation in evaluations:
        history.add(evaluation)
    return history


def test_of_equally_good_evaluations_the_first_is_the_best() -> None:
    first, second, third = (at(step, accuracy=0.5, loss=loss) for step, loss in ((1, 0.6), (2, 0.5), (3, 0.5)))
    assert filled(first, second, third).best is second
    assert best_of([], (ACCURACY, LOSS)) is None
    assert best_of([at(1)], (ACCURACY, LOSS)) is None


def test_an_infinite_perplexity_is_no_improvement() -> None:
    history = filled(at(1, perplexity=math.inf), metrics=PERPLEXITY)
    assert history.best is None
    assert not history.is_improved_by({"perplexity": math.inf})
    assert history.is_improved_by({"perplexity": 1e300})


def test_an_epoch_is_as_good_as_its_best_evaluation() -> None:
    found = [
        at(1, ends_epoch=False, perplexity=5.0),
        at(2, perplexity=7.0),
        at(3, ends_epoch=False, perplexity=9.0),
        at(4, perplexity=6.0),
        at(5, ends_epoch=False, perplexity=1.0),
    ]
    assert by_epoch(found, PERPLEXITY) == [(5.0,), (6.0,)]
    assert by_epoch([at(1), at(2)], PERPLEXITY) == []
    history = filled(*found, metrics=PERPLEXITY)
    assert (history.plateaus, history.waiting, history.evaluated) == (1, 1, 5)
    assert history.ranks == [(5.0,), (7.0,), (9.0,), (6.0,), (1.0,)]


def test_what_a_checkpoint_holds_is_what_there_was() -> None:
    history = filled(at(1, accuracy=0.5, loss=0.6), at(2, accuracy=0.4, loss=math.inf))
    facts = json.loads(json.dumps(history.to_json(), allow_nan=False))
    again = History((ACCURACY, LOSS))
    again.restore(facts, step=2, is_evaluated=True)
    assert again.evaluations == history.evaluations
    assert (again.waiting, again.evaluated, again.best) == (history.waiting, 2, history.best)


@pytest.mark.parametrize(
    ("change", "step"),
    [
        ({"evaluated": 1}, 2),
        ({"evaluated": -2}, 2),
        ({"history": {}}, 2),
        ({}, 1),
        ({"history": []}, 2),
    ],
)
def test_a_history_that_contradicts_itself_is_refused(change: dict[str, Any], step: int) -> None:
    facts = filled(at(1, accuracy=0.5, loss=0.6), at(2, accuracy=0.4, loss=0.6)).to_json()
    with pytest.raises(SavedModelError):
        History((ACCURACY, LOSS)).restore({**facts, **change}, step=step, is_evaluated=True)


@pytest.mark.parametrize(
    "metrics", [{"accuracy": 0.5}, {"accuracy": 0.5, "loss": "x"}, {"accuracy": True, "loss": 1}, {"bleu": 1}, [], None]
)
def test_metrics_of_another_run_are_refused(metrics: Any) -> None:
    facts = filled(at(1, accuracy=0.5, loss=0.6)).to_json()
    facts["history"][0]["metrics"] = metrics
    with pytest.raises((SavedModelError, ValueError)):
        History((ACCURACY, LOSS)).restore(facts, step=1, is_evaluated=True)


@pytest.mark.parametrize(
    "wrong", [{"step": "3"}, {"averaged": 1}, {"epoch": True}, {"seconds": -1.0}, {"loss": "low"}, {"loss": 10**400}]
)
def test_an_evaluation_that_makes_no_sense_is_named(wrong: dict[str, Any]) -> None:
    evaluation = at(3, perplexity=2.0)
    assert Evaluation.from_json(json.loads(json.dumps(evaluation.to_json())), PERPLEXITY) == evaluation
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} of an evaluation is"):
        Evaluation.from_json({**evaluation.to_json(), **wrong}, PERPLEXITY)
