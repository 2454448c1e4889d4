"""The data sets of the tagging benchmarks, from their published files to tagged sentences.

    conll2000   train.txt, test.txt: ``word POS chunk`` (Tjong Kim Sang & Buchholz 2000). The parts of speech are a
                feature. Development data: the last 1,000 sentences of train.txt
    ud-ewt      train.tsv, dev.tsv, test.tsv: ``word, UPOS, XPOS`` with tabs between (Silveira et al. 2014); words and
                UPOS alone
    resume-ner  train.bmes, dev.bmes, test.bmes: ``character tag`` (Zhang & Yang 2018)
    pku         train.txt.gz, test.txt: words with spaces between, one sentence per line (Emerson 2005). Development
                data: a random tenth of the training sentences

Nothing is left out. Development data that the publisher split off are not trained on; those taken from the training
sentences are returned to them when a figure on test sentences is measured.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nlmkit import TaggedSentences

CONLL_DEVELOPMENT = 1_000
"""Sentences at the end of CoNLL-2000's training file that are its development data here."""

PKU_SHARE = 10
"""One in so many training sentences of PKU is a development sentence."""


@dataclass(frozen=True)
class Sets:
    """Sentences to fit, and sentences to report on."""

    train: TaggedSentences
    test: TaggedSentences


def conll2000(folder: Path, *, development: bool, features: bool) -> Sets:
    """Chunks, with the parts of speech as a feature where the tagger uses features."""
    columns = (1,) if features else ()
    train = TaggedSentences.read(folder / "conll2000" / "train.txt", feature_columns=columns)
    if development:
        places = np.arange(len(train))
        return Sets(train.subset(places[:-CONLL_DEVELOPMENT]), train.subset(places[-CONLL_DEVELOPMENT:]))
    return Sets(train, TaggedSentences.read(folder / "conll2000" / "test.txt", feature_columns=columns))


def ud_ewt(folder: Path, *, development: bool, features: bool) -> Sets:
    """Universal parts of speech; no features."""
    parts = ("train", "dev" if development else "test")
    return Sets(*(TaggedSentences.read(folder / "ud-ewt" / f"{part}.tsv", tag_column=1) for part in parts))


def resume_ner(folder: Path, *, development: bool, features: bool) -> Sets:
    """Names in Chinese résumés; no features."""
    parts = ("train", "dev" if development else "test")
    return Sets(*(TaggedSentences.read(folder / "resume-ner" / f"{part}.bmes") for part in parts))


def pku(folder: Path, *, development: bool, features: bool) -> Sets:
    """Words of Chinese newspaper text; no features."""
    train = TaggedSentences.read(folder / "pku" / "train.txt.gz", format="segmented")
    if development:
        order = np.random.default_rng(0).permutation(len(train))
        held_out = len(train) // PKU_SHARE
        return Sets(train.subset(np.sort(order[held_out:])), train.subset(np.sort(order[:held_out])))
    return Sets(train, TaggedSentences.read(folder / "pku" / "test.txt", format="segmented"))


TASKS: dict[str, Callable[..., Sets]] = {
    "conll2000": conll2000,
    "ud-ewt": ud_ewt,
    "resume-ner": resume_ner,
    "pku": pku,
}
