"""Comparison of models on targets: conditional models given the sources, language models without."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias, Union

from nlmkit.core.progress import AUTO, Progress, watched
from nlmkit.core.run import RunOptions
from nlmkit.core.seeds import settings_without_seed
from nlmkit.core.storage import load
from nlmkit.errors import DataError, NotNormalizedError, SavedModelError
from nlmkit.language_models.base import LanguageModel
from nlmkit.language_models.compare import check_sampling, named_models
from nlmkit.language_models.comparison import Refused, Scored, score
from nlmkit.language_models.comparison import compare as rank
from nlmkit.language_models.measures import By, Unit, measure
from nlmkit.language_models.report import line_figures
from nlmkit.seq2seq.inputs import encoded, paired
from nlmkit.seq2seq.judging import perplexity_report
from nlmkit.text.joining import line_lengths

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nlmkit.language_models.comparison import Comparison
    from nlmkit.seq2seq.base import SequenceToSequence
    from nlmkit.text.parallel import ParallelTexts

Model: TypeAlias = Union["SequenceToSequence", LanguageModel, str, os.PathLike[str]]
"""Fitted sequence-to-sequence or language model, or the folder of a saved one."""


def compare_pairs(
    models: Mapping[str, Model] | Sequence[Model],
    pairs: ParallelTexts,
    *,
    by: By = "perplexity",
    samples: int = 1000,
    seed: int = 0,
    group_seeds: bool = False,
    progress: Progress | Literal["auto"] | None = AUTO,
) -> Comparison:
    """Rank models by the perplexity of the targets of pairs, or by their bits per character or byte.

    A sequence-to-sequence model predicts the targets given the sources, a language model without them. Otherwise
    ``nlmkit.compare`` for pairs.

    Args:
        models: Fitted models or folders of saved ones, or a mapping from names to them, as in ``nlmkit.compare``.
        pairs: Sources with targets; all sequence-to-sequence models take the same kind of sources.
        by: ``perplexity``, ``bits-per-character`` or ``bits-per-byte``.
        samples: Number of samples of the bootstrap and of the randomization; 0 for none.
        seed: Random seed.
        group_seeds: Whether to show mean and standard deviation over models that differ only in their seed.
        progress: As in ``RunOptions``.

    Raises:
        DataError: The pairs are empty, or their sources are not of the kind that a model takes.
        HyperParameterError: The models are empty, an entry is not such a model, or an option is invalid.
        SavedModelError: A folder does not contain such a model.

    ::

        print(nlmkit.compare_pairs(["en-de", "lm-de"], ParallelTexts.read("test.tsv")))
    """
    from nlmkit.seq2seq.base import SequenceToSequence

    unit = measure(by).unit
    check_sampling(samples, seed)
    named = named_models(models, SequenceToSequence, LanguageModel, what="sequence-to-sequence or language model")
    with watched(RunOptions(progress=progress).progress) as shown:
        scored = []
        for name, model in named.items():
            loaded = load_model(model) if isinstance(model, (str, os.PathLike)) else model
            loaded.check_fitted()
            if shown is not None:
                shown.start(f"scoring with {name}")
            scored.append(score_targets(name, loaded, pairs, unit))
        if shown is not None:
            shown.start("drawing samples")
        return rank(scored, by=by, samples=samples, seed=seed, group_seeds=group_seeds)


def load_model(path: str | os.PathLike[str]) -> SequenceToSequence | LanguageModel:
    """Load a saved sequence-to-sequence or language model.

    Raises:
        SavedModelError: The model is of another kind, or cannot be loaded.
    """
    from nlmkit.seq2seq.base import SequenceToSequence

    model = load(path)
    if not isinstance(model, (SequenceToSequence, LanguageModel)):
        raise SavedModelError(
            f"{os.fspath(path)}: {model.name} is a {model.kind}, expected a sequence-to-sequence or language model"
        )
    return model


def score_targets(
    name: str, model: SequenceToSequence | LanguageModel, data: ParallelTexts, unit: Unit | None = None
) -> Scored | Refused:
    """Score the targets of pairs with one model; ``nlmkit.language_models.comparison.compare`` ranks the results.

    Args:
        name: Name to show.
        model: Fitted sequence-to-sequence model; or a language model, which reads the targets alone.
        data: Sources with targets.
        unit: What is counted of each target.

    Raises:
        DataError: The sources are not what the model takes, or there are no pairs.
    """
    from nlmkit.seq2seq.base import SequenceToSequence

    if not isinstance(model, SequenceToSequence):
        if not len(data):
            raise DataError("no pairs", source=data.source)
        return score(name, model, data.target_corpus(model.pipeline_), line_lengths=_lengths(data, unit))
    pairs = encoded(model, paired(model, data))
    values = model.log_probs_of(pairs)
    try:
        report = perplexity_report(model, pairs, values)
    except NotNormalizedError as error:
        return Refused(model=name, reasons=(str(error),))
    lines = line_figures(values, pairs.event_offsets, pairs.targets.oov_events(model.vocabulary_))
    training: dict[str, float] = {
        what: model.fit_report_[what] for what in ("steps", "epochs") if what in model.fit_report_
    }
    return Scored(
        model=name,
        report=report,
        log_probs=lines.log_prob,
        events=lines.events,
        training=training,
        settings=settings_without_seed(model),
        characters=pairs.targets.characters,
        line_lengths=_lengths(data, unit),
    )


def _lengths(data: ParallelTexts, unit: Unit | None) -> NDArray[np.int64]:
    """Return the characters or bytes of each target, with a line feed: int64 [pairs]."""
    targets = data.required_targets(blank=True)
    return line_lengths([target.encode() for target in targets] if unit == "bytes" else targets)
