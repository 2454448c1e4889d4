"""Very deep convolutional network over characters."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

from nlmkit.classifiers.neural.base import NeuralClassifier
from nlmkit.core.parameters import param
from nlmkit.core.presets import redeclared, with_default
from nlmkit.documents.neural.layered import DeepCharacterModel
from nlmkit.documents.neural.options import InputOptions, TrainingOptions

if TYPE_CHECKING:
    import torch

    from nlmkit.documents.neural.deep_encoders import VeryDeepEncoder

BLOCKS: Final = {9: (1, 1, 1, 1), 17: (2, 2, 2, 2), 29: (5, 5, 2, 2)}
"""Blocks of two layers per level, by depth; the first layer of filters is one more."""


@dataclasses.dataclass(kw_only=True)
class VDCNN(DeepCharacterModel, NeuralClassifier):
    """Very deep convolutional network over characters (Conneau et al. 2017, "Very Deep Convolutional Networks").

    Characters have vectors of 16; a layer of 64 filters of width three; four levels of blocks with 64, 128, 256 and 512
    maps, each block twice filters of width three, batch normalization over time and ReLU; between levels the positions
    are halved. The eight largest values of each map in their order go through two fully connected layers of 2,048
    units with ReLU.

    Filters see zeros around a text, never other texts, and batch normalization counts real positions only, so that a
    prediction depends neither on padding nor on the batch. In training a batch is normalized by its own statistics; a
    batch too large for memory, in parts, by those of each part. Predictions use the running statistics, which are
    averaged together with the weights (``averaging=ema``). Texts shorter than the stack, down to one character, keep
    one position.

    Characters that the training texts lack are ``<unk>``; every character of the training texts, such as a Chinese one,
    has a vector, where the paper has an alphabet of 69. Unlike in the paper, texts end after ``max_length`` characters
    but are not padded to it, the optimizer is AdamW, and there is dropout before the fully connected layers.

    Example:
        >>> texts = ["a fine film", "a fine day", "a dull film", "a dull day"] * 5
        >>> labels = ["good", "good", "bad", "bad"] * 5
        >>> model = VDCNN(maps=4, dense=(16,), epochs=20, batch=4, lr=0.01).fit(texts, labels)
        >>> model.predict(["a fine film"]).tolist()
        ['good']
    """

    name = "vdcnn"

    conformance_settings: ClassVar[Mapping[str, Any]] = {
        "embedding": 8,
        "maps": 4,
        "k": 3,
        "dense": (12,),
        "epochs": 12,
        "batch": 8,
        "lr": 0.01,
    }

    depth: int = param(9, choices=(9, 17, 29), help="number of layers of filters")
    maps: int = param(64, ge=1, le=8192, help="number of filters of a layer of the first level; each has twice as many")
    shortcut: bool = param(False, help="add the input of each block to its output (He et al. 2016)")
    pooling: str = param(
        "max",
        choices=("max", "kmax", "stride"),
        help="halving of the positions between levels: maxima of three, the larger half, or filters with stride 2",
    )
    k: int = param(8, ge=1, le=1024, help="number of largest values of each map at the end, in their order")
    dense: tuple[int, ...] = param((2048, 2048), ge=1, le=65536, help="units of the fully connected layers")
    max_length: int | None = redeclared(InputOptions, "max_length", default=1014, later=False)
    batch: int = with_default(TrainingOptions, "batch", 64)
    schedule: str = with_default(TrainingOptions, "schedule", "one-cycle")

    def build_encoder(self, inputs: int, generator: torch.Generator) -> VeryDeepEncoder:
        """Build the levels; see ``NeuralTextModel.build_encoder``."""
        from nlmkit.documents.neural.deep_encoders import VeryDeepEncoder

        return VeryDeepEncoder(
            inputs,
            self.maps,
            BLOCKS[self.depth],
            generator,
            pooling=self.pooling,
            shortcut=self.shortcut,
            k=self.k,
            dense=self.dense,
            dropout=self.dropout,
        )

    def sizes(self) -> Mapping[str, int]:
        """See ``NeuralTextModel.sizes``."""
        return {**super().sizes(), "maps": self.maps, **{f"dense {units}": units for units in self.dense}}
