"""Recurrent layers over the words, shared by the LSTM classifier and the LSTM regressor."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

from nlmkit.core.parameters import Needs, param
from nlmkit.core.presets import with_default, with_needs
from nlmkit.core.run import RunOptions
from nlmkit.documents.neural.estimator import NeuralTextModel
from nlmkit.documents.neural.options import (
    BETWEEN_LAYERS,
    InputOptions,
    StackOptions,
    TrainingOptions,
    TransferOptions,
)
from nlmkit.documents.neural.start import Start, TrainingTexts
from nlmkit.errors import HyperParameterError
from nlmkit.saving.state import FittedState
from nlmkit.training.divergence import during
from nlmkit.training.interruption import interruption_saying

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from nlmkit.documents.neural.batching import Documents
    from nlmkit.documents.neural.encoders import PooledRecurrentEncoder
    from nlmkit.documents.neural.module import TextModule
    from nlmkit.language_models.neural.lstm import LSTM
    from nlmkit.text import Corpus

HIDDEN, LAYERS = 128, 1

_OWN_START: Final = Needs(
    "start_from=None: with start_from, weights are initialized from the language model",
    lambda model: model.start_from is None,
)
_OWN_LAYERS: Final = Needs(
    BETWEEN_LAYERS.words, lambda model: model.start_from is not None or (model.layers or LAYERS) > 1
)


@dataclasses.dataclass(kw_only=True)
class RecurrentTextModel(TransferOptions, StackOptions, NeuralTextModel):
    """LSTM over the words, pooled over time: the network of ``lstm-classifier`` and ``lstm-regressor``.

    With ``start_from`` it is initialized from an ``lstm`` language model without the output layer: size, vocabulary and
    tokenization are those of that model, and it reads in its direction only. A pair of language models, forward and
    backward, gives two stacks, which do not know each other, and the features of both.
    """

    hidden: int | None = param(
        None, ge=1, le=65536, help="units of a layer, per direction; none: 128, or those of the language model"
    )
    layers: int | None = param(
        None, ge=1, le=16, help="number of stacked recurrent layers; none: 1, or that of the language model"
    )
    bidirectional: bool | None = param(
        None, help="read in both directions (Schuster & Paliwal 1997); none: yes, without start_from"
    )
    pooling: str = param(
        "max",
        choices=("last", "mean", "max", "concat"),
        help="pooling of the outputs over time; concat: last, maximum and mean concatenated",
    )
    dense: int | None = param(
        None, ge=1, le=65536, help="units of a ReLU layer before the last layer; none: no such layer"
    )
    dropout_input: float = with_default(InputOptions, "dropout_input", 0.3)
    embedding: int = with_needs(InputOptions, "embedding", _OWN_START)
    embedding_range: float = with_needs(InputOptions, "embedding_range", _OWN_START)
    dropout_hidden: float = with_needs(StackOptions, "dropout_hidden", _OWN_LAYERS)
    forget_bias: float = with_needs(StackOptions, "forget_bias", _OWN_START)
    clip_norm: float | None = with_default(TrainingOptions, "clip_norm", 5.0)

    if TYPE_CHECKING:  # fitted state, not hyper-parameters
        units_: tuple[int, ...] = dataclasses.field(init=False)
        layer_norm_: bool = dataclasses.field(init=False)
        reads_backward_: bool = dataclasses.field(init=False)

    def check_options(self) -> None:
        """See ``NeuralTextModel.check_options``."""
        super().check_options()
        if self.start_from is None:
            return
        if self.bidirectional or (self.bidirectional is not None and self.has_pair):
            raise HyperParameterError(
                f"bidirectional={self.bidirectional}: a language model in start_from reads one way only, a pair of "
                "them both; do not set bidirectional"
            )
        if self.representation is not None:
            raise HyperParameterError(
                "representation and start_from both define the word vectors: set only one of them"
            )

    @property
    def reads_both_ways(self) -> bool:
        """Whether the layers read in both directions."""
        return self.start_from is None if self.bidirectional is None else self.bidirectional

    @property
    def has_pair(self) -> bool:
        """Whether there are two stacks, of a forward and a backward language model."""
        return isinstance(self.start_from, tuple)

    # ------------------------------------------------------------------------------------------------- transfer

    def start(self, texts: TrainingTexts, generator: torch.Generator, run: RunOptions) -> Start:
        """Start from the language models if there are any, tuned if requested; see ``NeuralTextModel.start``."""
        if self.start_from is None:
            self.units_, self.layer_norm_ = (self.hidden or HIDDEN,) * (self.layers or LAYERS), False
            self.reads_backward_ = False
            return super().start(texts, generator, run)
        import torch

        from nlmkit.documents.neural import transfer
        from nlmkit.documents.neural.encoders import PooledRecurrentEncoder

        given = transfer.language_models(self.start_from, self.tokenization_)
        self._check_sizes(given[0])
        reports: dict[str, dict[str, Any]] = {
            transfer.direction(lm): {"digest": lm.digest, "words": len(lm.vocabulary_)} for lm in given
        }
        notes: list[str] = []
        lms = given
        if self.lm_epochs:
            lms = tuple(self._tuned(lm, texts, run, 1 / len(given)) for lm in given)
            names = ("steps", "epochs", "validation_perplexity")
            for lm in lms:
                fit_report = lm.fit_report_
                tuned = {"lr": lm.lr, **{name: fit_report[name] for name in names}}
                reports[transfer.direction(lm)]["tuned"] = tuned
                notes += transfer.notes_of_tuning(lm)
        first = lms[0]
        self.units_, self.layer_norm_ = tuple(transfer.units(first)), first.layer_norm
        self.reads_backward_ = first.reads_backward

        def initialize(module: TextModule) -> None:
            assert isinstance(module.encoder, PooledRecurrentEncoder)
            stacks = [module.encoder.encoder, *([] if module.encoder.twin is None else [module.encoder.twin])]
            for lm, stack in zip(lms, stacks, strict=True):
                transfer.copy_layers(lm, list(stack.layers))

        known = first.vocabulary_ if len(lms) == 1 else transfer.grown_vocabulary(*(lm.vocabulary_ for lm in lms))
        vocabulary = transfer.grown_vocabulary(known, self.limited_vocabulary(texts.corpus, noted=True))
        vectors = torch.cat([transfer.first_vectors(lm, vocabulary) for lm in lms], dim=1)
        added = len(vocabulary) - len(known)
        return Start(
            vocabulary,
            self.word_input(vectors, None),
            initialize,
            input_report={"start_from": first.name, "dimension": vectors.shape[1], "new_words": added},
            report={"language_model": reports if self.has_pair else next(iter(reports.values()))},
            notes=tuple(notes),
        )

    def _check_sizes(self, lm: LSTM) -> None:
        """Refuse sizes that differ from the language model's, and options without effect for its number of layers."""
        from nlmkit.documents.neural import transfer

        layers = len(transfer.units(lm))
        for name, own, theirs in (("layers", self.layers, layers), ("hidden", self.hidden, lm.hidden)):
            if own not in (None, theirs):
                raise HyperParameterError(f"{name}={own}, but the language model in start_from has {theirs}")
        if self.dropout_hidden and layers == 1:
            words = BETWEEN_LAYERS.words
            raise HyperParameterError(f"dropout_hidden={self.dropout_hidden} has no effect: it needs {words}")

    def _tuned(self, lm: LSTM, texts: TrainingTexts, run: RunOptions, share: float) -> LSTM:
        """Return a language model after ``lm_epochs`` on the training texts; ``share`` is its part of a budget."""
        from nlmkit.documents.neural import transfer

        run.stage(
            f"tuning the {transfer.direction(lm)} language model" if self.has_pair else "tuning the language model"
        )
        with (
            during("tuning the language model, with lr=lm_lr and the other options of start_from"),
            interruption_saying(
                "while tuning the language model, for which no checkpoint is kept; the same command starts again"
            ),
        ):
            return transfer.fine_tuned(lm, texts.originals, texts.valid, self.lm_epochs, self.lm_lr, run, share)

    def divide(self, corpus: Corpus, ids: NDArray[np.int64]) -> Documents:
        """Return whole documents, preceded by ``</s>`` with ``start_from``."""
        if self.start_from is None:
            return super().divide(corpus, ids)
        from nlmkit.documents.neural.transfer import after_sentence_end

        return after_sentence_end(ids, corpus.offsets, backward=self.reads_backward_)

    # -------------------------------------------------------------------------------------------------- network

    def build_encoder(self, inputs: int, generator: torch.Generator) -> PooledRecurrentEncoder:
        """Build layers and pooling; see ``NeuralTextModel.build_encoder``."""
        from nlmkit.documents.neural.encoders import PooledRecurrentEncoder, stack

        widths = [inputs // 2 if self.has_pair else inputs, *self.units_]
        encoder, *twin = (
            stack(self, widths, generator, bidirectional=self.reads_both_ways, layer_norm=self.layer_norm_)
            for _ in range(2 if self.has_pair else 1)
        )
        return PooledRecurrentEncoder(encoder, self.pooling, self.dense, self.dropout, generator, *twin)

    def fitted_state(self) -> FittedState:
        """See ``NeuralTextModel.fitted_state``; the layers' sizes are metadata."""
        state = super().fitted_state()
        sizes = {"units": list(self.units_), "layer_norm": self.layer_norm_}
        if self.reads_backward_:
            sizes["reads_backward"] = True
        return dataclasses.replace(state, metadata={**state.metadata, **sizes})

    def restore(self, state: FittedState) -> None:
        """See ``NeuralTextModel.restore``."""
        from nlmkit.saving import require

        units, layer_norm = state.metadata.get("units"), state.metadata.get("layer_norm")
        backward = state.metadata.get("reads_backward", False)
        lengths = {length for array in state.arrays.values() for length in array.shape}
        require(
            isinstance(units, list) and 1 <= len(units) <= 16 and all(type(u) is int and u in lengths for u in units),
            "the sizes of its layers contradict its arrays; save the model again",
        )
        require(isinstance(layer_norm, bool), "layer_norm is missing from its metadata; save the model again")
        require(isinstance(backward, bool), "reads_backward is wrong in its metadata; save the model again")
        self.units_, self.layer_norm_, self.reads_backward_ = tuple(units or ()), bool(layer_norm), bool(backward)
        super().restore(state)
