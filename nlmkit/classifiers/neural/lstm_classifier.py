"""The LSTM classifier."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

from nlmkit.core.parameters import Needs, param
from nlmkit.core.presets import with_default, with_needs
from nlmkit.core.run import RunOptions
from nlmkit.documents.neural.estimator import NeuralClassifier
from nlmkit.documents.neural.options import InputOptions, StackOptions, TrainingOptions, TransferOptions
from nlmkit.errors import HyperParameterError
from nlmkit.saving.state import FittedState
from nlmkit.training.divergence import during
from nlmkit.training.interruption import interruption_saying

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from nlmkit.documents.neural.batching import Documents
    from nlmkit.documents.neural.encoders import RecurrentEncoder
    from nlmkit.documents.neural.input import WordInput
    from nlmkit.documents.neural.module import ClassifierModule
    from nlmkit.text import Corpus, Vocabulary

HIDDEN, LAYERS = 128, 1


class _Contained(NeuralClassifier):
    """Fitted state, declared where a dataclass does not take it for hyper-parameters."""

    units_: tuple[int, ...]
    layer_norm_: bool


_OWN_START: Final = Needs(
    "a start without start_from: the language model's weights come first", lambda model: model.start_from is None
)


@dataclasses.dataclass(kw_only=True)
class LSTMClassifier(TransferOptions, StackOptions, _Contained):
    """LSTM over the words, pooled over time: the last state, mean or maximum (Conneau et al. 2017), or all three.

    It reads from both ends unless told otherwise, its layers stacked as many as wanted.

    With ``start_from`` it begins as an ``lstm`` language model whose output layer was replaced: sizes, vocabulary and
    way of reading are that model's, and reading goes forwards only. ``unfreeze="none"`` trains the new last layer and
    nothing else. ULMFiT (Howard & Ruder 2018) is ``lm_epochs=15``, ``unfreeze="gradual"``, ``layer_rate=2.6``,
    ``schedule="slanted-triangular"``, ``pooling="concat"`` and ``dense=50``, here without batch normalisation.

    Example:
        >>> texts = ["a fine film", "a fine day", "a dull film", "a dull day"] * 5
        >>> labels = ["good", "good", "bad", "bad"] * 5
        >>> model = LSTMClassifier(embedding=16, hidden=16, epochs=20, batch=4, lr=0.01).fit(texts, labels)
        >>> model.predict(["a dull film"]).tolist()
        ['bad']
    """

    name = "lstm-classifier"

    hidden: int | None = param(
        None, ge=1, le=65536, help="units of a layer, in each direction; none: 128, or the language model's"
    )
    layers: int | None = param(None, ge=1, le=16, help="stacked recurrent layers; none: 1, or the language model's")
    bidirectional: bool | None = param(
        None, help="read from both ends (Schuster & Paliwal 1997); none: yes, without start_from"
    )
    pooling: str = param(
        "max",
        choices=("last", "mean", "max", "concat"),
        help="how outputs become one vector; concat: last, maximum and mean side by side",
    )
    dense: int | None = param(None, ge=1, le=65536, help="units of a ReLU layer before the last one; none: no layer")
    dropout_input: float = with_default(InputOptions, "dropout_input", 0.3)
    embedding: int = with_needs(InputOptions, "embedding", _OWN_START)
    embedding_range: float = with_needs(InputOptions, "embedding_range", _OWN_START)
    forget_bias: float = with_needs(StackOptions, "forget_bias", _OWN_START)
    clip_norm: float | None = with_default(TrainingOptions, "clip_norm", 5.0)

    def check_options(self) -> None:
        """See :meth:`NeuralClassifier.check_options`."""
        from nlmkit.documents.neural.checks import refuse_hidden_dropout

        super().check_options()
        if self.start_from is None:
            refuse_hidden_dropout(self, self.layers or LAYERS)
            return
        if self.bidirectional:
            raise HyperParameterError(
                "bidirectional=True: the language model in start_from reads forwards only; leave bidirectional out"
            )
        if self.representation is not None:
            raise HyperParameterError("representation and start_from both give the word vectors: leave one of them out")

    @property
    def reads_both_ways(self) -> bool:
        """Whether the layers read from both ends."""
        return self.start_from is None if self.bidirectional is None else self.bidirectional

    # ------------------------------------------------------------------------------------------------- transfer

    def prepare(self, corpus: Corpus, valid: Corpus | None, run: RunOptions) -> dict[str, Any]:
        """Take the sizes, and the language model where there is one, tuned if that is wanted."""
        if self.start_from is None:
            self.units_, self.layer_norm_ = (self.hidden or HIDDEN,) * (self.layers or LAYERS), False
            return {}
        from nlmkit.documents.neural import transfer
        from nlmkit.documents.neural.checks import refuse_hidden_dropout

        lm = transfer.language_model(self.start_from, self.tokenization_)
        units = transfer.units(lm)
        for name, own, theirs in (("layers", self.layers, len(units)), ("hidden", self.hidden, lm.hidden)):
            if own not in (None, theirs):
                raise HyperParameterError(f"{name}={own}, but the language model in start_from has {theirs}")
        refuse_hidden_dropout(self, len(units))
        report: dict[str, Any] = {"digest": lm.digest, "words": len(lm.vocabulary_)}
        notes: list[str] = []
        if self.lm_epochs:
            run.stage("tuning the language model")
            with (
                during("tuning the language model, whose lr is lm_lr and whose other options are those of start_from"),
                interruption_saying(
                    "while the language model was tuned, of which no checkpoint is kept; the same command begins anew"
                ),
            ):
                lm = transfer.fine_tuned(lm, corpus, valid, self.lm_epochs, self.lm_lr, run)
            told = lm.fit_report_
            report["tuned"] = {
                "lr": lm.lr,
                **{name: told[name] for name in ("steps", "epochs", "validation_perplexity")},
            }
            notes = transfer.notes_of_tuning(lm)
        vars(self)["_start"] = lm
        self.units_, self.layer_norm_ = tuple(units), lm.layer_norm
        return {"language_model": report, "notes": notes}

    def start_vocabulary(self, corpus: Corpus) -> Vocabulary:
        """The vocabulary of the training texts, after that of the language model."""
        own = super().start_vocabulary(corpus)
        if self.start_from is None:
            return own
        from nlmkit.documents.neural.transfer import grown_vocabulary

        return grown_vocabulary(vars(self)["_start"].vocabulary_, own)

    def first_words(self, vocabulary: Vocabulary, generator: torch.Generator) -> tuple[WordInput, dict[str, Any]]:
        """The language model's vectors where there is one; see :meth:`NeuralClassifier.first_words`."""
        if self.start_from is None:
            return super().first_words(vocabulary, generator)
        from nlmkit.documents.neural.transfer import first_vectors

        lm = vars(self)["_start"]
        vectors = first_vectors(lm, vocabulary)
        added = len(vocabulary) - len(lm.vocabulary_)
        return self._words(vectors, None), {"start_from": lm.name, "dimension": vectors.shape[1], "new_words": added}

    def first_weights(self, module: ClassifierModule) -> None:
        """The language model's layers, where there is one."""
        lm = vars(self).pop("_start", None)
        if lm is not None:
            from nlmkit.documents.neural.encoders import RecurrentEncoder
            from nlmkit.documents.neural.transfer import copy_layers

            assert isinstance(module.encoder, RecurrentEncoder)
            copy_layers(lm, list(module.encoder.encoder.layers))

    def divide(self, corpus: Corpus, ids: NDArray[np.int64]) -> Documents:
        """Whole documents; with ``</s>`` in front where a language model is started from."""
        if self.start_from is None:
            return super().divide(corpus, ids)
        from nlmkit.documents.neural.transfer import after_sentence_end

        return after_sentence_end(ids, corpus.offsets)

    # -------------------------------------------------------------------------------------------------- network

    def build_encoder(self, inputs: int, generator: torch.Generator) -> RecurrentEncoder:
        """Layers and pooling; see :meth:`NeuralClassifier.build_encoder`."""
        from nlmkit.documents.neural.encoders import RecurrentEncoder, stack

        widths = [inputs, *self.units_]
        encoder = stack(self, widths, generator, bidirectional=self.reads_both_ways, layer_norm=self.layer_norm_)
        return RecurrentEncoder(encoder, self.pooling, self.dense, self.dropout, generator)

    def fitted_state(self) -> FittedState:
        """See :meth:`NeuralClassifier.fitted_state`; the layers' sizes are metadata."""
        state = super().fitted_state()
        sizes = {"units": list(self.units_), "layer_norm": self.layer_norm_}
        return dataclasses.replace(state, metadata={**state.metadata, **sizes})

    def restore(self, state: FittedState) -> None:
        """See :meth:`NeuralClassifier.restore`."""
        from nlmkit.saving import require

        units, layer_norm = state.metadata.get("units"), state.metadata.get("layer_norm")
        lengths = {length for array in state.arrays.values() for length in array.shape}
        require(
            isinstance(units, list) and 1 <= len(units) <= 16 and all(type(u) is int and u in lengths for u in units),
            "the sizes of its layers contradict its arrays; save the model again",
        )
        require(isinstance(layer_norm, bool), "its metadata lack layer_norm; save the model again")
        self.units_, self.layer_norm_ = tuple(units or ()), bool(layer_norm)
        super().restore(state)
