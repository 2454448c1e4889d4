"""The rule by which training has diverged."""

from __future__ import annotations

import math

import pytest

from nlmkit.training import divergence
from nlmkit.training.divergence import CLASSIFIER_SLACK, LANGUAGE_MODEL_SLACK


@pytest.mark.parametrize("slack", [LANGUAGE_MODEL_SLACK, CLASSIFIER_SLACK])
@pytest.mark.parametrize("choices", [1, 2, 13, 10_000])
def test_what_is_far_worse_than_uniform_or_not_finite_has_diverged(choices: int, slack: tuple[float, float]) -> None:
    uniform = math.log(choices)
    assert divergence.problem(uniform, choices, slack) is None
    assert divergence.problem(uniform + 0.3, choices, slack) is None
    for loss in (2 * uniform + 1, 229.0, math.inf, math.nan):
        assert divergence.problem(loss, choices, slack) is not None


def test_notes_say_which_texts_are_predicted_badly() -> None:
    uniform = math.log(10)
    assert divergence.notes(1.0, 1.5, 1.6, 10, "words") == []
    assert divergence.notes(1.0, None, None, 10, "words") == []
    assert divergence.notes(1.01 * uniform, 1.01 * uniform, 1.0, 10, "words") == []
    assert divergence.notes(0.1, 0.2, 0.3, 1, "words") == []
    (note,) = divergence.notes(3.0, 4.0, 4.0, 10, "words")
    assert note.startswith(
        "the loss on the training text, 3, is worse than the 2.303 of the uniform distribution over 10"
    )
    (note,) = divergence.notes(1.0, 4.0, 4.0, 10, "words")
    assert note.startswith("the loss on the held-out text, 4, is worse than the 2.303 ")
    (note,) = divergence.notes(1.0, 2.0, 40.0, 10, "words")
    assert note.startswith("training diverged after its best evaluation: the final loss on the held-out text was 40")
