"""Training and tagging time of ``bilstm-tagger`` against a bare torch loop of the same shapes, as a Markdown table.

    python benchmarks/bilstm_tagger_vs_bare_loop.py TRAIN [--feature-column 1] [--threads 1] [--sentences 2000]

Both read the same padded batches: word vectors, filters over the characters of the different words of a batch, vectors
of the feature columns, dropout, a bidirectional LSTM, dropout, a linear layer, a CRF, clipping, AdamW. The bare loop is
``torch.nn`` layer by layer with the usual loop of log-sum-exp for the CRF (and, to tag, a loop of maxima); its LSTM
reads the padding, its batches are prepared beforehand, and it has no log, checks, average or resumption. The figures
are seconds of processor time, by which other work on the machine hardly counts; the two take turns, and the fastest
pass of each counts.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nlmkit.core.run import RunOptions
from nlmkit.taggers.neural import training
from nlmkit.taggers.neural.batching import Batch, Sentences
from nlmkit.taggers.neural.bilstm_tagger import BiLSTMTagger
from nlmkit.taggers.neural.settings import TaggerSettings
from nlmkit.taggers.neural.task import TaggingTask, TaskSetup
from nlmkit.text.tagged import TaggedSentences
from nlmkit.training.batches import batches_by_length, training_batches


class BareTagger(nn.Module):
    """The network as a tutorial writes it."""

    def __init__(self, model: BiLSTMTagger) -> None:
        super().__init__()
        module = model.module_
        self.words = nn.Embedding(len(model.vocabulary_), model.embedding, padding_idx=1)
        characters = 4 + len(model.tables_.characters)
        self.characters = nn.Embedding(characters, model.character_embedding, padding_idx=0)
        self.filters = nn.Conv1d(model.character_embedding, model.character_maps, 3, padding=2)
        self.columns = nn.ModuleList(
            nn.Embedding(len(values) + 2, model.feature_embedding) for values in model.tables_.features
        )
        width = model.embedding + model.character_maps + model.feature_embedding * len(self.columns)
        self.lstm = nn.LSTM(width, model.hidden, bidirectional=True)
        self.before, self.after = nn.Dropout(model.dropout_input), nn.Dropout(model.dropout)
        self.output = nn.Linear(2 * model.hidden, module.tags)
        self.start, self.end = nn.Parameter(torch.zeros(module.tags)), nn.Parameter(torch.zeros(module.tags))
        self.transitions = nn.Parameter(torch.zeros(module.tags, module.tags))

    def forward(self, batch: Batch) -> Tensor:
        """Scores [T, B, K]."""
        assert batch.characters is not None
        spelt = self.filters(self.characters(batch.characters.words).transpose(1, 2)).relu().amax(2)
        columns = [vectors(ids) for vectors, ids in zip(self.columns, batch.columns, strict=True)]
        inputs = torch.cat([self.words(batch.words), spelt[batch.characters.places], *columns], dim=2)
        scores: Tensor = self.output(self.after(self.lstm(self.before(inputs))[0]))
        return scores

    def loss(self, batch: Batch) -> Tensor:
        """Negative log-likelihood, a mean over sentences."""
        assert batch.tags is not None
        scores, tags, rows = self(batch), batch.tags.T, torch.arange(len(batch.lengths))
        inside = torch.arange(len(tags))[:, None] < batch.lengths
        alpha = self.start + scores[0]
        gold = self.start[tags[0]] + scores[0, rows, tags[0]]
        for time_ in range(1, len(scores)):
            following = torch.logsumexp(alpha[:, :, None] + self.transitions, dim=1) + scores[time_]
            alpha = torch.where(inside[time_][:, None], following, alpha)
            step = self.transitions[tags[time_ - 1], tags[time_]] + scores[time_, rows, tags[time_]]
            gold = gold + step * inside[time_]
        gold = gold + self.end[tags[batch.lengths - 1, rows]]
        losses: Tensor = torch.logsumexp(alpha + self.end, dim=1) - gold
        return losses.mean()

    def tag(self, batch: Batch) -> Tensor:
        """Best tags [T, B]; those of the padding mean nothing."""
        scores = self(batch)
        inside = torch.arange(len(scores))[:, None] < batch.lengths
        best, pointers = self.start + scores[0], []
        for time_ in range(1, len(scores)):
            values, origin = (best[:, :, None] + self.transitions).max(dim=1)
            best = torch.where(inside[time_][:, None], values + scores[time_], best)
            pointers.append(torch.where(inside[time_][:, None], origin, torch.arange(best.shape[1])))
        path = [(best + self.end).argmax(1)]
        for origin in reversed(pointers):
            path.append(origin.gather(1, path[-1][:, None])[:, 0])
        return torch.stack(path[::-1])


def bare_epoch(module: BareTagger, optimizer: torch.optim.Optimizer, batches: list[Batch]) -> None:
    """An epoch of the bare loop."""
    module.train()
    for batch in batches:
        optimizer.zero_grad()
        module.loss(batch).backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(module.parameters(), 5.0)
        optimizer.step()


@torch.inference_mode()
def bare_tags(module: BareTagger, batches: list[Batch]) -> None:
    """Tags by the bare loop."""
    module.eval()
    for batch in batches:
        module.tag(batch).numpy()


def own_epoch(model: BiLSTMTagger, sentences: Sentences) -> None:
    """An epoch by the task that ``fit`` trains."""

    def task(settings: TaggerSettings, device: torch.device) -> TaggingTask:
        return TaggingTask(
            TaskSetup(
                module=model.module_,
                sentences=sentences,
                valid=None,
                settings=settings,
                unknown_words=np.zeros(len(model.vocabulary_), np.float32),
                unknown_values={},
                tags=model.tags_,
                plain=model.inner_scheme_ == "plain",
                legal=model.legal(),
                digests={},
                device=device,
            )
        )

    training.train(model, task, RunOptions(device="cpu", progress=None), time.monotonic(), sentences.lengths)


def seconds_of(action: Callable[[], object]) -> float:
    """Seconds of processor time."""
    begin = time.process_time()
    action()
    return time.process_time() - begin


def main() -> None:
    """Time both, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train")
    parser.add_argument("--feature-column", type=int, action="append", default=[])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--sentences", type=int, help="only so many of the sentences")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    data = TaggedSentences.read(arguments.train, feature_columns=arguments.feature_column)
    data = data.subset(np.arange(min(len(data), arguments.sentences or len(data))))
    plain: dict[str, Any] = {"averaging": "none", "unknown_rate": 0.0, "character_widths": (3,)}
    model = BiLSTMTagger(epochs=1, **plain).fit(data.subset(np.arange(len(data))), run=RunOptions(device="cpu"))
    encoded = model.encode(data)
    column = data.in_scheme(model.inner_scheme_)[0].tags
    assert column is not None
    tags = np.array([model.tags_.index(tag) for tag in column.values()], np.int64)
    sentences = dataclasses.replace(model.sentences_of(encoded), tags=tags)
    order = training_batches(sentences.lengths, model.batch, model.sort_within, torch.Generator().manual_seed(1))
    batches = [sentences.batch(chosen) for chosen in order]
    tagging = [sentences.batch(chosen) for chosen in batches_by_length(sentences.lengths, np.arange(len(data)), 4096)]
    bare = BareTagger(model)
    optimizer = torch.optim.AdamW(bare.parameters(), lr=0.004, fused=True)
    found: dict[str, list[float]] = {"training": [], "training, bare": [], "tagging": [], "tagging, bare": []}
    for _ in range(arguments.rounds):
        found["training, bare"].append(seconds_of(lambda: bare_epoch(bare, optimizer, batches)))
        found["training"].append(seconds_of(lambda: own_epoch(model, sentences)))
        found["tagging, bare"].append(seconds_of(lambda: bare_tags(bare, tagging)))
        found["tagging"].append(seconds_of(lambda: model.tag_ids(encoded)))
    print("| | bare loop, sentences/s | bilstm-tagger | time, ratio |\n|---|---|---|---|")
    for name in ("training", "tagging"):
        loop, own = min(found[f"{name}, bare"]), min(found[name])
        print(f"| {name} | {len(data) / loop:.0f} | {len(data) / own:.0f} | {own / loop:.3f} |", flush=True)


if __name__ == "__main__":
    main()
