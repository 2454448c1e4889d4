"""Training time of ``encoder-decoder`` against a bare torch loop of the same shapes, as a Markdown table.

    python benchmarks/seq2seq_vs_bare_loop.py SOURCE TARGET [--pairs 3000] [--threads 1] [--vocabulary 5000]

Both read the same padded batches: word vectors shared by both sides, a bidirectional LSTM, a linear bridge, an LSTM,
Luong's general attention for all steps by one product, the readout, tied softmax with label smoothing, dropout,
clipping, AdamW. The bare loop is ``torch.nn`` layer by layer, with ``functional.cross_entropy`` over all positions that
are not padding; its encoder reads the padding, its batches are prepared beforehand, and it has no log, checks, average
or resumption. The figures are seconds of processor time, by which other work on the machine hardly counts; the two take
turns, and the fastest pass of each counts.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from nlmkit.core.run import RunOptions
from nlmkit.seq2seq.neural import training
from nlmkit.seq2seq.neural.batching import Batch, EncodedPairs, epoch_batches
from nlmkit.seq2seq.neural.encoder_decoder import EncoderDecoder
from nlmkit.seq2seq.neural.settings import PairSettings
from nlmkit.seq2seq.neural.task import SequenceTask, TaskSetup


class BareTranslator(nn.Module):
    """The network as a tutorial writes it."""

    def __init__(self, model: EncoderDecoder) -> None:
        super().__init__()
        self.words = nn.Embedding(len(model.vocabulary_), model.embedding)
        nn.init.uniform_(self.words.weight, -0.1, 0.1)
        self.encoder = nn.LSTM(model.embedding, model.encoder_hidden, bidirectional=True)
        self.decoder = nn.LSTM(model.embedding, model.hidden)
        width = 2 * model.encoder_hidden
        self.bridge = nn.Linear(width, 2 * model.hidden)
        self.keys = nn.Linear(width, model.hidden, bias=False)
        self.readout = nn.Linear(model.hidden + width, model.embedding)
        self.bias = nn.Parameter(torch.zeros(len(model.vocabulary_)))
        self.before, self.after = nn.Dropout(model.dropout_input), nn.Dropout(model.dropout_output)
        self.of_source, self.smoothing = nn.Dropout(model.dropout_source), model.label_smoothing

    def forward(self, batch: Batch) -> Tensor:
        """Return the mean loss."""
        assert batch.sources.ids is not None
        assert batch.sources.lengths is not None
        outputs, (last, _) = self.encoder(self.of_source(self.words(batch.sources.ids)))
        states = torch.tanh(self.bridge(torch.cat([last[0], last[1]], dim=1))).chunk(2, dim=1)
        first = tuple(state.unsqueeze(0).contiguous() for state in states)
        hidden, _ = self.decoder(self.before(self.words(batch.inputs)), first)
        scores = torch.einsum("tbh,sbh->bts", hidden, self.keys(outputs))
        padding = torch.arange(len(outputs)) >= batch.sources.lengths[:, None]
        weights = scores.masked_fill(padding[:, None], -torch.inf).softmax(dim=2)
        contexts = torch.einsum("bts,sbm->tbm", weights, outputs)
        features = self.after(torch.tanh(self.readout(torch.cat([hidden, contexts], dim=2))))
        is_event = batch.is_event
        logits = functional.linear(features[is_event], self.words.weight, self.bias)
        return functional.cross_entropy(logits, batch.targets[is_event], label_smoothing=self.smoothing)


def bare_epoch(module: BareTranslator, optimizer: torch.optim.Optimizer, batches: list[Batch]) -> None:
    """An epoch of the bare loop."""
    module.train()
    for batch in batches:
        optimizer.zero_grad()
        module(batch).backward()
        nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        optimizer.step()


def own_epoch(model: EncoderDecoder, pairs: EncodedPairs) -> None:
    """An epoch by the task that ``fit`` trains."""

    def task(settings: PairSettings, device: torch.device) -> SequenceTask:
        return SequenceTask(TaskSetup(model.module_, pairs, None, settings, None, None, device))

    longest = int(pairs.size.max())
    training.train(model, task, RunOptions(device="cpu", progress=None), time.monotonic(), longest, pairs.events)


def seconds_of(action: Callable[[], object]) -> float:
    """Seconds of processor time."""
    begin = time.process_time()
    action()
    return time.process_time() - begin


def main() -> None:
    """Time both, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source")
    parser.add_argument("target")
    parser.add_argument("--pairs", type=int, default=3000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--vocabulary", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    sides = []
    for name in (arguments.source, arguments.target):
        with open(name, encoding="utf-8") as file:
            sides.append(file.read().splitlines()[: arguments.pairs])
    options: dict[str, Any] = {"joint": True, "averaging": "none", "epochs": 1}
    made = EncoderDecoder(target_tokenizer=f"bpe:{arguments.vocabulary}", **options)
    model = made.fit(*sides, run=RunOptions(device="cpu", progress=None))
    encoded = model.encode_pairs(*sides)
    pairs = EncodedPairs.of(encoded)
    steps = math.ceil(pairs.events / PairSettings.of(model, pairs.events).batch)
    order = epoch_batches(
        pairs.lengths, pairs.conditions.lengths, steps, model.sort_within, torch.Generator().manual_seed(1)
    )
    batches = [pairs.batch(np.asarray(chosen)) for chosen in order]
    bare = BareTranslator(model)
    optimizer = torch.optim.AdamW(bare.parameters(), lr=0.003, fused=True)
    found: dict[str, list[float]] = {"bare": [], "own": []}
    for _ in range(arguments.rounds):
        found["bare"].append(seconds_of(lambda: bare_epoch(bare, optimizer, batches)))
        found["own"].append(seconds_of(lambda: own_epoch(model, pairs)))
    loop, own = min(found["bare"]), min(found["own"])
    print(f"{pairs.events} target events, {len(model.vocabulary_)} subwords\n")
    print("| | bare loop, target events/s | encoder-decoder | time, ratio |\n|---|---|---|---|")
    print(f"| training | {pairs.events / loop:.0f} | {pairs.events / own:.0f} | {own / loop:.3f} |", flush=True)


if __name__ == "__main__":
    main()
