"""Recurrent encoder-decoder with attention."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from nlmkit.errors import HyperParameterError
from nlmkit.seq2seq.neural.estimator import NeuralSequenceToSequence
from nlmkit.seq2seq.neural.options import EncoderDecoderOptions, SourceWordOptions
from nlmkit.seq2seq.options import TextSources

if TYPE_CHECKING:
    import torch

    from nlmkit.language_models.neural.estimator import NeuralLanguageModel
    from nlmkit.seq2seq.neural.encoder_decoder_module import EncoderDecoderModule
    from nlmkit.seq2seq.neural.module import ConditionalModule
    from nlmkit.seq2seq.neural.settings import Widths


@dataclasses.dataclass(kw_only=True)
class EncoderDecoder(EncoderDecoderOptions, SourceWordOptions, TextSources, NeuralSequenceToSequence):
    """Recurrent encoder-decoder with attention (Sutskever et al. 2014; Bahdanau et al. 2015; Luong et al. 2015).

    Stacked LSTM or GRU layers read the source in both directions, and ``</s>`` behind it. Others write the target, each
    word from the words before it and a context, a weighted mean of the outputs of the encoder::

        h_t = RNN(x_t, h_{t−1})      α_tj ∝ exp(h_t · W s_j)      c_t = Σ_j α_tj s_j      f_t = tanh(U h_t + V c_t + b)

        p(w | history, source) = softmax_w(E f_t + b)

    Training reads and predicts the given targets, whole sequences at a time; with ``input_feeding`` or
    ``attention_type=bahdanau`` step by step, which takes longer.

    Example:
        >>> model = EncoderDecoder(embedding=16, hidden=32, encoder_hidden=16, epochs=60, batch=30, lr=0.02)
        >>> model = model.fit(["a b", "b a", "a a", "b b"] * 4, ["b a", "a b", "a a", "b b"] * 4)
        >>> model.predict(["a b"])
        ['b a']
    """

    name = "encoder-decoder"
    takes: ClassVar[Literal["texts", "vectors"]] = "texts"

    conformance_settings: ClassVar[Mapping[str, Any]] = {
        **NeuralSequenceToSequence.conformance_settings,
        "encoder_hidden": 12,
        "dropout_source": 0.0,
    }

    def check_options(self) -> None:
        """Raise for options that contradict each other or the vocabularies; see ``NeuralSequenceToSequence``."""
        width = self.encoder_hidden * (2 if self.bidirectional else 1)
        if self.attention_type == "luong-dot" and width != self.hidden:
            raise HyperParameterError(
                f"attention_type=luong-dot compares encoder outputs of width {width} with hidden={self.hidden}: "
                "set equal widths, or attention_type=luong-general"
            )
        if self.tied == "all" and not self._same_words:
            raise HyperParameterError("tied=all needs the same words on both sides: set joint=true")
        if self.tied == "all" and self.source_representation is not None:
            raise HyperParameterError("tied=all: both sides share their vectors; set target_representation alone")

    @property
    def _same_words(self) -> bool:
        assert self.source_vocabulary_ is not None
        return self.source_vocabulary_.words == self.vocabulary_.words

    @property
    def shares_words(self) -> bool:
        """Whether both sides have the same word vectors."""
        if self.tied == "auto":
            return self._same_words and self.source_representation is None
        return self.tied == "all"

    @property
    def has_attention(self) -> bool:
        """Whether the decoder attends to the events of the source."""
        return self.attention_type != "none"

    @property
    def ties_output(self) -> bool:
        """Whether the vectors of target words are the weights of the output layer."""
        return self.tied != "none" and not self._is_frozen("target")

    def build_module(self, widths: Widths, generator: torch.Generator) -> EncoderDecoderModule:
        """Build the untrained network; see ``NeuralSequenceToSequence``."""
        from nlmkit.seq2seq.neural.build import encoder_decoder_module

        assert self.source_vocabulary_ is not None
        return encoder_decoder_module(
            self,
            self,
            self.source_vocabulary_,
            self.vocabulary_,
            widths,
            shared=self.shares_words,
            tied=self.ties_output,
            generator=generator,
        )

    def start_from_language_model(self, module: ConditionalModule, lm: NeuralLanguageModel) -> dict[str, Any]:
        """Copy a language model into the decoder; see ``NeuralSequenceToSequence``."""
        from nlmkit.seq2seq.neural.build import started_from_language_model

        return started_from_language_model(module, lm, self.vocabulary_)
