"""Static interpolation: several n-gram models become one."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from nlmkit.core.run import RunOptions, shows_progress
from nlmkit.errors import HyperParameterError, NotNormalizedError
from nlmkit.language_models.combined.members import GAP, Weights, finite_perplexity, fit_weights
from nlmkit.language_models.ngram.base import MIXED
from nlmkit.language_models.ngram.counting import Ids
from nlmkit.language_models.ngram.estimates import Floats
from nlmkit.language_models.ngram.model import NGram
from nlmkit.language_models.ngram.precision import plain
from nlmkit.language_models.ngram.renormalize import BackoffWeights, backoff_weights
from nlmkit.language_models.ngram.table import BackoffTable, offsets
from nlmkit.language_models.ngram.union import Member, Union, Unknown, scores
from nlmkit.text import Corpus, Vocabulary
from nlmkit.text.vocabulary import BOS_ID

_LEAST_LEFT = 1e-10
"""Least mass left to unlisted words that the members give some: one minus a sum can be rounded to zero."""


@shows_progress
def static_mix(
    models: Sequence[NGram],
    *,
    weights: Sequence[float] | None = None,
    valid: Any = None,
    unknown: Unknown = "share",
    run: RunOptions | None = None,
) -> NGram:
    """Mix n-gram models into one n-gram model (static linear interpolation; Stolcke 2002, ``ngram -mix-lm``).

    The result has every n-gram of any model, with the probability Σ_i λ_i p_i(w | h), where a model that lacks the
    n-gram backs off; and the backoff weights with which the probabilities after every context sum to one. Its order is
    the highest of the models'. It is saved, exported and queried like any other model, in the time of one.

    The vocabulary is the union of the models'. A model reads words that it does not know as ``<unk>``, in histories
    too. By ``unknown="share"``, its probability of ``<unk>`` is divided equally among those words and ``<unk>`` itself:
    with u unknown words, each gets 1/(u + 1) of it. By ``unknown="zero"``, as in SRILM, such words get nothing from it,
    and ``<unk>`` keeps all. Either way, every model is a distribution over the same words.

    *Comparison with ``mixture``*, which interpolates while scoring: with equal vocabularies, the log-probability of w
    is the same wherever the longest context h of the result in the history of w has w among its listed words. Only
    words that back off differ: by the weight of h, which is one for all of them, where the mixture weighs the models
    anew.

    Args:
        models: Fitted or imported n-gram models with one tokenization: two or more.
        weights: One weight λ per model, with sum one; None: fitted on ``valid`` by EM, as in ``mixture``.
        valid: Validation text: anything ``Corpus.read`` takes, or a ``Corpus``.
        unknown: What a model gives to each word that it does not know: a ``share`` of ``<unk>``, or ``zero``.
        run: Run options, of which progress is used.

    Returns:
        The mixed model, in float64. ``fit_report_`` has the weights, and of the validation text the perplexities of
        the result, of the interpolation while scoring, and of each model; unknown words have their shares in all.

    Raises:
        HyperParameterError: There are fewer than two models, a model is not an ``NGram``, tokenizations differ, the
            weights do not match, or ``unknown`` is neither.
        NotFittedError: A model is not fitted.
        NotNormalizedError: A model's scores are not probabilities.
        DataError: The validation text is unusable.
    """
    run = run or RunOptions()
    _check(models, weights, valid)
    if unknown not in get_args(Unknown):
        raise HyperParameterError(f"unknown must be share or zero, not {unknown!r}")
    vocabulary = Vocabulary([*dict.fromkeys(word for model in models for word in model.vocabulary_.words)])
    members = [
        Member.of(plain(model.table_), vocabulary.ids(model.vocabulary_.words), len(vocabulary), unknown)
        for model in models
    ]

    rows, corpus = None, None
    if valid is not None:
        corpus = valid if isinstance(valid, Corpus) else Corpus.read(valid, models[0].pipeline_)
        rows = _score_valid(models, members, corpus, corpus.event_ids(vocabulary), run)
    found = fit_weights(rows) if weights is None and rows is not None else None
    values = np.array(weights if found is None else found.values, np.float64)
    values /= values.sum()

    run.stage("mixing n-grams", sum(sum(model.table_.sizes[1:]) for model in models))
    union = Union.of(members, len(vocabulary), run.advance)
    run.stage("computing probabilities")
    table = _table(union, *_mixed(members, union, values))

    report = {"weights": values.tolist(), "ngrams": table.sizes}
    report["ngrams_of_models"] = [model.table_.sizes for model in models]
    notes = _notes_on_vocabularies(models, len(vocabulary), unknown)
    if found is not None:
        report["iterations"] = found.iterations
        notes += _notes_on_weights(found)
    mixed = NGram.of_table(table, vocabulary, models[0].pipeline_, smoothing=MIXED, report=report)
    if rows is not None and corpus is not None:
        with np.errstate(divide="ignore"):
            interpolated = np.logaddexp.reduce(rows + np.log(values)[:, None], axis=0)
        report["validation_perplexity"] = finite_perplexity(mixed.log_probs(corpus))
        report["validation_perplexity_interpolated"] = finite_perplexity(interpolated)
        report["validation_perplexity_alone"] = [finite_perplexity(row) for row in rows]
    mixed.fit_report_ = report | {"notes": notes}
    return mixed


def _check(models: Sequence[NGram], weights: Sequence[float] | None, valid: Any) -> None:
    """Raise an error unless the models can be mixed with these weights or this text."""
    if len(models) < 2:
        raise HyperParameterError(f"mixing requires at least two models, not {len(models)}")
    for number, model in enumerate(models, 1):
        if not isinstance(model, NGram):
            name = getattr(model, "name", type(model).__name__)
            raise HyperParameterError(
                f"model {number} ({name}) is not an n-gram model: only those become one model; fit a mixture instead"
            )
        model.check_fitted()
        if not model.normalized:
            raise NotNormalizedError(
                f"model {number} (smoothing={model.smoothing}) has scores that are not probabilities: "
                "it cannot be mixed"
            )
        if model.tokenization_ != models[0].tokenization_:
            signatures = f"{models[0].tokenization_.signature}, {model.tokenization_.signature}"
            raise HyperParameterError(
                f"models 1 and {number} have different tokenizations ({signatures}): "
                "fit or import them with the same tokenizer, case and Unicode form"
            )
    if weights is None:
        if valid is None:
            raise HyperParameterError("mixing requires weights, or validation text to fit them on (--valid FILE)")
        return
    if len(weights) != len(models):
        raise HyperParameterError(f"{len(weights)} weights for {len(models)} models")
    if not all(0 <= weight <= 1 for weight in weights) or abs(sum(weights) - 1) > 1e-6:
        shown = ", ".join(f"{weight:g}" for weight in weights)
        raise HyperParameterError(f"the weights must be at least 0 and sum to 1, not {shown}")


def _score_valid(
    models: Sequence[NGram], members: Sequence[Member], corpus: Corpus, event_ids: Ids, run: RunOptions
) -> NDArray[np.float64]:
    """Return each model's log-probabilities of the events, unknown words with their share: float64 [models, events]."""
    rows = np.empty((len(models), corpus.events))
    run.stage("scoring validation text", corpus.events * len(models))
    for row, model, member in zip(rows, models, members, strict=True):
        row[:] = model.log_probs(corpus) + member.log_shares[event_ids]
        run.advance(corpus.events)
    return rows


def _mixed(members: Sequence[Member], union: Union, values: Floats) -> tuple[list[Floats], list[Floats]]:
    """Return the mixed log-probabilities, and the means of the members' backoff weights: float64 [n_k] per order."""
    log_probs: list[Floats] = []
    means: list[Floats] = []
    for member, value in zip(members, values.tolist(), strict=True):
        with np.errstate(divide="ignore"):
            log_weight = float(np.log(value))
        found = scores(member, union)
        for k, row in enumerate(found.log_probs):
            weighted = row + log_weight
            if len(log_probs) <= k:
                log_probs.append(weighted)
            else:
                np.logaddexp(log_probs[k], weighted, out=log_probs[k])
        for k, row in enumerate(found.backoffs):
            weighted = value * np.exp(row) if value else np.zeros(len(row))
            if len(means) <= k:
                means.append(weighted)
            else:
                means[k] += weighted
    return log_probs, means


def _table(union: Union, log_probs: list[Floats], means: list[Floats]) -> BackoffTable:
    """Return the table of a union with these probabilities, normalised by its backoff weights."""
    log_probs[0][BOS_ID] = -np.inf
    probs = [np.exp(row) for row in log_probs]
    backoffs: list[NDArray[np.floating[Any]]] = []
    below = None
    for k in range(2, union.order + 1):
        below = _not_rounded_away(backoff_weights(k, probs, union.history, union.suffix, below), means[k - 2])
        with np.errstate(divide="ignore"):
            backoffs.append(np.log(below.weights))
    return BackoffTable(
        first=union.first,
        children=[
            offsets(suffix, len(lower)) for suffix, lower in zip(union.suffix[1:], union.first[:-1], strict=True)
        ],
        history=union.history,
        log_probs=[*log_probs],
        backoffs=backoffs,
    )


def _not_rounded_away(found: BackoffWeights, mean: Floats) -> BackoffWeights:
    """Leave unlisted words some probability where the members do, and the sum of the listed ones is rounded to one.

    The weight is then the mean of the members' weights, or leaves ``_LEAST_LEFT`` if that is less.
    """
    least = np.where(found.complete, 0.0, np.minimum(mean * found.unseen, _LEAST_LEFT))
    rounded = found.left < least
    if not rounded.any():
        return found
    left = np.where(rounded, least, found.left)
    weights = np.where(rounded, least / np.where(rounded, found.unseen, 1.0), found.weights)
    return dataclasses.replace(found, left=left, weights=weights)


def _notes_on_vocabularies(models: Sequence[NGram], size: int, unknown: Unknown) -> list[str]:
    notes = []
    for number, model in enumerate(models, 1):
        lacking = size - len(model.vocabulary_)
        if lacking:
            part = f"1/{lacking + 1} of its probability of <unk>" if unknown == "share" else "nothing from it"
            notes.append(f"words unknown to model {number}: {lacking}, and each gets {part}")
    return notes


def _notes_on_weights(found: Weights) -> list[str]:
    notes = []
    if found.impossible:
        notes.append(f"{found.impossible} validation events have probability zero under every model")
    if found.gap > GAP:
        notes.append(f"EM stopped after {found.iterations} steps, within {found.gap:.1g} nats of the optimum")
    if found.values.min() < 1e-6:
        notes.append(f"model {int(found.values.argmin()) + 1} gets next to no weight")
    return notes
