"""The same convolutional classifier over each representation, on film reviews (MR), with coverage.

    python benchmarks/representations_in_cnn.py DATA [--only glove,lsa] [--tune fine-tune,frozen] [--folds 3] \
        [--seed 1] [-p epochs=12] [--json FILE]

DATA is the folder that has the folders mr, ptb and brown. The representations are fitted once, with their defaults but
min_count=5, on the lower-cased text of ptb/train.txt and brown/brown.txt, which has nothing to do with the reviews: no
fold's text is used. `one-hot` learns nothing from text; as an input layer it is a free embedding that begins at random,
so that its row is the one to beat, and only fine-tune suits it.

The first FOLDS of ten folds are tested. Coverage is the share of a fold's training words, and of the words of its test
texts, that have a vector from elsewhere, by token. Seconds are those to fit and test one fold. Nothing is tuned here.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from classification_data import folds_of, mr

from nlmkit.classifiers.base import Classifier
from nlmkit.core import registry
from nlmkit.core.run import RunOptions
from nlmkit.representations.base import Representation
from nlmkit.text import Corpus, TextPipeline
from nlmkit.text.labelled import LabelledTexts

NAMES = ("one-hot", "lsa", "word2vec", "glove")


def main() -> None:
    """Fit, test, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", default=",".join(NAMES), help="representations, with commas between")
    parser.add_argument("--tune", default="fine-tune,frozen", help="of fine-tune, frozen, multichannel")
    parser.add_argument("--folds", type=int, default=3, help="how many of the ten")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-p", action="append", default=[], metavar="KEY=VALUE", help="of cnn, the value as JSON")
    parser.add_argument("--json", type=Path, help="file that gets a line for each fit")
    arguments = parser.parse_args()
    reviews = mr(arguments.data, 0)
    text = Corpus.read_files(
        [arguments.data / "ptb" / "train.txt", arguments.data / "brown" / "brown.txt"], TextPipeline(lowercase=True)
    )
    given = {key: json.loads(value) for key, _, value in (pair.partition("=") for pair in arguments.p)}
    print(
        "| representation | tune | accuracy, mean | standard deviation | folds | coverage, training | test | seconds |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for name in arguments.only.split(","):
        representation = fitted(name, text, arguments.seed)
        for tune in ["fine-tune"] if name == "one-hot" else arguments.tune.split(","):
            settings = {"representation": representation, "tune": tune, "seed": arguments.seed} | given
            rows = fold_rows(cnn(reviews.settings | settings), representation, reviews.train, arguments.folds)
            print(table_row(name, tune, rows), flush=True)
            if arguments.json is not None:
                with arguments.json.open("a", encoding="utf-8") as file:
                    file.writelines(
                        json.dumps({"representation": name, "tune": tune, "given": given, "seed": arguments.seed} | row)
                        + "\n"
                        for row in rows
                    )


def fitted(name: str, text: Corpus, seed: int) -> Representation:
    """A representation of the text; one-hot is left to each fold's training texts."""
    cls: Any = registry.get(name)
    if name == "one-hot":
        return cast("Representation", cls())
    begin = time.perf_counter()
    made: Representation = cls(min_count=5, seed=seed).fit(text, run=RunOptions())
    print(f"{name}: {time.perf_counter() - begin:.0f} s to fit", file=sys.stderr, flush=True)
    return made


def cnn(settings: Mapping[str, Any]) -> Classifier:
    """The classifier."""
    made: Classifier = registry.get("cnn")(**settings)
    return made


def fold_rows(
    classifier: Classifier, representation: Representation, data: LabelledTexts, folds: int
) -> list[dict[str, Any]]:
    """One dictionary for each of the first folds."""
    rows = []
    for fold, train, test in folds_of(data, 10, seed=0, only=range(folds)):
        begin = time.perf_counter()
        copy = type(classifier)(**classifier.get_params(deep=False))
        accuracy = copy.fit(train).report(test).accuracy
        seconds = time.perf_counter() - begin
        report = copy.fit_report_
        known = (
            [word in representation for line in test.texts for word in line.lower().split()]
            if (representation.is_fitted)
            else []
        )
        rows.append(
            {
                "fold": fold,
                "accuracy": accuracy,
                "n": len(test.texts),
                "input": report["input"],
                "test_coverage": statistics.mean(known) if known else None,
                "seconds": seconds,
            }
        )
    return rows


def table_row(name: str, tune: str, rows: list[dict[str, Any]]) -> str:
    """A line of the table."""
    values = [100 * row["accuracy"] for row in rows]
    spread = f"{statistics.stdev(values):.2f}" if len(values) > 1 else "-"
    covered = [[row["input"].get("token_coverage") for row in rows], [row["test_coverage"] for row in rows]]
    shown = [f"{statistics.mean(shares):.1%}" if None not in shares else "-" for shares in covered]
    seconds = statistics.mean(row["seconds"] for row in rows)
    cells = [name, tune, f"{statistics.mean(values):.2f}", spread, str(len(rows)), *shown, f"{seconds:.0f}"]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
