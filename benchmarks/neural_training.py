"""How fast nlmkit trains and scores beside a bare torch loop of the same shapes, in one run on one machine.

    python benchmarks/neural_training.py [--threads 2] [--hidden 512] [--embedding 256] [--words 10000] [--repeat 5]

Words are drawn by Zipf's law: their order changes no speed. Prints JSON with medians and, from runs that took turns,
ratios of times:

training   a bare loop (nn.Embedding, nn.LSTM, nn.Linear, cross_entropy, clip_grad_norm_, fused AdamW) by nlmkit's own,
           full softmax, no regularisers, untied; above 1 nlmkit is faster.
stream     a bare forward pass of one column, log_softmax and gather, by nlmkit's scoring in the context stream.
sentence   a bare forward pass of the same padded batches of sentences, by nlmkit's scoring in the context sentence.
adaptive   nlmkit's training with the full softmax by that with the adaptive one, tied: what the adaptive one gains.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

import nlmkit
from nlmkit import LSTM
from nlmkit.core.run import RunOptions
from nlmkit.language_models.neural import scoring
from nlmkit.language_models.neural.training import train
from nlmkit.text import Vocabulary
from nlmkit.text.vocabulary import EOS_ID

SENTENCE = 21
"""Mean events of a sentence."""

CLIP = 0.5
LR = 1e-3


class Bare(nn.Module):
    """What the loop is compared with."""

    def __init__(self, words: int, embedding: int, hidden: int, layers: int) -> None:
        super().__init__()
        self.vectors = nn.Embedding(words, embedding)
        self.recurrent = nn.LSTM(embedding, hidden, layers)
        self.output = nn.Linear(hidden, words)

    def forward(self, ids: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """Features [T, B, h] of ids [T, B]."""
        features, state = self.recurrent(self.vectors(ids), state)
        return features, state


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hidden", type=int, default=512)
    parser.add_argument("--embedding", type=int, default=256)
    parser.add_argument("--layers", type=int, default=1)
    parser.add_argument("--words", type=int, default=10_000)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--bptt", type=int, default=35)
    parser.add_argument("--steps", type=int, default=20, help="of each training run that is timed")
    parser.add_argument("--events", type=int, default=5_000, help="of each text that is scored")
    parser.add_argument("--repeat", type=int, default=5, help="turns, after one that is not counted")
    parser.add_argument("--threads", type=int, help="of torch; its own choice by default")
    parser.add_argument("--device", default="cpu")
    parser.add_argument(
        "--only", nargs="+", choices=("training", "stream", "sentence", "adaptive"), help="measure these only"
    )
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    print(json.dumps(measure(arguments), indent=2))


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """All figures as one object."""
    wanted = arguments.only or ("training", "stream", "sentence", "adaptive")
    figures: dict[str, Any] = {
        "shapes": {name: getattr(arguments, name) for name in ("hidden", "embedding", "layers", "words")},
        "window": [arguments.bptt, arguments.batch],
        "threads": torch.get_num_threads(),
        "device": arguments.device,
        "machine": platform.processor() or platform.machine(),
        "torch": torch.__version__,
        "nlmkit": nlmkit.__version__,
    }
    tokens = arguments.steps * arguments.bptt * arguments.batch
    events = text(tokens, arguments.words)
    if "training" in wanted:
        bare = BareTraining(arguments, events)
        own = OwnTraining(arguments, events, tied=False, softmax="full", projection="none")
        figures["training"] = compare("bare", bare, "nlmkit", own, tokens, arguments.repeat)
    if "adaptive" in wanted:
        full = OwnTraining(arguments, events, tied=True, softmax="full")
        adaptive = OwnTraining(arguments, events, tied=True, softmax="adaptive")
        figures["adaptive"] = compare("full", full, "adaptive", adaptive, tokens, arguments.repeat)
    events = text(arguments.events, arguments.words, seed=1)
    for context in ("stream", "sentence"):
        if context in wanted:
            pair = (BareScoring(arguments, events, context), OwnScoring(arguments, events, context))
            figures[context] = compare("bare", pair[0], "nlmkit", pair[1], len(events), arguments.repeat)
    return figures


def text(events: int, words: int, seed: int = 0) -> NDArray[np.int32]:
    """Ids by Zipf's law, with ends of sentences in between: int32 [events]."""
    source = np.random.default_rng(seed)
    shares = 1 / np.arange(1, words - 2)
    ids = source.choice(np.arange(3, words), events, p=shares / shares.sum()).astype(np.int32)
    ids[source.random(events) < 1 / SENTENCE] = EOS_ID
    ids[-1] = EOS_ID
    return ids


def compare(
    one: str, first: Callable[[], None], two: str, second: Callable[[], None], tokens: int, repeat: int
) -> dict[str, Any]:
    """Times of two actions that take turns, in changing order."""
    turns = []
    for turn in range(repeat + 1):
        times = {}
        for action in (first, second) if turn % 2 else (second, first):
            begin = time.perf_counter()
            action()
            times[action] = time.perf_counter() - begin
        turns.append((times[first], times[second]))
    counted = turns[1:]
    return {
        f"{one}_tokens_per_second": round(tokens / statistics.median(a for a, _ in counted)),
        f"{two}_tokens_per_second": round(tokens / statistics.median(b for _, b in counted)),
        f"time_of_{one}_by_time_of_{two}": round(statistics.median(a / b for a, b in counted), 3),
        "of_each_turn": [round(a / b, 3) for a, b in counted],
    }


def settle(device: str) -> None:
    """Wait until the device has done what it was asked."""
    if device.startswith("cuda"):
        torch.cuda.synchronize()


class OwnTraining:
    """nlmkit's training, from making the trainer to the last step."""

    def __init__(self, arguments: argparse.Namespace, events: NDArray[np.int32], **options: Any) -> None:
        self._options = LSTM(
            **_sizes(arguments),
            **options,
            dropout_input=0.0,
            dropout_output=0.0,
            batch=arguments.batch,
            bptt=arguments.bptt,
            epochs=1,
            schedule="constant",
            lr=LR,
            clip_norm=CLIP,
        )
        counts = np.maximum(np.bincount(events, minlength=arguments.words), 1)
        self._vocabulary = Vocabulary([f"w{number}" for number in range(3, arguments.words)], counts)
        self._module = self._options.build_module(counts, torch.Generator().manual_seed(1))
        self._events, self._run = events, RunOptions(device=arguments.device, precision="float32")

    def __call__(self) -> None:
        """Take the steps."""
        train(self._module, self._events, None, self._options, self._vocabulary, self._run)
        settle(self._run.device)


class BareTraining:
    """The same steps by hand."""

    def __init__(self, arguments: argparse.Namespace, events: NDArray[np.int32]) -> None:
        self._device, self._bptt = arguments.device, arguments.bptt
        sizes = _sizes(arguments)
        self._module = Bare(arguments.words, sizes["embedding"], sizes["hidden"], sizes["layers"]).to(self._device)
        length = len(events) // arguments.batch
        columns = events[: length * arguments.batch].reshape(arguments.batch, length).T
        stream = np.concatenate([np.full((1, arguments.batch), EOS_ID), columns])
        self._stream = torch.from_numpy(stream.astype(np.int64)).to(self._device)

    def __call__(self) -> None:
        """Take the steps."""
        parameters = list(self._module.parameters())
        optimizer = torch.optim.AdamW(parameters, lr=LR, weight_decay=0.0, fused=True)
        state = None
        for begin in range(0, len(self._stream) - 1, self._bptt):
            window = self._stream[begin : begin + self._bptt + 1]
            features, state = self._module(window[:-1], state)
            state = tuple(tensor.detach() for tensor in state)
            logits = self._module.output(features.flatten(0, 1))
            loss = functional.cross_entropy(logits, window[1:].flatten())
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(parameters, CLIP)
            optimizer.step()
        settle(self._device)


class OwnScoring:
    """nlmkit's scoring of a text."""

    def __init__(self, arguments: argparse.Namespace, events: NDArray[np.int32], context: Any) -> None:
        options = LSTM(**_sizes(arguments), tied=False, softmax="full", projection="none")
        counts = np.ones(arguments.words, np.int64)
        self._module = options.build_module(counts, torch.Generator().manual_seed(1)).to(arguments.device).eval()
        self._events, self._offsets, self._context = events, offsets_of(events), context

    def __call__(self) -> None:
        """Score."""
        scoring.log_probs(self._module, self._events, self._offsets, self._context)


class BareScoring:
    """A forward pass of the same batches by hand."""

    def __init__(self, arguments: argparse.Namespace, events: NDArray[np.int32], context: Any) -> None:
        sizes = _sizes(arguments)
        self._module = Bare(arguments.words, sizes["embedding"], sizes["hidden"], sizes["layers"])
        self._module.to(arguments.device).eval()
        columns = [events[:, None].astype(np.int64)]
        if context == "sentence":
            offsets = offsets_of(events)
            lengths = np.diff(offsets)
            columns = []
            for batch in scoring.length_buckets(lengths):
                padded = np.full((lengths[batch].max(), len(batch)), EOS_ID, np.int64)
                for column, sentence in enumerate(batch.tolist()):
                    padded[: lengths[sentence], column] = events[offsets[sentence] : offsets[sentence + 1]]
                columns.append(padded)
        self._columns = [torch.from_numpy(ids).to(arguments.device) for ids in columns]

    @torch.inference_mode()
    def __call__(self) -> None:
        """Score."""
        for ids in self._columns:
            inputs = torch.cat([torch.full_like(ids[:1], EOS_ID), ids[:-1]])
            state = None
            found = []
            for begin in range(0, len(ids), scoring.WINDOW):
                window = slice(begin, begin + scoring.WINDOW)
                features, state = self._module(inputs[window], state)
                log_probs = self._module.output(features.flatten(0, 1)).log_softmax(dim=1)
                found.append(log_probs.gather(1, ids[window].flatten()[:, None])[:, 0])
            torch.cat(found).cpu().double().sum()


def offsets_of(events: NDArray[np.int32]) -> NDArray[np.int64]:
    """Where each sentence's events begin, and the end: int64 [sentences + 1]."""
    return np.concatenate([[0], np.flatnonzero(events == EOS_ID) + 1])


def _sizes(arguments: argparse.Namespace) -> dict[str, Any]:
    return {name: getattr(arguments, name) for name in ("hidden", "embedding", "layers")}


if __name__ == "__main__":
    main()
