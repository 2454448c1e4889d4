"""Sampling from language models through their state machine.

The order of the steps is temperature, top-k, top-p (nucleus sampling: Holtzman et al. 2020, "The Curious Case of
Neural Text Degeneration"), then one draw.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nlmkit.decoding.checks import check_whole, is_finite
from nlmkit.decoding.prompt import prompt_ids
from nlmkit.errors import HyperParameterError, NotNormalizedError
from nlmkit.text import BOS_ID, EOS_ID, UNK_ID

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nlmkit.decoding.machine import Machine, StateMachine
    from nlmkit.text.marks import Marks


def generate(
    model: StateMachine,
    *,
    max_tokens: int = 50,
    prompt: str = "",
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    allow_unk: bool = False,
    seed: int = 0,
    marks: Marks = "error",
) -> list[str]:
    """Sample a continuation of ``prompt`` up to ``</s>`` (excluded) or ``max_tokens`` words.

    A backward model continues ``prompt`` to the left: it samples the words before it, the last one first, until the
    sentence begins. They are returned in the order of the text.

    The same model, arguments and seed produce the same words on every platform with equal log-probabilities.

    Args:
        model: Fitted language model.
        max_tokens: Maximum number of words.
        prompt: One line, read with the model's text pipeline; OOV words are read as ``<unk>``.
        temperature: Divisor of the log-probabilities; 0 selects the most probable word (the lowest id on ties).
        top_k: Number of most probable words to sample from.
        top_p: Sample from the smallest set of most probable words that reaches this probability.
        allow_unk: Whether ``<unk>`` can be produced; if not, its probability is redistributed in proportion.
        seed: Seed of the generator (PCG64).
        marks: Handling of ``<s>``, ``</s>`` and NUL in the prompt: ``error``, ``skip`` or ``literal``.

    Raises:
        HyperParameterError: An argument has an invalid type or value.
        DataError: The prompt cannot be read.
        NotNormalizedError: No word can be produced, or the model's scores are NaN.
    """
    options: dict[str, Any] = {"max_tokens": max_tokens, "temperature": temperature, "top_k": top_k, "top_p": top_p}
    options |= {"allow_unk": allow_unk, "seed": seed}
    _check(**options)
    step = -1 if model.reads_backward else 1
    given = prompt_ids(model, prompt, marks)[::step]
    state: Any = model.start()
    for word_id in given:
        state = model.advance(state, word_id)
    ids = sample(model, state, **options)
    return [model.vocabulary_.word(word_id) for word_id in ids[::step]]


def sample(
    machine: Machine,
    state: Any,
    *,
    max_tokens: int = 50,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    allow_unk: bool = False,
    seed: int = 0,
) -> list[int]:
    """Sample the ids of the words after ``state``, in the order in which the machine reads them, without ``</s>``.

    Args:
        machine: Fitted language model, or one that depends on a condition.
        state: Where to begin, such as ``start(condition)``.
        max_tokens: As for ``generate``, like all that follow.
        temperature: See ``generate``.
        top_k: See ``generate``.
        top_p: See ``generate``.
        allow_unk: See ``generate``.
        seed: See ``generate``.

    Raises:
        HyperParameterError: An argument has an invalid type or value.
        NotNormalizedError: No word can be produced, or the model's scores are NaN.
    """
    _check(max_tokens=max_tokens, temperature=temperature, top_k=top_k, top_p=top_p, allow_unk=allow_unk, seed=seed)
    random = np.random.Generator(np.random.PCG64(int(seed)))
    ids: list[int] = []
    unchanged = temperature == 1 and top_k is None and top_p is None
    word_at = getattr(machine, "word_at", None) if unchanged else None
    while len(ids) < max_tokens:
        place = random.random() if temperature != 0 else 0.0
        word_id = None if word_at is None else word_at(state, place, allow_unk=allow_unk)
        if word_id is None:
            scores = _allowed(machine.next_log_probs(state), allow_unk)
            word_id = _choose(scores, float(temperature), top_k, top_p, place)
        if word_id == EOS_ID:
            break
        ids.append(word_id)
        state = machine.advance(state, word_id)
    return ids


def _check(
    *,
    max_tokens: int,
    temperature: float,
    top_k: int | None,
    top_p: float | None,
    allow_unk: bool,
    seed: int,
) -> None:
    """Raise an error for an argument of ``sample`` that has an invalid type or value."""
    check_whole("max_tokens", max_tokens, at_least=0)
    check_whole("seed", seed, at_least=0)
    if top_k is not None:
        check_whole("top_k", top_k, at_least=1)
    if not (is_finite(temperature) and temperature >= 0):
        raise HyperParameterError(f"temperature must be a number ≥ 0, not {temperature!r}")
    if top_p is not None and not (is_finite(top_p) and 0 < top_p <= 1):
        raise HyperParameterError(f"top_p must be a number > 0 and ≤ 1, not {top_p!r}")
    if not isinstance(allow_unk, bool):
        raise HyperParameterError(f"allow_unk must be true or false, not {allow_unk!r}")


def _allowed(log_probs: NDArray[np.float64], allow_unk: bool) -> NDArray[np.float64]:
    """Set the scores of excluded words to −inf."""
    scores = np.array(log_probs, np.float64)
    if not (scores < np.inf).all():
        raise NotNormalizedError("cannot sample: the model's next-word scores are NaN or infinite")
    scores[BOS_ID] = -np.inf
    unknown, scores[UNK_ID] = scores[UNK_ID], scores[UNK_ID] if allow_unk else -np.inf
    if scores.max() == -np.inf:
        remedy = ": only <unk> is possible, set allow_unk" if unknown > -np.inf else ""
        raise NotNormalizedError(f"cannot sample: every next word has probability zero{remedy}")
    return scores


def _choose(
    scores: NDArray[np.float64],
    temperature: float,
    top_k: int | None,
    top_p: float | None,
    place: float,
) -> int:
    """Return the id of the next word; ``place`` is what was drawn, from 0 to below 1."""
    if temperature == 0:
        return int(scores.argmax())
    with np.errstate(over="ignore", under="ignore"):
        weights = np.exp((scores - scores.max()) / temperature)
    if top_k is None and top_p is None:
        return _draw(weights, place)
    ids = np.argsort(-scores, kind="stable")[:top_k]
    weights = weights[ids]
    if top_p is not None:
        cumulative = weights.cumsum()
        weights = weights[: np.searchsorted(cumulative, top_p * cumulative[-1]) + 1]
    return int(ids[_draw(weights, place)])


def _draw(weights: NDArray[np.float64], place: float) -> int:
    """Return the index at a share of the sum of the weights; an index of weight zero is never drawn."""
    cumulative = weights.cumsum()
    return int(np.searchsorted(cumulative, place * cumulative[-1], side="right"))
