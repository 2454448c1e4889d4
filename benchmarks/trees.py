r"""Accuracy of classifiers of trees on the Stanford Sentiment Treebank (Socher et al. 2013), as a Markdown table.

    python benchmarks/trees.py DATA --task fine --seeds 0,1,2
    python benchmarks/trees.py DATA --task binary --seeds 0,1,2 -p representation=W2V
    python benchmarks/trees.py DATA --task binary --neutral-phrases unlabelled
    python benchmarks/trees.py DATA --task root --trees 1000 -p epochs=2 --json trees.jsonl

W2V is `word2vec -p min_count=5` fitted on text that holds nothing of the treebank, such as IMDb's reviews.

DATA is the folder that has the folder sst with train.txt, valid.txt and test.txt: 8,544 / 1,101 / 2,210 bracketed trees
with labels 0 to 4 on every node. The accuracy is that of the roots of test.txt; beside it that of all its nodes.

    fine    all five labels; all nodes are learned
    binary  0 and 1 are negative, 3 and 4 positive; trees with a neutral root are left out of all splits (6,920 / 872 /
            1,821 remain). Neutral phrases of the others are a third class that no root has (Tai et al. 2015), or, with
            --neutral-phrases unlabelled, have no label. The accuracy at nodes is that of the labelled ones
    root    as fine, but only the roots have labels in training

The epoch is chosen on valid.txt; nothing is tuned here. A row of the JSON file is one fit, and is there as soon as it
is done; its seconds per epoch include the evaluation after each epoch.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
from measuring import processor, settings_of

from nlmkit.core import registry
from nlmkit.core.run import RunOptions
from nlmkit.text.trees import LabelledTrees

TASKS: Final = ("fine", "binary", "root")
SPLITS: Final = ("train", "valid", "test")
POLARITY: Final = {"0": "negative", "1": "negative", "2": "neutral", "3": "positive", "4": "positive"}


def treebank(folder: Path, task: str, *, keep_neutral: bool = True, trees: int | None = None) -> list[LabelledTrees]:
    """Return training, validation and test trees.

    Args:
        folder: The folder with train.txt, valid.txt and test.txt.
        task: One of ``TASKS``.
        keep_neutral: Whether neutral phrases are a class where the task is binary.
        trees: Number of training trees, the first ones; None for all.
    """
    splits = [LabelledTrees.read(folder / f"{name}.txt") for name in SPLITS]
    if trees is not None:
        splits[0] = splits[0].take(np.arange(min(trees, len(splits[0]))))
    if task == "binary":
        splits = [polar(split, keep_neutral=keep_neutral) for split in splits]
    if task == "root":
        splits[0] = roots_only(splits[0])
    return splits


def polar(trees: LabelledTrees, *, keep_neutral: bool) -> LabelledTrees:
    """Return the trees whose root is not neutral, with two labels, or three at phrases."""
    chosen = trees.take(np.flatnonzero(trees.labels != "2"))
    names = ["negative", "positive", "neutral"]
    numbers = [names.index(POLARITY[name]) for name in chosen.label_names]
    ids = np.array([*numbers, -1])[chosen.label_ids]
    if not keep_neutral:
        ids, names = np.where(ids == names.index("neutral"), -1, ids), names[:2]
    return chosen.with_node_labels(ids, names)


def roots_only(trees: LabelledTrees) -> LabelledTrees:
    """Return the trees without the labels of nodes below the root."""
    ids = np.full(trees.nodes, -1)
    ids[trees.roots] = trees.label_ids[trees.roots]
    return trees.with_node_labels(ids, trees.label_names)


def main() -> None:
    """Fit, test, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--task", choices=TASKS, default="fine")
    parser.add_argument("--only", default="tree-lstm", help="names of classifiers of trees, with commas between")
    parser.add_argument("--neutral-phrases", choices=("class", "unlabelled"), default="class", help="of binary")
    parser.add_argument("--seeds", default="0", help="of the classifiers, with commas between")
    parser.add_argument("--threads", type=int, default=1, help="of torch")
    parser.add_argument("--trees", type=int, help="number of training trees, the first ones; all by default")
    parser.add_argument("-p", action="append", default=[], metavar="[NAME.]KEY=VALUE", help="a hyper-parameter")
    parser.add_argument("--json", type=Path, help="file that gets a line for each fit")
    arguments = parser.parse_args()
    if min(arguments.threads, arguments.trees or 1) < 1:
        parser.error("--threads and --trees must be positive")
    splits = treebank(
        arguments.data / "sst", arguments.task, keep_neutral=arguments.neutral_phrases == "class", trees=arguments.trees
    )
    print(f"{processor()}; {arguments.threads} threads; trees: {' / '.join(str(len(split)) for split in splits)}\n")
    print("| classifier | task | accuracy, mean | standard deviation | at nodes | fits | fit, seconds | an epoch |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    for name in arguments.only.split(","):
        rows = [_fit(name, splits, seed, arguments) for seed in map(int, arguments.seeds.split(","))]
        values = [row["accuracy"] for row in rows]
        spread = f"{100 * statistics.stdev(values):.2f}" if len(values) > 1 else "-"
        means = {key: statistics.mean(row[key] for row in rows) for key in ("node_accuracy", "seconds_to_fit")}
        epochs = [row["seconds_per_epoch"] for row in rows if row["seconds_per_epoch"] is not None]
        figures = f"{100 * statistics.mean(values):.2f} | {spread} | {100 * means['node_accuracy']:.2f} | {len(rows)}"
        an_epoch = f"{statistics.mean(epochs):.1f}" if epochs else "-"
        print(f"| {name} | {arguments.task} | {figures} | {means['seconds_to_fit']:.1f} | {an_epoch} |", flush=True)


def _fit(name: str, splits: list[LabelledTrees], seed: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """Fit and test a classifier once; return its figures, which are in the JSON file then."""
    import torch

    torch.set_num_threads(arguments.threads)
    cls: Any = registry.get(name)
    seeded = {"seed": seed} if "seed" in cls.hyper_parameters() else {}
    classifier = cls(**seeded | settings_of(name, arguments.p))
    train, valid, test = splits
    begin = time.perf_counter()
    classifier.fit(train, valid=valid, run=RunOptions())
    seconds = time.perf_counter() - begin
    report, facts = classifier.report(test), classifier.fit_report_
    epochs = facts.get("epochs")
    row = {
        "task": arguments.task,
        "neutral_phrases": arguments.neutral_phrases if arguments.task == "binary" else None,
        "classifier": name,
        "accuracy": report.accuracy,
        "interval": report.interval,
        "n": report.n,
        "node_accuracy": classifier.node_accuracy(test),
        "validation_accuracy": facts.get("validation_accuracy"),
        "seconds_to_fit": seconds,
        "seconds_per_epoch": seconds / epochs if epochs else None,
        "threads": arguments.threads,
        "seed": seed,
        "hyper_parameters": classifier.params_as_json(),
    }
    if arguments.json is not None:
        with arguments.json.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
    return row


if __name__ == "__main__":
    main()
