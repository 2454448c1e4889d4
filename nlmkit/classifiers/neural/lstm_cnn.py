"""The classifier with filters over an LSTM's outputs."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

from nlmkit.classifiers.neural.base import NeuralClassifier
from nlmkit.core.parameters import param
from nlmkit.core.presets import with_default
from nlmkit.documents.neural.convolutional import WithFilters
from nlmkit.documents.neural.options import InputOptions, StackOptions, TrainingOptions

if TYPE_CHECKING:
    import torch

    from nlmkit.documents.neural.encoders import RecurrentConvolutionEncoder


@dataclasses.dataclass(kw_only=True)
class LSTMCNN(WithFilters, StackOptions, NeuralClassifier):
    """Word vectors, LSTM, filters over its outputs, maxima over time.

    What a filter sees of a word has been read in its context. Outputs beyond a text's end are zero, so that padding
    adds nothing; the filters are those of :class:`~nlmkit.classifiers.neural.cnn.CNN`.
    """

    name = "lstm-cnn"

    hidden: int = param(128, ge=1, le=65536, help="units of a recurrent layer, in each direction")
    layers: int = param(1, ge=1, le=16, help="stacked recurrent layers")
    bidirectional: bool = param(True, help="read from both ends (Schuster & Paliwal 1997)")
    clip_norm: float | None = with_default(TrainingOptions, "clip_norm", 5.0)
    dropout_input: float = with_default(InputOptions, "dropout_input", 0.3)
    dropout_output: float = param(0.3, ge=0, lt=1, help="dropout on the LSTM's outputs")

    def build_encoder(self, inputs: int, generator: torch.Generator) -> RecurrentConvolutionEncoder:
        """LSTM and filters; see :meth:`NeuralTextModel.build_encoder`."""
        from nlmkit.documents.neural.encoders import RecurrentConvolutionEncoder, convolution, stack

        widths = [inputs, *[self.hidden] * self.layers]
        encoder = stack(self, widths, generator, bidirectional=self.bidirectional)
        filters = convolution(self, encoder.width, generator)
        return RecurrentConvolutionEncoder(encoder, filters, self.dropout_output)

    def sizes(self) -> Mapping[str, int]:
        """See :meth:`NeuralTextModel.sizes`."""
        return {**super().sizes(), "hidden": self.hidden}

    def highlights(self, text: str) -> list[tuple[str, float]]:
        """The words of a text with what each adds to the predicted class; see ``cnn.CNN``.

        A window's words are those that its filter sees, though the LSTM has read others before.
        """
        from nlmkit.documents.neural.highlights import highlights

        return highlights(self, text)
