"""The conformance kit of sequence-to-sequence models."""

from __future__ import annotations

import functools
import json
import math
import tempfile
from pathlib import Path
from typing import Any, Final, cast

import numpy as np

from nlmkit.errors import DataError
from nlmkit.seq2seq.base import SequenceToSequence
from nlmkit.testing import component, parallel_data
from nlmkit.testing import sequence_to_sequence_predictions as predictions
from nlmkit.testing.checks import Check, check_in, require, require_close, require_error
from nlmkit.testing.sequence_to_sequence_subject import (
    Subject,
    sacrebleu_is_there,
    sklearn_is_there,
    takes_texts,
    takes_vectors,
)
from nlmkit.text import Corpus, TextPipeline, Vocabulary
from nlmkit.text.parallel import ParallelTexts

__all__ = ["CHECKS", "Subject"]

OWN: list[Check] = [*predictions.CHECKS]


def _has_default_vocabulary(subject: Subject) -> bool:
    limits = {"vocabulary_size": None, "min_count": 1, "vocabulary_file": None, "joint": False}
    limits |= {"source_vocabulary_size": None, "source_min_count": 1, "lowercase": False}
    plain = getattr(subject.component, "target_tokenizer", "word") in ("word", "space")
    return plain and all(getattr(subject.component, name, default) == default for name, default in limits.items())


# ------------------------------------------------------------------------------------------------- what fit leaves


@check_in(OWN)
def fit_sets_both_sides(subject: Subject) -> None:
    """``fit`` sets vocabularies and text pipelines of both sides, or the dimension, and the lengths of targets."""
    model = subject.fitted
    texts = subject.takes == "texts"
    of_texts = {"source_vocabulary_": Vocabulary, "source_pipeline_": TextPipeline, "length_ratio_": float}
    wanted: dict[str, type] = {"vocabulary_": Vocabulary, "pipeline_": TextPipeline, "longest_target_": int}
    wanted |= of_texts if texts else {"dimension_": int}
    for name, kind in wanted.items():
        value = getattr(model, name, None)
        require(isinstance(value, kind), f"{name} is {type(value).__name__}, not {kind.__name__}")
    for name in ("dimension_",) if texts else of_texts:
        require(getattr(model, name, 0) is None, f"{name} is {getattr(model, name, 0)!r}, not None")
    if not texts:
        require(model.dimension_ == parallel_data.DIMENSION, f"dimension_ is {model.dimension_}")


@check_in(OWN, when=_has_default_vocabulary)
def vocabularies_are_of_the_training_pairs(subject: Subject) -> None:
    """Without limits the vocabularies are exactly the types of the training pairs."""
    train = subject.train()
    sides = {"vocabulary_": (train.targets, subject.fitted.pipeline_)}
    if subject.takes == "texts":
        sides["source_vocabulary_"] = (train.sources, cast(TextPipeline, subject.fitted.source_pipeline_))
    for name, (texts, pipeline) in sides.items():
        words = {token for text in texts for token in pipeline.tokenize(text)}
        own = set(getattr(subject.fitted, name).words[3:])
        require(own >= words, f"{name} lacks words of the training pairs: {sorted(words - own)}")
        require(own <= words, f"{name} has words that the training pairs lack: {sorted(own - words)}")


@check_in(OWN)
def fit_reports_pairs_and_perplexity(subject: Subject) -> None:
    """``fit_report_`` is strict JSON, and has the number of pairs and the perplexity of the held-out targets."""
    report = subject.fitted.fit_report_
    json.dumps(report, allow_nan=False)
    train = subject.train()
    require(report.get("pairs") == len(train.targets), f"fit_report_ has {report.get('pairs')!r} pairs")
    held_out = report.get("validation_perplexity")
    require(isinstance(held_out, float), "fit_report_ does not contain validation_perplexity")
    wanted = subject.fitted.perplexity(*subject.valid())
    same = math.isclose(cast(float, held_out), wanted, rel_tol=1e-4)
    require(same, f"validation_perplexity is {held_out!r}, the perplexity of the held-out targets {wanted!r}")


@check_in(OWN)
def failed_fit_leaves_the_model_as_it_was(subject: Subject) -> None:
    """A fit that fails leaves a fitted model fitted as it was."""
    model = cast(SequenceToSequence, subject.fit(subject.clone()))
    before = subject.results(model)
    both = parallel_data.other(subject.takes)
    require_error(DataError, lambda: model.fit(both.sources, ["", *both.targets[1:]]), "fit with a blank target")
    require_close(subject.results(model), before, 0, "log-probabilities after and before a fit that failed")


# --------------------------------------------------------------------------------------------------- forms of input


@check_in(OWN)
def all_forms_of_pairs_agree(subject: Subject) -> None:
    """Lists, tuples, a pair of both and ParallelTexts give the same model, and the same log-probabilities."""
    train, held_out, test = subject.train(), subject.valid(), subject.test()
    forms: dict[str, tuple[Any, ...]] = {
        "tuples": (tuple(train.sources), tuple(train.targets)),
        "a pair of both": ((train.sources, train.targets),),
        "ParallelTexts": (ParallelTexts(*train),),
    }
    for what, given in forms.items():
        model = subject.clone().fit(*given, valid=held_out)
        component.require_equal_states(model, subject.fitted, f"fitted on {what}, and on lists")
    wanted = subject.fitted.log_probs(*test)
    for what, given in {
        "tuples": (tuple(test.sources), tuple(test.targets)),
        "a pair of both": (tuple(test),),
        "ParallelTexts": (ParallelTexts(*test),),
    }.items():
        require_close(subject.fitted.log_probs(*given), wanted, 0, f"log_probs of {what}, and of lists")
    predicted = subject.fitted.predict(test.sources)
    for sources in (tuple(test.sources), ParallelTexts(test.sources), ParallelTexts(*test)):
        found = subject.fitted.predict(sources)
        require(found == predicted, f"predictions of {type(sources).__name__} and of lists differ")


@check_in(OWN, when=takes_texts)
def files_are_read_like_lists(subject: Subject) -> None:
    """A file of ``source<TAB>target`` lines gives the same model as lists."""
    train = subject.train()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.tsv"
        lines = [f"{source}\t{target}\n" for source, target in zip(*train, strict=True)]
        path.write_text("".join(lines), encoding="utf-8", newline="\n")
        model = subject.fitted_on(ParallelTexts.read(path), held_out=subject.valid())
    component.require_equal_states(model, subject.fitted, "fitted on a file, and on lists")


@check_in(OWN)
def foreign_corpus_is_refused(subject: Subject) -> None:
    """A Corpus read with another tokenizer than the training texts' raises DataError."""
    sides = (subject.fitted.pipeline_, subject.fitted.source_pipeline_)
    used = {pipeline.tokenizer for pipeline in sides if pipeline is not None}
    other = next(name for name in ("char", "space", "word") if name not in used)
    foreign = Corpus.read(iter(["anna sees dogs"]), TextPipeline(tokenizer=other))
    require_error(DataError, lambda: subject.fitted.encode(foreign), "encode of a Corpus read otherwise")
    require_error(DataError, lambda: subject.fitted.conditions(foreign), "conditions of a Corpus read otherwise")


@check_in(OWN)
def unusable_pairs_are_refused(subject: Subject) -> None:
    """DataError: no pairs, targets missing, too few, given twice, blank, not strings, or sources of another kind."""
    sources, targets = subject.train()
    vectors, texts = parallel_data.train("vectors").sources, parallel_data.train("texts").sources
    wrong: dict[str, tuple[Any, Any]] = {
        "no pairs": (sources[:0], []),
        "sources without targets": (sources, None),
        "fewer targets than sources": (sources, targets[:-1]),
        "targets given twice": (ParallelTexts(sources, targets), targets),
        "a blank target": (sources, ["  ", *targets[1:]]),
        "a target that is None": (sources, [None, *targets[1:]]),
        "targets that are one text": (sources, " ".join(targets)),
        "sources of another kind": (vectors if subject.takes == "texts" else texts, targets),
    }
    for what, given in wrong.items():
        require_error(DataError, functools.partial(subject.clone().fit, *given), f"fit on {what}")
    require_error(DataError, lambda: subject.fitted.score(sources, targets[:-1]), "score of too few targets")


@check_in(OWN, when=takes_vectors)
def vectors_of_one_dimension_are_needed(subject: Subject) -> None:
    """DataError: validation vectors of another dimension than those of training."""
    train, other = subject.train(), parallel_data.other("vectors")
    require_error(DataError, lambda: subject.clone().fit(*train, valid=other), "fit with other validation vectors")


# --------------------------------------------------------------------------------------------------------- learning


@check_in(OWN)
def learns_the_training_pairs(subject: Subject) -> None:
    """Given their sources, targets of training have less than half of the perplexity that a uniform model has."""
    uniform = len(subject.fitted.vocabulary_) - 1
    found = subject.fitted.perplexity(*subject.train())
    require(found < uniform / 2, f"perplexity {found:.4g} on the training pairs, where a uniform model has {uniform}")


@check_in(OWN)
def several_targets_of_a_source_are_taken(subject: Subject) -> None:
    """A source may stand several times, with the same target and with another."""
    both = subject.train()
    sources = both.sources[[0, 0, 0]] if subject.takes == "vectors" else [both.sources[0]] * 3
    targets = [both.targets[0], both.targets[1], both.targets[0]]
    model = subject.fitted_on(sources, targets)
    (found,) = model.n_best(sources[:1], 2)
    require(0 < len(found) <= 2, f"{len(found)} targets of a source with two")
    require(bool(np.isfinite(model.log_probs(sources, targets)).all()), "log-probabilities are not finite")


# ---------------------------------------------------------------------------------------------------------- judging


@check_in(OWN)
def score_is_the_mean_log_prob(subject: Subject) -> None:
    """``score`` is the mean natural log-probability per event, and perplexity exp(−score)."""
    model, both = subject.fitted, subject.test()
    mean = float(np.mean(model.log_probs(*both)))
    score, perplexity = model.score(*both), model.perplexity(*both)
    require(math.isclose(score, mean, rel_tol=1e-6), f"score is {score!r}, the mean of log_probs {mean!r}")
    wanted = math.exp(-mean)
    require(math.isclose(perplexity, wanted, rel_tol=1e-6), f"perplexity is {perplexity!r}, not {wanted!r}")


@check_in(OWN)
def perplexity_report_counts_events(subject: Subject) -> None:
    """The perplexity report counts words, ``</s>`` and OOV words of the targets, and identifies the sources."""
    model, both = subject.fitted, subject.test()
    report = model.perplexity_report(*both)
    tokens = [model.pipeline_.tokenize(target) for target in both.targets]
    expected = {
        "events": sum(map(len, tokens)) + len(tokens),
        "sentences": len(tokens),
        "oov": sum(word not in model.vocabulary_ for each in tokens for word in each),
        "vocabulary_size": len(model.vocabulary_) - 1,
        "component": subject.cls.name,
        "model_digest": model.digest,
    }
    for name, value in expected.items():
        require(getattr(report, name) == value, f"the report's {name} is {getattr(report, name)!r}, not {value!r}")
    other = model.perplexity_report(both.sources[::-1], both.targets)
    require(other.signature != report.signature, "reports on other sources have the same signature")
    for name, label in {"unknown_rule": report.unknown_rule, **report.labels}.items():
        usable = bool(label) and label.isprintable() and not set(f"{name}{label}") & set("|:")
        require(usable, f"{name} is {label!r}: a label without colon and | was expected")
    json.dumps(report.to_dict(), allow_nan=False)


@check_in(OWN, when=sacrebleu_is_there)
def report_has_bleu_and_perplexity(subject: Subject) -> None:
    """The report has BLEU, chrF and the perplexity of the targets, and takes several references of a source."""
    model, both = subject.fitted, subject.train()
    report = model.report(*both, resamples=20)
    found = report.to_dict()
    for name in ("bleu", "bleu_signature", "bleu_interval", "chrf", "chrf_signature", "perplexity", "signature"):
        require(found.get(name) is not None, f"the report has no {name}")
    require_close(report.score, model.score(*both), 1e-9, "the report's score, and score")
    require(report.predictions == tuple(model.predict(both.sources)), "the report's predictions are other ones")
    exact = sum(one == two for one, two in zip(report.predictions, both.targets, strict=True)) / len(both.targets)
    require_close(report.exact_match, exact, 1e-12, "the report's exact matches, and those of the predictions")
    json.dumps(found, allow_nan=False)
    twice = [np.concatenate([both.sources, both.sources]), [*both.targets, *both.targets[::-1]]]
    if subject.takes == "texts":
        twice[0] = [*both.sources, *both.sources]
    several = model.report(*twice, resamples=0)
    counts = several.pairs, several.sources, several.references
    wanted = (2 * len(both.targets), len(both.targets), 2)
    require(counts == wanted, f"pairs, sources and references are {counts}, not {wanted}")
    require(several.bleu >= report.bleu, f"BLEU is {several.bleu} with a second reference, {report.bleu} without")


# ----------------------------------------------------------------------------------------------------- scikit-learn


@check_in(OWN, when=sklearn_is_there)
def works_inside_scikit_learn(subject: Subject) -> None:
    """scikit-learn clones it unfitted, with the same hyper-parameters."""
    from sklearn import base

    copy = base.clone(subject.fitted)
    require(type(copy) is subject.cls, f"clone returns a {type(copy).__name__}")
    require(not copy.is_fitted, "clone returns a fitted model")
    for name, value in subject.fitted.get_params(deep=False).items():
        require(getattr(copy, name) is value, f"clone changes {name}")


CHECKS: Final = (*component.CHECKS, *OWN)
"""Every check of a sequence-to-sequence model, the shared ones first."""
