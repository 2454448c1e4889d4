r"""Accuracy of classifiers on a data set by its customary protocol, as a Markdown table.

    python benchmarks/classifiers.py mr DATA --only nbsvm,cnn [--folds 10] [--fold-seed 0]
    python benchmarks/classifiers.py trec DATA --only nbsvm,cnn --seeds 0,1,2
    python benchmarks/classifiers.py sst2 DATA --only lstm-classifier -p lstm-classifier.bidirectional=true
    python benchmarks/classifiers.py waimai DATA --seeds 0 --json waimai.jsonl

The rows over word2vec and from a language model, where W2V, W2V2 and LM are fitted on ptb/train.txt and
brown/brown.txt, lower-cased (LM with `--tokenizer space`):

    W2V   word2vec -p min_count=5
    W2V2  word2vec -p min_count=2 -p window=2 -p dimension=200 -p epochs=15
    LM    lstm -p min_count=3 -p embedding=300 -p hidden=400 -p dropout=0.2 --budget 24m --valid ptb/valid.txt

    trec  --only cnn --seeds 0,1,2,3,4 -p representation=W2V2 -p valid_share=0 -p dropout_input=0.2 -p dropout_word=0
    sst2  --only cnn --seeds 0,1,2 -p representation=W2V -p epochs=4 -p dropout_input=0.2 -p dropout_word=0 \
          -p unknown_rate=0.1
    sst2  --only lstm-classifier --seeds 0,1,2 -p representation=W2V -p epochs=4
    mr    --only lstm-classifier -p representation=W2V2 -p epochs=8 -p dropout_input=0.5 -p dropout_word=0.2
    mr    --only lstm-classifier --only-folds 0 1 2 -p start_from=LM -p lm_epochs=6 -p epochs=6 -p dropout_input=0.5 \
          -p dropout_word=0.2

An ensemble, and class-conditional language models; --seeds varies the seeds of the neural models of an ensemble:

    mr    --only lm-classifier -p 'language_model={"component":"ngram","hyper_parameters":{"order":3}}'
    mr    --only ensemble -p folds=2 -p 'models=[{"component":"nbsvm"},{"component":"lm-classifier"},
          {"component":"cnn","hyper_parameters":{"representation":"W2V"}}]'
    trec  --only ensemble --seeds 0,1,2 -p seeds=5 -p 'models=["cnn"]'

The deep convolutions on IMDb, where IMDB is fitted on the texts of train.tsv.gz and on unlabelled.txt.gz (`word2vec
-p min_count=5`, 100 d); `vdcnn` is the slow row:

    imdb  --only dpcnn,cnn,han,nbsvm,tfidf-logreg
    imdb  --only dpcnn --seeds 0,1,2 -p representation=IMDB
    imdb  --only vdcnn -p depth=9

DATA is the folder that has the folders mr, trec, sst, waimai and imdb. mr is cross-validated; the others have a test
set, on which the same classifier is tested once for each seed. Nothing is tuned here. A row of the JSON file is one
fit, and is there as soon as it is done.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from classification_data import TASKS, Task, folds_of

from nlmkit.classifiers.base import Classifier
from nlmkit.core import registry
from nlmkit.errors import HyperParameterError


def main() -> None:
    """Fit, test, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", help="names of classifiers, with commas between; all by default")
    parser.add_argument("--folds", type=int, default=10, help="of mr")
    parser.add_argument(
        "--only-folds", type=int, nargs="+", help="numbers of some of them, from 0, which is to be said with the figure"
    )
    parser.add_argument("--fold-seed", type=int, default=0, help="of mr's folds, and of waimai's split")
    parser.add_argument("--seeds", default="0", help="of the classifiers, with commas between")
    parser.add_argument("-p", action="append", default=[], metavar="[NAME.]KEY=VALUE", help="a hyper-parameter")
    parser.add_argument("--json", type=Path, help="file that gets a line for each fit")
    arguments = parser.parse_args()
    task = TASKS[arguments.task](arguments.data, arguments.fold_seed)
    declared = [entry.name for entry in registry.entries() if entry.builtin and entry.kind == "classifier"]
    print("| classifier | accuracy, mean | standard deviation | fits | n | fit and test, seconds |", flush=True)
    print("|---|---|---|---|---|---|")
    for name in arguments.only.split(",") if arguments.only else declared:
        rows = _rows(name, task, arguments)
        values = [row["accuracy"] for row in rows]
        spread = f"{100 * statistics.stdev(values):.2f}" if len(values) > 1 else "-"
        seconds = statistics.mean(row["seconds"] for row in rows)
        n = sum(row["n"] for row in rows) if task.test is None else rows[0]["n"]
        figures = f"{100 * statistics.mean(values):.2f} | {spread} | {len(rows)} | {n} | {seconds:.1f}"
        print(f"| {name} | {figures} |", flush=True)


def _rows(name: str, task: Task, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """One dictionary a fit, which is in the file as soon as there is one."""
    chosen = task.settings | _settings(name, arguments.p)
    rows: list[dict[str, Any]] = []

    def done(row: dict[str, Any]) -> None:
        rows.append(row)
        if arguments.json is not None:
            with arguments.json.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"task": arguments.task, "classifier": name} | row) + "\n")

    for seed in map(int, arguments.seeds.split(",")):
        classifier = _made(name, chosen, seed)
        about = {"seed": seed, "hyper_parameters": classifier.params_as_json()}
        if task.test is None:
            _run_folds(classifier, task, arguments, about, done)
        else:
            begin = time.perf_counter()
            classifier.fit(task.train, valid=task.valid)
            fitted = time.perf_counter()
            report = classifier.report(task.test)
            times = {"seconds": time.perf_counter() - begin, "seconds_to_fit": fitted - begin}
            facts = {"accuracy": report.accuracy, "macro_f1": report.macro_f1, "n": report.n}
            done(facts | times | _held_out(classifier) | about)
        if "seed" not in classifier.hyper_parameters():
            break  # another seed would change nothing
    return rows


def _run_folds(
    classifier: Classifier,
    task: Task,
    arguments: argparse.Namespace,
    about: dict[str, Any],
    done: Callable[[dict[str, Any]], None],
) -> None:
    """The folds that are wanted, as :func:`nlmkit.documents.cross_validation.cross_validate` makes them."""
    parts = folds_of(task.train, arguments.folds, seed=arguments.fold_seed, only=arguments.only_folds)
    for fold, train, test in parts:
        begin = time.perf_counter()
        fitted = type(classifier)(**classifier.get_params(deep=False))
        report = fitted.fit(train).report(test)
        facts = {"accuracy": report.accuracy, "macro_f1": report.macro_f1, "n": report.n}
        done({"fold": fold} | facts | {"seconds": time.perf_counter() - begin} | about)


def _held_out(classifier: Classifier) -> dict[str, Any]:
    """Accuracy on held-out texts after each epoch, where there are epochs, and which weights were kept."""
    report = getattr(classifier, "fit_report_", {})
    if "history" not in report:
        return {}
    return {"kept": report["weights"], "held_out": [evaluation["accuracy"] for evaluation in report["history"]]}


def _made(name: str, settings: dict[str, Any], seed: int) -> Classifier:
    cls: Any = registry.get(name)
    seeded = {"seed": seed} if "seed" in cls.hyper_parameters() else {}
    made: Classifier = cls(**seeded | settings)
    return made


def _settings(name: str, pairs: list[str]) -> dict[str, Any]:
    """What ``-p`` sets for a classifier: keys without a name are for all of them."""
    settings = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        whose, dot, bare = key.rpartition(".")
        if not equals:
            raise HyperParameterError(f"{pair!r} is not key=value")
        if not dot or whose == name:
            try:
                settings[bare] = json.loads(value)
            except ValueError:
                settings[bare] = value
    return settings


if __name__ == "__main__":
    main()
