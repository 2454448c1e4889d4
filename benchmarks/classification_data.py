"""The data sets of the classification benchmarks, from their published files to labelled texts.

Each function takes the folder that has the data sets' folders. Nothing is tokenized, lower-cased or left out here.

    mr      rt-polarity.all: ``label text``, Latin-1 with U+0085 (Pang & Lee 2005); 10,662 texts
    trec    train.all, test.all: ``label text``, train Latin-1 (Li & Roth 2002); 5,452 and 500 questions
    sst2    train.txt, valid.txt, test.txt: bracketed trees with labels 0 to 4 (Socher 2013)
    waimai  waimai_10k.csv: ``label,review``; 11,987 texts
    imdb    train.tsv.gz, test.tsv.gz: ``label<TAB>text`` (Maas 2011); 25,000 reviews each
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nlmkit.documents.splits import k_folds, stratified_split
from nlmkit.errors import DataError
from nlmkit.text.labelled import LabelledTexts

_PARTS = re.compile(r"[()]|[^\s()]+")
_BRACKETS = {"-LRB-": "(", "-RRB-": ")"}
_POLARITY = {"0": "negative", "1": "negative", "3": "positive", "4": "positive"}


@dataclass(frozen=True)
class Task:
    """A data set with its customary protocol.

    Attributes:
        train: Training texts; all texts where it is cross-validated.
        valid: Validation texts, where there are any.
        test: Test texts; None where it is cross-validated.
        settings: Hyper-parameters of every classifier that the data call for.
    """

    train: LabelledTexts
    valid: LabelledTexts | None
    test: LabelledTexts | None
    settings: dict[str, Any]


def mr(folder: Path, seed: int) -> Task:
    """Movie-review sentences, two classes, cross-validated."""
    data = LabelledTexts.read(folder / "mr" / "rt-polarity.all", format="space", encoding="latin-1")
    return Task(data, None, None, {"tokenizer": "space"})


def trec(folder: Path, seed: int) -> Task:
    """Questions, six classes, with a test set; classifiers hold validation texts out themselves."""
    train, test = (
        LabelledTexts.read(folder / "trec" / f"{name}.all", format="space", encoding="latin-1")
        for name in ("train", "test")
    )
    return Task(train, None, test, {"tokenizer": "space"})


def sst2(folder: Path, seed: int, *, phrases: bool = True) -> Task:
    """Sentences of movie reviews, two classes: neutral ones are left out, as is customary.

    Args:
        folder: The folder of the data sets.
        seed: Of no effect: the split is published.
        phrases: Whether labelled phrases are training texts, too, each once; validation and test have sentences.
    """
    train = list(_trees(folder / "sst" / "train.txt"))
    spans = train if phrases else [nodes[-1:] for nodes in train]
    # A phrase stands in many trees, always with one label; a sentence is its tree's last span.
    texts = {text: label for nodes in spans for label, text in nodes}
    held_out = [
        _labelled({text: label for nodes in _trees(folder / "sst" / f"{name}.txt") for label, text in nodes[-1:]}, name)
        for name in ("valid", "test")
    ]
    return Task(_labelled(texts, "train"), held_out[0], held_out[1], {"tokenizer": "space"})


def waimai(folder: Path, seed: int) -> Task:
    """Chinese reviews, two classes, split 80/10/10 with the seed."""
    data = LabelledTexts.read(folder / "waimai" / "waimai_10k.csv", text_column="review")
    train, valid, test = (data.take(part) for part in stratified_split(data.labels, (0.8, 0.1, 0.1), seed=seed))
    return Task(train, valid, test, {"tokenizer": "char"})


def imdb(folder: Path, seed: int) -> Task:
    """Movie reviews, two classes, with a test set; classifiers hold validation texts out themselves."""
    train, test = (LabelledTexts.read(folder / "imdb" / f"{name}.tsv.gz") for name in ("train", "test"))
    return Task(train, None, test, {})


TASKS: dict[str, Callable[[Path, int], Task]] = {"mr": mr, "trec": trec, "sst2": sst2, "waimai": waimai, "imdb": imdb}


def folds_of(
    data: LabelledTexts, folds: int, *, seed: int, only: Iterable[int] | None = None
) -> Iterator[tuple[int, LabelledTexts, LabelledTexts]]:
    """Number, training and test texts of the folds that cross-validation makes, or of some of them."""
    number = k_folds(data.labels, folds, seed=seed)
    for fold in range(folds) if only is None else only:
        yield fold, data.take(np.flatnonzero(number != fold)), data.take(np.flatnonzero(number == fold))


def _labelled(texts: dict[str, str], name: str) -> LabelledTexts:
    polar = {text: _POLARITY[label] for text, label in texts.items() if label in _POLARITY}
    return LabelledTexts(polar, list(polar.values()), source=f"sst2 {name}")


def _trees(path: Path) -> Iterator[list[tuple[str, str]]]:
    """Label and text of every node of each tree, the whole sentence last."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        nodes: list[tuple[str, str]] = []
        words: list[str] = []
        open_: list[tuple[str, int]] = []
        previous = ""
        for part in _PARTS.findall(line):
            if part == ")":
                if not open_:
                    raise DataError("a bracket too many", source=str(path), line=number)
                label, begin = open_.pop()
                nodes.append((label, " ".join(words[begin:])))
            elif previous == "(":
                open_.append((part, len(words)))
            elif part != "(":
                words.append(_BRACKETS.get(part, part))
            previous = part
        if open_ or not nodes:
            raise DataError("the brackets of this tree do not match", source=str(path), line=number)
        yield nodes
