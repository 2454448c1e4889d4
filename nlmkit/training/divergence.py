"""The rule by which training has diverged, and the errors and notes about it. Every training loop uses it.

* What is not finite (loss, gradient, weights, cost) has diverged, at whatever step it appears: an error.
* Whoever predicts the texts that it was trained on worse than the uniform distribution over what is predicted has
  learnt nothing and lost what it began with. Beyond a slack, which the first steps of a sound run stay within, that
  is an error, too; the training texts decide, since overfitting or another kind of text makes only others worse.
* What is worse than uniform on held-out texts alone, or within the slack, is a note.
* A run that was good at an evaluation and went off later keeps the weights of that evaluation, and a note says so.

This module imports neither torch nor NumPy.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from typing import Final

from nlmkit.errors import NlmkitError

LANGUAGE_MODEL_SLACK: Final = (1.1, 0.4)
"""Factor of the uniform distribution's loss, and nats, beyond which a language model has diverged."""

CLASSIFIER_SLACK: Final = (1.5, 0.5)
"""The same for a classifier, whose few classes make single sure mistakes dear."""


_HARDLY: Final = 1.02
"""Factor within which a loss counts as that of the uniform distribution, as that of weights that hardly moved."""


class Diverged(Exception):
    """Training has gone off; :func:`nlmkit.training.run.run` makes a message of it that says where, and what to try.

    Args:
        what: What shows it.
        step: After how many steps; None: after those taken.
    """

    def __init__(self, what: str, step: int | None = None) -> None:
        super().__init__(what)
        self.what, self.step = what, step


def judged(
    loss: float, held_out: float | None, last: float | None, *, choices: int, slack: tuple[float, float], what: str
) -> list[str]:
    """Notes on weights that choose between words, classes and the like; see :func:`problem` and :func:`notes`.

    Raises:
        Diverged: They are good for nothing.
    """
    found = problem(loss, choices, slack)
    if found is not None:
        raise Diverged(found)
    return notes(loss, held_out, last, choices, what)


def problem(loss: float, choices: int, slack: tuple[float, float]) -> str | None:
    """What is wrong with a loss on training texts; None where it is acceptable.

    Args:
        loss: Mean −ln p of what was right.
        choices: Between how many it was chosen.
        slack: Factor and nats beyond the uniform distribution's loss.
    """
    uniform = math.log(max(choices, 1))
    if not math.isfinite(loss):
        return f"the weights it ends with have the loss {loss:.4g} on the training text"
    if loss > slack[0] * uniform + slack[1]:
        return (
            f"the weights it ends with have the loss {loss:.4g} on the training text, worse than the {uniform:.4g} of "
            f"the uniform distribution over {choices}"
        )
    return None


def notes(loss: float, held_out: float | None, last: float | None, choices: int, what: str) -> list[str]:
    """Notes on a result that is acceptable.

    Args:
        loss: Mean −ln p on training texts by the weights kept.
        held_out: The same on held-out texts; None without them.
        last: The same at the last evaluation, whose weights need not be those kept.
        choices: Between how many it was chosen.
        what: What was chosen between, in the plural.
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
            "the model is too sure"
        )
    if last is not None and held_out is not None and held_out <= uniform < last:
        found.append(
            f"training went off after its best evaluation: the loss on the held-out text ended at {last:.4g}, worse "
            f"than the {uniform:.4g} of the uniform distribution over {choices} {what}; the best weights were kept, "
            "and a lower lr may give better ones"
        )
    return found


@contextlib.contextmanager
def during(work: str) -> Iterator[None]:
    """Let the message of training that diverged in the body begin with the ``work`` that it is a part of."""
    try:
        yield
    except NlmkitError as error:
        if type(error) is not NlmkitError:
            raise  # of another kind, whose message says what it is about
        raise NlmkitError(f"{work}: {error}") from error
