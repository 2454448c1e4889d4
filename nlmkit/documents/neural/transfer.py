"""Transfer from a language model to a classifier or regressor (Howard & Ruder 2018, ULMFiT).

The model copies the language model's word vectors and recurrent layers, and reads texts in the same way: ``</s>``
first, then the words, in reverse order if the language model reads backward. Words missing from the language model join
its vocabulary, initialized with its ``<unk>`` vector.

Of a pair of language models, forward and backward, both are copied: the vectors of a word are concatenated, each
stack reads its own part in its own direction, and the pooled outputs of both are the features.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from nlmkit.documents.neural.batching import Documents
from nlmkit.errors import HyperParameterError
from nlmkit.text import Vocabulary
from nlmkit.text.segmenter import PREFIX
from nlmkit.text.subwords import is_trained
from nlmkit.text.vocabulary import EOS_ID

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from nlmkit.core.run import RunOptions
    from nlmkit.language_models.base import LanguageModel
    from nlmkit.language_models.neural.lstm import LSTM
    from nlmkit.layers.recurrent import RecurrentStack
    from nlmkit.text import Corpus, Tokenization

BUDGET_SHARE: Final = 0.5
"""Share of a budget for tuning the language model, or both."""

LR_SHARE: Final = 0.25
"""Learning rate of the tuning, as a share of the rate of the language model's fit."""


def language_models(
    start: str | LanguageModel | tuple[str | LanguageModel, ...], tokenization: Tokenization
) -> tuple[LSTM, ...]:
    """Load and check the fitted language models of ``start_from``: one, or the forward and the backward one of a pair.

    Args:
        start: The model or its folder; or two of them, one per direction, in any order.
        tokenization: Tokenization of the classifier or regressor.

    Raises:
        HyperParameterError: One is not a fitted lstm, has another tokenization, or an unsupported option; or a pair
            lacks a direction, or its models differ in size.
        SavedModelError: One cannot be loaded.
    """
    if not isinstance(start, tuple):
        return (language_model(start, tokenization),)
    if len(start) != 2:
        raise HyperParameterError(
            f"start_from has {len(start)} language models in its list: expected two, a forward and a backward one"
        )
    found = sorted((language_model(each, tokenization) for each in start), key=lambda lm: lm.reads_backward)
    if found[0].reads_backward or not found[1].reads_backward:
        both = direction(found[0])
        raise HyperParameterError(f"both language models in start_from read {both}: expected one for each direction")
    sizes = [{"units": units(lm), "vectors": lm.module_.words.width, "layer_norm": lm.layer_norm} for lm in found]
    other = [f"{name} {value} and {sizes[1][name]}" for name, value in sizes[0].items() if value != sizes[1][name]]
    if other:
        raise HyperParameterError(f"the two language models in start_from differ in size: {', '.join(other)}")
    return tuple(found)


def direction(lm: LSTM) -> str:
    """Return ``forward`` or ``backward``."""
    return "backward" if lm.reads_backward else "forward"


def language_model(start: str | LanguageModel, tokenization: Tokenization) -> LSTM:
    """Load and check a fitted language model of ``start_from``.

    Args:
        start: The model or its folder.
        tokenization: Tokenization of the classifier or regressor.

    Raises:
        HyperParameterError: It is not a fitted lstm, has another tokenization, or an unsupported option.
        SavedModelError: It cannot be loaded.
    """
    from nlmkit.language_models.neural.lstm import LSTM

    where = f"start_from={start}" if isinstance(start, str) else "start_from"
    found: Any = start
    if isinstance(start, str):
        from nlmkit.core.storage import load

        found = load(start)
    if not isinstance(found, LSTM):
        raise HyperParameterError(f"{where} is of type {found.name}: expected a fitted lstm")
    if not found.is_fitted:
        raise HyperParameterError(f"{where} is not fitted: fit the language model first")
    if found.zoneout:
        raise HyperParameterError(
            f"{where} was trained with zoneout={found.zoneout:g}, which models of texts do not support"
        )
    own, theirs = dataclasses.asdict(tokenization), dataclasses.asdict(found.tokenization_)
    if is_trained(theirs["tokenizer"]) and isinstance(start, str) and theirs["tokenizer"] != own["tokenizer"]:
        theirs["tokenizer"] = f"{PREFIX}{start}"  # which its name does not lead to
    other = [f"{name}={value}" for name, value in theirs.items() if value != own[name]]
    if other:
        raise HyperParameterError(f"{where} uses {', '.join(other)}: set the same here")
    return found


def fine_tuned(  # noqa: PLR0917
    lm: LSTM, corpus: Corpus, valid: Corpus | None, epochs: int, lr: float | None, run: RunOptions, share: float = 1.0
) -> LSTM:
    """Return the language model after some epochs on the task's texts, with their words in its vocabulary.

    Args:
        lm: The language model, which is not changed.
        corpus: Training texts of the task.
        valid: Held-out texts, whose perplexity determines the epoch that is kept.
        epochs: Passes over the training texts.
        lr: Maximum learning rate; None for ``LR_SHARE`` of the model's own, which suits its optimizer.
        run: Progress, device and budget. ``BUDGET_SHARE`` of a budget replaces ``epochs``.
        share: Share of that part of the budget that is this language model's.
    """
    from nlmkit.core.run import RunOptions
    from nlmkit.language_models.neural.options import chosen_softmax

    # Keep the network, independent of its initial vectors and the number of added words.
    as_it_is = {
        **{name: lm.hyper_parameters()[name].default for name in ("representation", "tune", "oov", "normalization")},
        "embedding": lm.module_.words.width,
        "softmax": chosen_softmax(lm, len(lm.vocabulary_)),
        "lr": LR_SHARE * lm.lr if lr is None else lr,
    }
    if as_it_is["softmax"] == "full":
        as_it_is["softmax_head"] = lm.hyper_parameters()["softmax_head"].default
    tuned = type(lm)(**{**lm.get_params(deep=False), **as_it_is, "start_from": lm, "epochs": epochs})
    own = RunOptions(
        progress=run.progress,
        device=run.device,
        precision=run.precision,
        budget_seconds=None if run.budget_seconds is None else share * BUDGET_SHARE * run.budget_seconds,
    )
    return tuned.fit(corpus, valid=valid if valid is not None and valid.tokens else None, run=own)


def notes_of_tuning(tuned: LSTM) -> list[str]:
    """Return the notes of the tuned language model, without those that the model sends itself."""
    own = ("no validation text", "epochs=")
    notes = [note for note in tuned.fit_report_["notes"] if not note.startswith(own)]
    return [f"tuning the language model (half of any budget): {note}" for note in notes]


def grown_vocabulary(old: Vocabulary, new: Vocabulary) -> Vocabulary:
    """Return the language model's words with their ids, followed by new words; counts are of the task's texts."""
    words = [*old.words, *(word for word in new.words if word not in old)]
    counts = np.zeros(len(words), np.int64)
    counts[Vocabulary(words).ids(new.words)] = new.counts
    return Vocabulary(words, counts)


def first_vectors(lm: LSTM, vocabulary: Vocabulary) -> Tensor:
    """Return the language model's vectors, and that of ``<unk>`` for each new word: float32 [V, e]."""
    return lm.module_.word_vectors().cpu()[torch.from_numpy(lm.vocabulary_.ids(vocabulary.words)).long()]


def copy_layers(lm: LSTM, layers: Sequence[torch.nn.Module]) -> None:
    """Copy the language model's recurrent layers into those of the model."""
    for own, theirs in zip(layers, _stack(lm).layers, strict=True):
        own.load_state_dict(theirs.state_dict())


def units(lm: LSTM) -> list[int]:
    """Return the number of units of the language model's recurrent layers."""
    return [int(layer.hidden) for layer in _stack(lm).layers]  # type: ignore[arg-type]


def _stack(lm: LSTM) -> RecurrentStack:
    body: Any = lm.module_.body
    stack: RecurrentStack = body
    return stack


def after_sentence_end(ids: NDArray[np.int64], offsets: NDArray[np.int64], *, backward: bool = False) -> Documents:
    """Return documents of one sentence each, preceded by ``</s>`` as in a language model.

    Args:
        ids: Ids of all words: int64 [words].
        offsets: Start of each document, and the end of the last: int64 [documents + 1].
        backward: Whether the words of a document go from its last to its first.
    """
    if backward:
        lengths = np.diff(offsets)
        ids = ids[np.repeat(offsets[:-1] + offsets[1:] - 1, lengths) - np.arange(len(ids))]
    return Documents.whole(np.insert(ids, offsets[:-1], EOS_ID), offsets + np.arange(len(offsets)))
