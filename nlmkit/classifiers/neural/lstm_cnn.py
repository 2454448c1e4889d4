"""Classifier with filters over the outputs of an LSTM."""

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
    """LSTM with filters over its outputs and maxima over time.

    The filters see each word in its context. Outputs beyond the end of a text are zero, so that padding
    has no effect; the filters are those of ``CNN``.
    """

    name = "lstm-cnn"

    hidden: int = param(128, ge=1, le=65536, help="units of a recurrent layer, per direction")
    layers: int = param(1, ge=1, le=16, help="number of stacked recurrent layers")
    bidirectional: bool = param(True, help="read in both directions (Schuster & Paliwal 1997)")
    clip_norm: float | None = with_default(TrainingOptions, "clip_norm", 5.0)
    dropout_input: float = with_default(InputOptions, "dropout_input", 0.3)
    dropout_output: float = param(0.3, ge=0, lt=1, help="dropout on the LSTM's outputs")

    def build_encoder(self, inputs: int, generator: torch.Generator) -> RecurrentConvolutionEncoder:
        """Build LSTM and filters; see ``NeuralTextModel.build_encoder``."""
        from nlmkit.documents.neural.encoders import RecurrentConvolutionEncoder, convolution, stack

        widths = [inputs, *[self.hidden] * self.layers]
        encoder = stack(self, widths, generator, bidirectional=self.bidirectional)
        filters = convolution(self, encoder.width, generator)
        return RecurrentConvolutionEncoder(encoder, filters, self.dropout_output)

    def sizes(self) -> Mapping[str, int]:
        """See ``NeuralTextModel.sizes``."""
        return {**super().sizes(), "hidden": self.hidden}

    def highlights(self, text: str) -> list[tuple[str, float]]:
        """Return the words of a text with their contributions to the predicted class; see ``cnn.CNN``.

        The words of a window are those that its filter sees, although the LSTM has also read others.
        """
        from nlmkit.documents.neural.highlights import highlights

        return highlights(self, text)
