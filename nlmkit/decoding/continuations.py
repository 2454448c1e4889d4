"""The most probable sentences of a language model: ``most_probable``."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nlmkit.decoding.beam import beam_search
from nlmkit.decoding.checks import check_whole
from nlmkit.decoding.hypotheses import BeamOptions
from nlmkit.decoding.prompt import prompt_ids

if TYPE_CHECKING:
    from nlmkit.decoding.rows import SearchableMachine
    from nlmkit.text.marks import Marks


class Continuation(NamedTuple):
    """Words that a language model continues a text with.

    Attributes:
        words: In the order of the text.
        log_prob: Natural log-probability of the words and ``</s>``, given what comes before.
        finished: Whether ``</s>`` follows; False only if no finished continuation has a probability above zero.
    """

    words: list[str]
    log_prob: float
    finished: bool


def most_probable(
    model: SearchableMachine,
    n: int = 1,
    *,
    beam: int = 5,
    max_tokens: int = 50,
    prompt: str = "",
    allow_unk: bool = False,
    marks: Marks = "error",
) -> list[Continuation]:
    """Return the ``n`` most probable continuations of ``prompt`` that beam search finds, best first.

    Probabilities are not normalized by length, so that short sentences are preferred. A backward model continues
    ``prompt`` to the left.

    Args:
        model: Fitted language model.
        n: How many at most, no more than ``beam``.
        beam: Number of hypotheses that are kept at each step.
        max_tokens: Maximum number of words besides the prompt.
        prompt: As for ``generate``.
        allow_unk: Whether ``<unk>`` can be produced.
        marks: As for ``generate``.

    Raises:
        HyperParameterError: An argument has an invalid type or value.
        DataError: The prompt cannot be read.
        NotNormalizedError: The model's scores are above zero, or NaN.
    """
    check_whole("n", n, at_least=1)
    check_whole("max_tokens", max_tokens, at_least=1)
    options = BeamOptions(beam=beam, n_best=n, max_length=max_tokens, normalization="none", allow_unk=allow_unk)
    step = -1 if model.reads_backward else 1
    given = prompt_ids(model, prompt, marks)[::step]
    rows = model.rows(1)
    for word_id in given:
        rows = rows.take(np.zeros(1, np.int64), np.array([word_id]))
    (found,) = beam_search(rows, sources=1, options=options)
    return [
        Continuation([model.vocabulary_.word(word_id) for word_id in each.ids[::step]], each.log_prob, each.finished)
        for each in found
    ]
