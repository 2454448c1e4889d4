"""Detection of diverged training, with its errors and notes. All training uses it.

* A loss, gradient, weight or cost that is not finite is an error, at any step.
* A model that predicts its own training texts worse than the uniform distribution over the possible outcomes has
  learned nothing. Beyond a slack, which covers the first steps of a sound run, that
  is an error too. The training texts decide, since overfitting or a change of domain affects only other texts.
* A loss worse than uniform on held-out texts alone, or within the slack, is a note.
* A run that diverges after a good evaluation keeps the weights of that evaluation, with a note.

This module imports neither torch nor NumPy.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from typing import Final

from nlmkit.errors import NlmkitError

LANGUAGE_MODEL_SLACK: Final = (1.1, 0.4)
"""Slack of language models: factor of the uniform distribution's loss, and nats."""

CLASSIFIER_SLACK: Final = (1.5, 0.5)
"""Slack of classifiers, where with few classes a single confident error is expensive."""


_HARDLY: Final = 1.02
"""Factor within which a loss counts as equal to that of the uniform distribution, as for barely trained weights."""


class Diverged(Exception):
    """Training diverged; ``nlmkit.training.run.run`` adds the place and a remedy to the message.

    Args:
        what: Symptom.
        step: Step of the symptom; None for the current step.
    """

    def __init__(self, what: str, step: int | None = None) -> None:
        super().__init__(what)
        self.what, self.step = what, step


def judged(
    loss: float, held_out: float | None, last: float | None, *, choices: int, slack: tuple[float, float], what: str
) -> list[str]:
    """Return notes on the final weights of a model of words, classes or similar; see ``problem`` and ``notes``.

    Raises:
        Diverged: They are unusable.
    """
    found = problem(loss, choices, slack)
    if found is not None:
        raise Diverged(found)
    return notes(loss, held_out, last, choices, what)


def problem(loss: float, choices: int, slack: tuple[float, float]) -> str | None:
    """Return the problem with a loss on training texts; None if it is acceptable.

    Args:
        loss: Mean −ln p of the correct outcomes.
        choices: Number of possible outcomes.
        slack: Tolerated factor of, and nats above, the uniform distribution's loss.
    """
    uniform = math.log(max(choices, 1))
    if not math.isfinite(loss):
        return f"the final weights have the loss {loss:.4g} on the training text"
    if loss > slack[0] * uniform + slack[1]:
        return (
            f"the final weights have the loss {loss:.4g} on the training text, worse than the {uniform:.4g} of "
            f"the uniform distribution over {choices}"
        )
    return None


def notes(loss: float, held_out: float | None, last: float | None, choices: int, what: str) -> list[str]:
    """Return notes on an acceptable result.

    Args:
        loss: Mean −ln p on training texts with the weights kept.
        held_out: The same on held-out texts; None without them.
        last: The same at the last evaluation, whose weights need not be those kept.
        choices: Number of possible outcomes.
        what: Name of the outcomes, in the plural.
    """
    uniform = math.log(max(choices, 1))
    if choices < 2:
        return []
    found = []
    if loss > _HARDLY * uniform:
        found.append(
            f"the loss on the training text, {loss:.4g}, is worse than the {uniform:.4g} of the uniform distribution "
            f"over {choices} {what}: train longer, or with another lr"
        )
    elif held_out is not None and held_out > _HARDLY * uniform:
        found.append(
            f"the loss on the held-out text, {held_out:.4g}, is worse than the {uniform:.4g} of the uniform "
            f"distribution over {choices} {what}, while that on the training text is {loss:.4g}: the texts differ, or "
            "the model is overconfident"
        )
    if last is not None and held_out is not None and held_out <= uniform < last:
        found.append(
            f"training diverged after its best evaluation: the final loss on the held-out text was {last:.4g}, worse "
            f"than the {uniform:.4g} of the uniform distribution over {choices} {what}; the best weights were kept, "
            "and a lower lr may give better ones"
        )
    return found


@contextlib.contextmanager
def during(work: str) -> Iterator[None]:
    """Prefix the message of training that diverges within the ``with`` block with ``work``."""
    try:
        yield
    except NlmkitError as error:
        if type(error) is not NlmkitError:
            raise  # other errors have complete messages
        raise NlmkitError(f"{work}: {error}") from error
