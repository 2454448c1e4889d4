"""Models of texts that describe the shapes of their layers, among them the deep convolutional ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from nlmkit.core.presets import with_default
from nlmkit.documents.base import TextModel
from nlmkit.documents.neural.estimator import NeuralTextModel
from nlmkit.documents.neural.layer_shapes import LayerSummary, ShapeTracer
from nlmkit.documents.neural.options import InputOptions
from nlmkit.errors import HyperParameterError
from nlmkit.taggers.base import Tagger

if TYPE_CHECKING:
    from nlmkit.documents.neural.module import DocumentEncoder
    from nlmkit.saving.state import FittedState

_LENGTH: Final = 100
"""Tokens of the text whose shapes are shown if texts have no maximum length."""


class LayeredTextModel(NeuralTextModel):
    """Model of texts with ``layer_summary``."""

    def trace(self, encoder: DocumentEncoder, shapes: ShapeTracer) -> None:
        """Append the shapes of the encoder's layers."""
        raise NotImplementedError

    def layer_summary(self, length: int | None = None) -> LayerSummary:
        """Return positions, features, receptive field and parameters of each layer; ``print`` shows a table.

        A model that is not fitted has word vectors of ``embedding`` entries here, of unknown number, and no output.

        Args:
            length: Tokens of the text that the shapes are for; None for ``max_length``, up to 100 of ``cnn``.

        Raises:
            HyperParameterError: The length is less than one, or the options contradict each other.
        """
        if length is None:
            length = self.shown_length
        if length < 1:
            raise HyperParameterError(f"length={length}: a text needs at least one token")
        shapes = ShapeTracer(length)
        if self.is_fitted:
            module = self.module_
            vectors = sum(matrix.numel() for matrix in module.words.parameters())
            shapes.add("words", module.words.width, vectors)
            self.trace(module.encoder, shapes)
            shapes.add_once("output", module.outputs, module.weight.numel() + module.bias.numel())
        else:
            import torch

            self.check_options()
            shapes.add("words", self.embedding, None)
            self.trace(self.build_encoder(self.embedding, torch.Generator().manual_seed(self.seed)), shapes)
        return LayerSummary(length, tuple(shapes.layers))

    @property
    def shown_length(self) -> int:
        """Length of the text of ``layer_summary`` unless given."""
        return min(self.max_length or _LENGTH, _LENGTH)


@dataclasses.dataclass(kw_only=True)
class DeepTextModel(LayeredTextModel):
    """Model of texts with a ``DeepEncoder``; its fit report has the shapes of the layers."""

    def trace(self, encoder: DocumentEncoder, shapes: ShapeTracer) -> None:
        """See ``LayeredTextModel.trace``."""
        from nlmkit.documents.neural.deep_encoders import DeepEncoder

        assert isinstance(encoder, DeepEncoder)
        encoder.trace(shapes)

    @property
    def shown_length(self) -> int:
        """See ``LayeredTextModel.shown_length``."""
        return self.max_length or _LENGTH

    def network_report(self) -> Mapping[str, Any]:
        """Return the shapes of the layers, for a text of ``max_length``."""
        shapes = self.layer_summary()
        return {"layers": {"tokens": shapes.length, **shapes.by_name()}}

    def restore(self, state: FittedState) -> None:
        """See ``NeuralTextModel.restore``; a variance below zero is refused, too."""
        from nlmkit.documents.neural.deep_encoders import batch_norms
        from nlmkit.saving import require

        super().restore(state)
        for name, layer in batch_norms(self.module_.encoder):
            require(not bool((layer.variance < 0).any()), f"the running variance of encoder.{name} is negative")


@dataclasses.dataclass(kw_only=True)
class DeepCharacterModel(DeepTextModel):
    """Deep model that reads characters unless told otherwise."""

    tokenizer: str | Tagger = with_default(TextModel, "tokenizer", "char")
    embedding: int = with_default(InputOptions, "embedding", 16)
    unknown_rate: float = with_default(InputOptions, "unknown_rate", 0.5)
