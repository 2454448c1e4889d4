"""Filters over windows of words, shared by the convolutional classifier and the convolutional regressor."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

from nlmkit.core.presets import with_default
from nlmkit.documents.neural.estimator import NeuralTextModel
from nlmkit.documents.neural.layered import LayeredTextModel
from nlmkit.documents.neural.options import ConvolutionOptions, InputOptions, TrainingOptions
from nlmkit.errors import HyperParameterError

if TYPE_CHECKING:
    import torch

    from nlmkit.documents.neural.encoders import ConvolutionEncoder
    from nlmkit.documents.neural.layer_shapes import ShapeTracer
    from nlmkit.documents.neural.module import DocumentEncoder


@dataclasses.dataclass(kw_only=True)
class WithFilters(ConvolutionOptions, NeuralTextModel):
    """Model of texts whose features are the maxima of filters over time."""

    def check_options(self) -> None:
        """Refuse filters without a width; see ``NeuralTextModel.check_options``."""
        super().check_options()
        if not self.widths:
            raise HyperParameterError("widths=[]: the filters need at least one width")

    @property
    def zero_output(self) -> bool:
        """Whether the last layer is initialized with zeros, as in Kim's code."""
        return self.initialisation == "kim"

    def sizes(self) -> Mapping[str, int]:
        """See ``NeuralTextModel.sizes``."""
        return {**super().sizes(), "maps": self.maps}


@dataclasses.dataclass(kw_only=True)
class ConvolutionalTextModel(LayeredTextModel, WithFilters):
    """Filters over word vectors (Kim 2014): the network of ``cnn`` and ``cnn-regressor``, without the last layer."""

    max_norm: float | None = with_default(TrainingOptions, "max_norm", 3.0)
    unknown_rate: float = with_default(InputOptions, "unknown_rate", 0.5)
    dropout_input: float = with_default(InputOptions, "dropout_input", 0.3)
    dropout_word: float = with_default(InputOptions, "dropout_word", 0.1)

    def build_encoder(self, inputs: int, generator: torch.Generator) -> ConvolutionEncoder:
        """Build the filters; see ``NeuralTextModel.build_encoder``."""
        from nlmkit.documents.neural.encoders import ConvolutionEncoder, convolution

        return ConvolutionEncoder(convolution(self, inputs, generator))

    def trace(self, encoder: DocumentEncoder, shapes: ShapeTracer) -> None:
        """Append the filters of each width, and their 1×1 layers; see ``LayeredTextModel.trace``."""
        from nlmkit.documents.neural.encoders import ConvolutionEncoder

        assert isinstance(encoder, ConvolutionEncoder)
        filters = encoder.filters
        padded = shapes.positions + filters.padding + max(filters.padding, max(filters.widths) - 1)
        for weight, bias in zip(filters.filters, filters.biases, strict=True):
            width = weight.shape[2]
            windows, above = padded - width + 1, filters.maps * (filters.maps + 1)
            shapes.add_windows(f"filters of {width}", windows, filters.maps, width, weight.numel() + bias.numel())
            for number in range(1, self.pointwise + 1):
                shapes.add_windows(f"1×1 layer {number} of {width}", windows, filters.maps, width, above)
        shapes.add_once("maximum", filters.width, 0)
