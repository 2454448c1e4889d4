"""The language model ``transformer``."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from nlmkit.plugin import (
    ArchitectureOptions,
    HyperParameterError,
    NeuralLanguageModel,
    OptimizationOptions,
    RegularizationOptions,
    param,
    with_default,
)

if TYPE_CHECKING:
    import numpy as np
    import torch
    from nlmkit.plugin import Body, LanguageModule
    from numpy.typing import NDArray


@dataclasses.dataclass(kw_only=True)
class Transformer(OptimizationOptions, RegularizationOptions, ArchitectureOptions, NeuralLanguageModel):
    r"""Decoder-only transformer language model (Vaswani et al. 2017; Radford et al. 2018), trained on this machine.

    ``layers`` blocks over word vectors of width ``embedding`` = d, each of them::

        x ← x + W_o attention(norm(x))         heads of d / heads; each step sees itself and the window−1 before it
        x ← x + W_2 gelu(W_1 norm(x))          W_1 widens to ``hidden``

        p(w | history) = softmax_w(E' norm(x) + b)    E' = E where tied

    Positions are relative (rotary, Su et al. 2021). A text is read like a stream: in training a window of ``bptt``
    steps goes on from the keys and values of the one before it (Dai et al. 2019); in context ``stream`` scoring does so
    across sentences, in ``sentence`` every sentence begins with an empty memory after ``</s>``. With L blocks a word
    can depend on the L·(window−1) words before it. A state is the keys and values of the last window−1 steps.

    Example:
        >>> lm = Transformer(layers=2, heads=2, hidden=16, embedding=8, window=8, epochs=2, batch=2)
        >>> lm.fit([["the", "cat", "sat"], ["the", "dog", "sat"]]).next_log_probs(lm.start()).shape
        (7,)
    """

    name = "transformer"
    own_architecture: ClassVar[tuple[str, ...]] = ("heads",)
    conformance_settings: ClassVar[Mapping[str, Any]] = {
        "layers": 2,
        "heads": 2,
        "embedding": 16,
        "hidden": 32,
        "window": 6,
        "epochs": 6,
        "batch": 12,
        "bptt": 10,
        "lr": 0.01,
        "dropout": 0.0,
        "dropout_input": 0.0,
        "dropout_output": 0.0,
    }

    layers: int = param(4, ge=1, le=64, help="number of blocks of attention and feed-forward layer")
    heads: int = param(4, ge=1, le=256, help="attention heads; embedding must be a multiple of twice their number")
    window: int = param(
        128, ge=2, le=65536, help="number of steps that a step attends to in each block, including itself"
    )
    hidden: int = param(1024, ge=1, le=65536, help="width of the feed-forward layers")
    projection: str = param("auto", choices=("auto", "linear"), help="linear: one more layer before the output layer")
    dropout: float = param(0.2, ge=0, lt=1, help="dropout on the outputs of attention and feed-forward layers")
    dropout_input: float = with_default(RegularizationOptions, "dropout_input", 0.2)
    dropout_output: float = with_default(RegularizationOptions, "dropout_output", 0.2)
    locked: bool = with_default(RegularizationOptions, "locked", False)
    weight_decay: float = with_default(RegularizationOptions, "weight_decay", 0.01)
    bptt: int = param(70, ge=1, le=100000, help="length of a training window in steps")
    lr: float = with_default(OptimizationOptions, "lr", 0.001)
    batch: int = with_default(OptimizationOptions, "batch", 32)

    def build_module(self, counts: NDArray[np.int64], generator: torch.Generator) -> LanguageModule:
        """Return the untrained network; see ``NeuralLanguageModel.build_module``."""
        from nlmkit.plugin import module_around

        from nlmkit_transformer.network import TransformerBody

        def body(width: int) -> Body:
            if width % (2 * self.heads):
                raise HyperParameterError(
                    f"vectors of width {width} cannot be divided among heads={self.heads}: the width must be a "
                    f"multiple of "
                    f"{2 * self.heads}"
                )
            return TransformerBody(
                width,
                layers=self.layers,
                heads=self.heads,
                hidden=self.hidden,
                window=self.window,
                dropout=self.dropout,
                locked=self.locked,
                generator=generator,
            )

        return module_around(body, self, counts, generator)
