"""Where the time of a training step goes, in float32 and in bfloat16, in one run on one machine.

    python benchmarks/neural_training_parts.py [--model lstm] [--threads 2] [--hidden 800] [--embedding 400]

Words are drawn by Zipf's law: their order changes no speed. Both precisions take turns, and of each part the fastest
turn counts. With ``--clock cpu`` it is the time of the process on all cores, for a machine with other work: use one
thread then. Prints JSON; for each precision

tokens_per_second   of whole steps of nlmkit's training, with all that belongs to them.
seconds             per step and part: the input projection, the recurrence (products with the recurrent weights,
                    gates, conversions), the softmax (with the loss), the optimizer (with clipping), and the rest: word
                    vectors, dropout, the projection to the width of the vectors, sums of gradients, checks.
gflops              of the matrix products of a step by its seconds, and the share of the peak that this is.
peak_gflops         the fastest product of two square matrices here, in this precision.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from measuring import processor
from neural_training import text
from torch import Tensor

import nlmkit
from nlmkit import GRU, LSTM, RNNLM
from nlmkit.language_models.neural.settings import LanguageModelSettings
from nlmkit.language_models.neural.task import LanguageTask
from nlmkit.text import Vocabulary
from nlmkit.training.distributed import Processes
from nlmkit.training.gradient import GradientStepper
from nlmkit.training.optimization import clip_gradients
from nlmkit.training.options import Optimization
from nlmkit.training.precision import choose_precision
from nlmkit.training.stepper import Moment

MODELS: dict[str, Any] = {"lstm": LSTM, "gru": GRU, "rnnlm": RNNLM}
CPU = torch.device("cpu")
PARTS = ("input projection", "recurrence", "softmax", "optimizer")
SQUARE = 1024
CLIP = 0.5


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=MODELS, default="lstm")
    parser.add_argument("--hidden", type=int, default=800)
    parser.add_argument("--embedding", type=int, default=400)
    parser.add_argument("--layers", type=int, default=1)
    parser.add_argument("--words", type=int, default=10_000)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--bptt", type=int, default=35)
    parser.add_argument("--repeat", type=int, default=5, help="turns, after one that is not counted")
    parser.add_argument("--threads", type=int, help="of torch; its own choice by default")
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    print(json.dumps(measure(arguments), indent=2))


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """All figures as one object."""
    clock = time.process_time if arguments.clock == "cpu" else time.perf_counter
    runs = {name: Parts(arguments, name) for name in ("float32", "bfloat16")}
    best: dict[str, dict[str, float]] = {name: {} for name in runs}
    for turn in range(arguments.repeat + 1):
        for name, run in runs.items():
            for part, action in run.actions.items():
                begin = clock()
                action()
                seconds = clock() - begin
                if turn:
                    best[name][part] = min(seconds, best[name].get(part, seconds))
    figures = {name: runs[name].figures(best[name]) for name in runs}
    one, other = (figures[name]["tokens_per_second"] for name in ("bfloat16", "float32"))
    return {
        "model": arguments.model,
        "shapes": {name: getattr(arguments, name) for name in ("hidden", "embedding", "layers", "words")},
        "window": [arguments.bptt, arguments.batch],
        "cpu": processor(),
        "threads": torch.get_num_threads(),
        "clock": arguments.clock,
        "torch": torch.__version__,
        "nlmkit": nlmkit.__version__,
        "auto": choose_precision(runs["float32"].module, CPU, "auto")[:2],
        **figures,
        "bfloat16_by_float32": round(one / other, 3),
    }


class Parts:
    """Parts of the training steps of a model in one precision."""

    def __init__(self, arguments: argparse.Namespace, precision: str) -> None:
        self._arguments = arguments
        options = MODELS[arguments.model](
            **{name: getattr(arguments, name) for name in ("hidden", "embedding", "layers", "batch", "bptt")},
            softmax="full",
            dropout=0.5,
            epochs=1,
            schedule="constant",
            lr=1e-3,
            clip_norm=CLIP,
        )
        self.tokens: int = arguments.bptt * arguments.batch
        events = text(self.tokens * (arguments.repeat + 1), arguments.words)
        counts = np.maximum(np.bincount(events, minlength=arguments.words), 1)
        vocabulary = Vocabulary([f"w{number}" for number in range(3, arguments.words)], counts)
        self.module = options.build_module(counts, torch.Generator().manual_seed(1))
        settings, optimization = LanguageModelSettings.of(options), Optimization.of(options)
        task = LanguageTask(self.module, events, None, settings, vocabulary, Processes())
        chosen = choose_precision(self.module, CPU, precision)
        self._stepper = GradientStepper(task, optimization, Processes(), precision=chosen)
        self._stepper.begin()
        self._dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
        self._chunk = max(1, 2_500_000 // arguments.words)
        self._source = torch.Generator().manual_seed(2)
        self._steps = 0
        square = self._random(SQUARE, SQUARE)
        self.actions: dict[str, Callable[[], object]] = {
            "peak": lambda: torch.mm(square, square),
            "step": self._step,
            "input projection": self._projection(),
            "layers": self._layers(),
            "softmax": self._softmax(),
            "optimizer": self._optimizer(),
        }

    def figures(self, seconds: dict[str, float]) -> dict[str, Any]:
        """The figures of the fastest turns."""
        parts = {**seconds, "recurrence": seconds["layers"] - seconds["input projection"]}
        shown = {part: round(parts[part], 4) for part in PARTS}
        shown["rest"] = round(seconds["step"] - sum(parts[part] for part in PARTS), 4)
        peak, rate = 2 * SQUARE**3 / seconds["peak"] / 1e9, self._flops() / seconds["step"] / 1e9
        return {
            "tokens_per_second": round(self.tokens / seconds["step"]),
            "seconds": {"step": round(seconds["step"], 4), **shown},
            "gflops": round(rate, 1),
            "peak_gflops": round(peak, 1),
            "share_of_peak": round(rate / peak, 3),
        }

    def _flops(self) -> int:
        """Operations of all matrix products of a step, forward and back."""
        body: Any = self.module.body
        weights: int = sum(layer.weight_input.numel() + layer.weight_recurrent.numel() for layer in body.layers)
        weights += self.module.projection.weight.numel() if self.module.projection is not None else 0
        weights += self.module.output.width * self.module.output.predictable
        return 3 * 2 * self.tokens * weights

    def _random(self, *shape: int) -> Tensor:
        return torch.randn(*shape, generator=self._source).to(self._dtype)

    def _step(self) -> None:
        self._stepper.step(Moment(self._steps, 0.0, None, 0, past_half=False))
        self._steps += 1

    def _projection(self) -> Callable[[], None]:
        """The three products of the input weights of each layer, with window and gradients."""
        given = []
        layers: Any = self.module.body
        for layer in layers.layers:
            width, inputs = layer.weight_input.shape
            given.append([self._random(*shape) for shape in ((self.tokens, inputs), (width, inputs))])
            given[-1].append(self._random(self.tokens, width))

        def run() -> None:
            for x, weight, gradient in given:
                torch.mm(x, weight.t())
                torch.mm(gradient, weight)
                torch.mm(gradient.t(), x)

        return run

    def _layers(self) -> Callable[[], None]:
        """The recurrent layers, forward and back."""
        arguments, module = self._arguments, self.module
        vectors = torch.randn(arguments.bptt, arguments.batch, arguments.embedding, generator=self._source)
        gradient = torch.randn(arguments.bptt, arguments.batch, module.body.width, generator=self._source)
        state, context = module.initial_state(arguments.batch), torch.zeros(0)
        weights = list(module.body.parameters())

        def run() -> None:
            outputs, _ = module.body(vectors.requires_grad_(), context, state, module.generator)
            torch.autograd.grad([outputs], [vectors, *weights], [gradient])

        return run

    def _softmax(self) -> Callable[[], None]:
        """The output layer with the loss, forward and back."""
        module = self.module
        features = torch.randn(self.tokens, module.output.width, generator=self._source).requires_grad_()
        targets = torch.from_numpy(text(self.tokens, self._arguments.words, seed=3).astype(np.int64))
        weight = module.words.weight if module.output.tied else module.output.weight

        def run() -> None:
            loss = module.output.loss(features, targets, chunk=self._chunk)
            torch.autograd.grad([loss], [features, weight, module.output.bias])

        return run

    def _optimizer(self) -> Callable[[], None]:
        """Clipping and the update, of a copy of the weights."""
        weights = [torch.nn.Parameter(weight.detach().clone()) for weight in self.module.parameters()]
        optimizer = torch.optim.AdamW(weights, lr=1e-6, fused=True)
        for weight in weights:
            weight.grad = torch.randn(weight.shape, generator=self._source)

        def run() -> None:
            clip_gradients(weights, norm=CLIP, value=None)
            optimizer.step()

        return run


if __name__ == "__main__":
    main()
