"""Deep pyramid convolutional network over words."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from nlmkit.classifiers.neural.base import NeuralClassifier
from nlmkit.core.parameters import param
from nlmkit.core.presets import redeclared, with_default
from nlmkit.documents.neural.layered import DeepTextModel
from nlmkit.documents.neural.options import InputOptions, TrainingOptions
from nlmkit.errors import HyperParameterError

if TYPE_CHECKING:
    import torch

    from nlmkit.documents.neural.deep_encoders import PyramidEncoder


@dataclasses.dataclass(kw_only=True)
class DPCNN(DeepTextModel, NeuralClassifier):
    """Deep pyramid convolutional network (Johnson & Zhang 2017, "Deep Pyramid Convolutional Neural Networks").

    Filters over regions of words give each position its features; then blocks, x + W₂ σ(W₁ σ(x) + b₁) + b₂ with σ =
    ReLU, of filters of width three and as many maps throughout, so that nothing is projected. Before each block but
    the first, maxima of three positions with stride two halve the positions: the work of all blocks is less than twice
    that of the first, and the receptive field doubles from block to block. The features of a text are the maxima of the
    last block; a linear layer with dropout maps them to classes.

    Filters see zeros around a text, never other texts, and padding never is a maximum: a prediction depends neither on
    padding nor on the batch. Texts shorter than the stack, down to one word, keep one position.

    The paper's regions of words without vectors, its embeddings from unlabelled text and its SGD with momentum are not
    used; ``representation=`` gives vectors of words.

    Example:
        >>> texts = ["a fine film", "a fine day", "a dull film", "a dull day"] * 5
        >>> labels = ["good", "good", "bad", "bad"] * 5
        >>> model = DPCNN(embedding=16, maps=8, blocks=3, epochs=20, batch=4, lr=0.01).fit(texts, labels)
        >>> model.predict(["a fine film"]).tolist()
        ['good']
    """

    name = "dpcnn"

    conformance_settings: ClassVar[Mapping[str, Any]] = {
        "embedding": 16,
        "maps": 8,
        "blocks": 3,
        "epochs": 12,
        "batch": 8,
        "lr": 0.01,
    }

    maps: int = param(128, ge=1, le=65536, help="number of filters of every layer (250 in the paper)")
    blocks: int = param(7, ge=1, le=32, help="number of blocks of two layers; with seven, 15 layers as in the paper")
    region: int = param(3, ge=1, le=1023, help="width of the filters of the region embedding in words, odd")
    dropout_input: float = with_default(InputOptions, "dropout_input", 0.3)
    dropout_word: float = with_default(InputOptions, "dropout_word", 0.1)
    unknown_rate: float = with_default(InputOptions, "unknown_rate", 0.5)
    max_length: int | None = redeclared(InputOptions, "max_length", default=512, later=False)
    schedule: str = with_default(TrainingOptions, "schedule", "one-cycle")
    clip_norm: float | None = with_default(TrainingOptions, "clip_norm", 5.0)

    def check_options(self) -> None:
        """Refuse regions of even width; see ``NeuralTextModel.check_options``."""
        super().check_options()
        if self.region % 2 == 0:
            raise HyperParameterError(f"region={self.region}: a region has a word in its middle, so its width is odd")

    def build_encoder(self, inputs: int, generator: torch.Generator) -> PyramidEncoder:
        """Build the region embedding and the blocks; see ``NeuralTextModel.build_encoder``."""
        from nlmkit.documents.neural.deep_encoders import PyramidEncoder

        return PyramidEncoder(inputs, self.maps, self.region, self.blocks, generator)

    def sizes(self) -> Mapping[str, int]:
        """See ``NeuralTextModel.sizes``."""
        return {**super().sizes(), "maps": self.maps, "region": self.region}
