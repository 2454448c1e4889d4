"""Conditional language model of a text given a vector."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

from nlmkit.core.run import RunOptions
from nlmkit.errors import HyperParameterError
from nlmkit.saving.state import FittedState
from nlmkit.seq2seq.neural.estimator import NeuralSequenceToSequence
from nlmkit.seq2seq.neural.settings import Widths
from nlmkit.seq2seq.neural.vector_options import VectorOptions

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from nlmkit.language_models.neural.estimator import NeuralLanguageModel
    from nlmkit.seq2seq.neural.module import ConditionalModule
    from nlmkit.seq2seq.neural.vector_module import VectorModule
    from nlmkit.seq2seq.pairs import Pairs

_LARGEST_TERM: Final = 1e12
"""Largest value of η ξ^‖d_0‖, which a gate pays that reads a whole vector at once; far larger ones overflow."""


@dataclasses.dataclass(kw_only=True)
class VectorDecoder(VectorOptions, NeuralSequenceToSequence):
    """Conditional LSTM or GRU language model: a vector in, a text out.

    The vector is whatever the text is about: features of a picture (Vinyals et al. 2015, whose vector is the first
    state), the vector of a word to be defined (Noraset et al. 2017), attributes to be spoken (Wen et al. 2015). With
    x_t the vector of a word and v that of the source, scaled and perhaps projected::

        condition=initial       h_0 = tanh(W v + b)     h_t = RNN(x_t, h_{t−1})
        condition=every-step    h_0 = 0                 h_t = RNN([x_t; v], h_{t−1})
        condition=sc-gate       d_0 = v                 d_t = r_t ∘ d_{t−1}, and the cell is told tanh(V d_t)

        p(w | history, v) = softmax_w(E tanh(U h_t + b) + b')

    The gate r_t of the last one learns which components of the vector a word has spoken, and takes them out; see
    ``nlmkit.layers.semantic_lstm``. Vectors of 0 and 1 suit it. With ``layers`` above 1, the first layer has the gate.

    Sources are vectors [n, d]: arrays, lists of rows, or ``ParallelTexts.read_vectors``.

    Example:
        >>> vectors = [[1.0, 0.0], [0.0, 1.0]] * 8
        >>> model = VectorDecoder(embedding=16, hidden=16, epochs=40, batch=30, lr=0.02)
        >>> model.fit(vectors, ["one zero", "zero one"] * 8).predict([[0.0, 1.0]])
        ['zero one']
    """

    name = "vector-decoder"
    takes: ClassVar[Literal["texts", "vectors"]] = "vectors"

    conformance_settings: ClassVar[Mapping[str, Any]] = {
        **NeuralSequenceToSequence.conformance_settings,
        "epochs": 20,
        "batch": 30,
        "lr": 0.05,
        "averaging": "none",
    }

    def check_options(self) -> None:
        """Raise for options that contradict each other; see ``NeuralSequenceToSequence``."""
        if self.condition == "sc-gate" and self.decoder_language_model is not None:
            raise HyperParameterError(
                "decoder_language_model has no layer with a gate: set another condition than sc-gate"
            )

    @property
    def ties_output(self) -> bool:
        """Whether the vectors of target words are the weights of the output layer."""
        return self.tied and not self._is_frozen("target")

    def fit_pairs(self, data: Pairs, *, valid: Pairs | None, run: RunOptions) -> Mapping[str, Any]:
        """Train the network; see ``NeuralSequenceToSequence.fit_pairs``."""
        vectors = data.sources.vectors
        assert vectors is not None
        vars(self)["_training_vectors"] = vectors
        try:
            return super().fit_pairs(data, valid=valid, run=run)
        finally:
            vars(self).pop("_training_vectors", None)

    def build_module(self, widths: Widths, generator: torch.Generator) -> VectorModule:
        """Build the untrained network; see ``NeuralSequenceToSequence``.

        Raises:
            HyperParameterError: The loss of the gate would overflow on the training vectors.
        """
        from nlmkit.seq2seq.neural.vector_build import vector_module

        module = vector_module(self, self, self.vocabulary_, widths, tied=self.ties_output, generator=generator)
        vectors: NDArray[np.float32] | None = vars(self).get("_training_vectors")
        if vectors is not None:
            module.inputs.measure(vectors)
            if self.condition == "sc-gate" and self.eta:
                self._check_gate(module.inputs.largest(vectors))
        return module

    def _check_gate(self, largest: float) -> None:
        """Raise if η ξ^‖d_0‖ is out of range for the longest vector."""
        if largest * math.log(self.xi) + math.log(self.eta) > math.log(_LARGEST_TERM):
            raise HyperParameterError(
                f"eta={self.eta:g} and xi={self.xi:g}: a training vector has length {largest:.4g}, and eta·xi^length "
                "would overflow: set vector_scaling=unit, or eta=0"
            )

    def start_from_language_model(self, module: ConditionalModule, lm: NeuralLanguageModel) -> dict[str, Any]:
        """Copy a language model into the decoder; see ``NeuralSequenceToSequence``."""
        from nlmkit.seq2seq.neural.vector_build import started_from_language_model

        return started_from_language_model(module, lm, self.vocabulary_)

    def array_lengths(self) -> Mapping[str, Sequence[int]]:
        """Return lengths of arrays of a saved model; see ``NeuralSequenceToSequence``."""
        source, target = self.widths_
        if self.vector_projection is not None:
            return {**super().array_lengths(), "vector_projection": [self.vector_projection]}
        if self.condition == "every-step":  # the weights of both are side by side
            return {"widths": [source + target, target], "hidden": [self.hidden]}
        return super().array_lengths()

    def restore(self, state: FittedState) -> None:
        """Rebuild the network and load the saved weights; see ``NeuralSequenceToSequence``."""
        super().restore(state)
        from nlmkit.saving import require

        scale = getattr(self.module_.inputs, "scale", None)
        require(
            scale is None or bool((scale > 0).all()),
            "a standard deviation of its vectors is not positive; fit it again",
        )
