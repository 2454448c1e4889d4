"""Training time of ``cnn`` against a bare torch loop of the same shapes, on labelled texts, as a Markdown table.

    python benchmarks/cnn_vs_bare_loop.py TRAIN [--format space] [--encoding latin-1] [--threads 1]

Both read the same batches of the same padded ids, embed them, apply 100 filters of each width 3, 4 and 5, ReLU, the
maximum over time, dropout and a linear layer, and step with the same optimizer of torch. The bare loop is
``torch.nn`` layer by layer, without masks, held-out texts, log or checks; its ids are prepared beforehand. The figure
is the ratio of the seconds of an epoch; the two take turns, and the fastest epoch of each counts.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nlmkit.classifiers.neural.cnn import CNN
from nlmkit.core.run import RunOptions
from nlmkit.documents.neural.batching import Batch, Documents, Sample
from nlmkit.documents.neural.module import TextModule
from nlmkit.documents.neural.settings import TextSettings
from nlmkit.documents.neural.start import TrainingTexts
from nlmkit.documents.neural.task import TaskSetup, TextTask
from nlmkit.documents.neural.training import train
from nlmkit.layers.word_input import PAD_ID
from nlmkit.text import Vocabulary
from nlmkit.text.labelled import LabelledTexts
from nlmkit.training.batches import training_batches

BATCH, WIDTH, MAPS, WIDTHS = 50, 300, 100, (3, 4, 5)


class BareCNN(nn.Module):
    """The network as a tutorial writes it."""

    def __init__(self, words: int, classes: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, WIDTH, padding_idx=PAD_ID)
        self.filters = nn.ModuleList(nn.Conv1d(WIDTH, MAPS, width, padding=4) for width in WIDTHS)
        self.dropout = nn.Dropout(0.5)
        self.output = nn.Linear(MAPS * len(WIDTHS), classes)

    def forward(self, ids: Tensor) -> Tensor:
        """Logits."""
        vectors = self.embedding(ids).transpose(1, 2)
        pooled = [torch.relu(filters(vectors)).max(dim=2).values for filters in self.filters]
        logits: Tensor = self.output(self.dropout(torch.cat(pooled, dim=1)))
        return logits


def bare_epoch(module: BareCNN, optimizer: torch.optim.Optimizer, batches: list[Batch], targets: list[Tensor]) -> float:
    """Seconds of an epoch of the bare loop."""
    loss_of = nn.CrossEntropyLoss()
    module.train()
    begin = time.perf_counter()
    for batch, labels in zip(batches, targets, strict=True):
        optimizer.zero_grad()
        loss_of(module(batch.ids), labels).backward()
        optimizer.step()
    return time.perf_counter() - begin


def task_of(cnn: CNN, module: TextModule, sample: Sample) -> Callable[[TextSettings, torch.device], TextTask]:
    """Return the builder of the task that ``fit`` trains."""

    def build(settings: TextSettings, device: torch.device) -> TextTask:
        return cnn.task(TaskSetup(module, sample, None, settings, cnn.vocabulary_.counts, 0.0, device))

    return build


def main() -> None:
    """Time both, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train")
    parser.add_argument("--format")
    parser.add_argument("--encoding", default="utf-8")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--texts", type=int, help="only so many of the texts")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    data = LabelledTexts.read(arguments.train, format=arguments.format, encoding=arguments.encoding)
    data = data.take(range(min(len(data), arguments.texts or len(data))))
    classes, targets = np.unique(data.labels, return_inverse=True)

    print("| optimizer | bare loop, seconds an epoch | cnn | ratio |\n|---|---|---|---|")
    for name in ("adamw", "adadelta"):
        plain: dict[str, Any] = {"unknown_rate": 0.0, "dropout_input": 0.0, "dropout_word": 0.0, "averaging": "none"}
        cnn = CNN(tokenizer="space", epochs=1, batch=BATCH, optimizer=name, **plain)
        corpus = data.encode(cnn.text_pipeline(data))
        vocabulary = Vocabulary.from_corpus(corpus)
        documents = Documents.whole(corpus.ids_for(vocabulary), corpus.offsets)
        order = training_batches(documents.lengths, BATCH, cnn.sort_within, torch.Generator().manual_seed(1))
        batches = [documents.batch(chosen) for chosen in order]
        labels = [torch.from_numpy(targets[chosen]) for chosen in order]
        bare = BareCNN(len(vocabulary), len(classes))
        made = torch.optim.AdamW(bare.parameters(), lr=0.001, fused=True)
        optimizer = made if name == "adamw" else torch.optim.Adadelta(bare.parameters(), lr=1.0, rho=0.95)
        cnn.classes_, cnn.vocabulary_ = classes, vocabulary
        source = torch.Generator().manual_seed(1)
        start = cnn.start(TrainingTexts(corpus, corpus, None), source, RunOptions())
        module = cnn.new_module(start.input_layer, source)
        sample = Sample(documents, targets.astype(np.int64))
        seconds: dict[str, list[float]] = {"bare": [], "cnn": []}
        for _ in range(arguments.rounds):
            seconds["bare"].append(bare_epoch(bare, optimizer, batches, labels))
            begin = time.perf_counter()
            train(cnn, task_of(cnn, module, sample), sample, RunOptions(device="cpu"), begin)
            seconds["cnn"].append(time.perf_counter() - begin)
        loop, own = min(seconds["bare"]), min(seconds["cnn"])
        print(f"| {name} | {loop:.2f} | {own:.2f} | {own / loop:.3f} |", flush=True)


if __name__ == "__main__":
    main()
