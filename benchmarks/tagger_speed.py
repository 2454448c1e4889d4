"""Speed of tagging: sentences per second of each tagger, and of python-crfsuite alone, as a Markdown table.

``taggers.py --speed`` runs it; for training beside a bare torch loop, see ``bilstm_tagger_vs_bare_loop.py``.

Taggers read tokens and return tags, by ``predict``. python-crfsuite reads attributes that were made beforehand, which
is most of the work of a tagger around it; they are words, features and their pairs in a window of five tokens. The
taggers are fitted for one epoch and a few iterations: their speed does not depend on how good they are.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import pycrfsuite

from nlmkit import BiLSTMTagger, CRFTagger, TaggedSentences
from nlmkit.taggers.base import Tagger

ITERATIONS = 10
"""Iterations of the CRFs."""


def time_tagging(
    train: TaggedSentences, test: TaggedSentences, settings: dict[str, Any], rounds: int
) -> dict[str, float]:
    """Seconds in which each tagger tags the test sentences, and python-crfsuite, the fastest of some rounds."""
    untagged = test.without_tags()
    taggers: list[Tagger] = [
        BiLSTMTagger(**{**settings, "epochs": 1}).fit(train),
        CRFTagger(iterations=ITERATIONS).fit(train),
    ]
    seconds: dict[str, list[float]] = {tagger.name: [] for tagger in taggers}
    seconds["python-crfsuite"] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        train_crfsuite(train, path)
        rows = [attributes(test, number) for number in range(len(test))]
        suite = pycrfsuite.Tagger()
        suite.open(str(path))
        for _ in range(rounds):
            for tagger in taggers:
                begin = time.perf_counter()
                tagger.predict(untagged)
                seconds[tagger.name].append(time.perf_counter() - begin)
            begin = time.perf_counter()
            for row in rows:
                suite.tag(row)
            seconds["python-crfsuite"].append(time.perf_counter() - begin)
        suite.close()
    return {name: min(values) for name, values in seconds.items()}


def train_crfsuite(train: TaggedSentences, path: Path) -> None:
    """Train a model by python-crfsuite for a few iterations: its speed does not depend on how good it is."""
    trainer = pycrfsuite.Trainer(algorithm="lbfgs", params={"max_iterations": ITERATIONS}, verbose=False)
    for number in range(len(train)):
        if row := attributes(train, number):
            trainer.append(row, train.tags_of(number))
    trainer.train(str(path))


def attributes(sentences: TaggedSentences, number: int) -> list[list[str]]:
    """Customary attributes of each token: words and features in a window of five, pairs of words, ends of the word."""
    words = sentences.sentence(number)
    columns = [sentences.feature_of(column, number) for column in range(len(sentences.features))]
    found = []
    for place, word in enumerate(words):
        row = ["bias", f"lower={word.lower()}", *(f"end{n}={word[-n:]}" for n in (1, 2, 3))]
        for name, values in zip(("w", *map(str, range(len(columns)))), (words, *columns), strict=True):
            for step in range(-2, 3):
                if 0 <= place + step < len(words):
                    row.append(f"{name}{step}={values[place + step]}")
            for step in (-1, 0):
                if place + step >= 0 and place + step + 1 < len(words):
                    row.append(f"{name}{step}|={values[place + step]}|{values[place + step + 1]}")
        found.append(row)
    return found


def show(train: TaggedSentences, test: TaggedSentences, settings: dict[str, Any], rounds: int) -> None:
    """Measure, print a table."""
    print("| tagging | seconds | sentences/s | tokens/s |\n|---|---|---|---|")
    for name, value in time_tagging(train, test, settings, rounds).items():
        print(f"| {name} | {value:.2f} | {len(test) / value:.0f} | {test.tokens / value:.0f} |", flush=True)
