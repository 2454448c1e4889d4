r"""What each step of transfer is worth for an LSTM classifier, as a Markdown table.

    python benchmarks/transfer.py fit DATA MODELS --budget 60m
    python benchmarks/transfer.py mr DATA MODELS --seeds 0,1,2 [--only-folds 0 1 2]
    python benchmarks/transfer.py sst2 DATA MODELS --seeds 0,1,2
    python benchmarks/transfer.py trec DATA MODELS --seeds 0,1,2
    python benchmarks/transfer.py imdb DATA MODELS --seeds 0,1,2 --budget 20m
    python benchmarks/transfer.py mr DATA MODELS --only vectors,both -p both.lm_epochs=3 --json mr.jsonl

``fit`` makes what is transferred, once: vectors of words (``MODELS/vectors``: word2vec of 200 dimensions, window 5,
five epochs) and, for ``--budget`` each, language models over them that read forward and backward (``MODELS/forward``,
``MODELS/backward``: one LSTM layer of 400, 30,000 words). The text is that of IMDb's training and unlabelled reviews,
never that of its test reviews: tokenized as the Penn Treebank is, which MR, SST and TREC are, too, lower-cased, one
sentence per line. A folder that exists is used again, and any other models may be put there.

The rows, of which each has what the one before has unless it says otherwise:

    random       lstm-classifier with its defaults
    vectors      over the vectors
    forward      from the forward language model
    backward     from the backward one alone
    both         from the pair
    adversarial  the pair, with the adversarial loss
    virtual      the pair, with the virtual adversarial loss instead

Beside the mean over fits is the accuracy of the averaged log-probabilities of all seeds of a fold, or of the test
set. MR is cross-validated; the others have a test set. IMDb's reviews are cut to 400 tokens for training and test:
their last ones. ``--budget`` of a task is that of each fit, in place of epochs. Nothing is tuned here:
``-p [ROW.]KEY=VALUE`` sets hyper-parameters, which are to be chosen on development texts. A row of the JSON file is one
fit.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from classification_data import TASKS, Task, folds_of
from measuring import seconds, settings_of
from numpy.typing import NDArray

from nlmkit import LSTM, Corpus, RunOptions, TextPipeline, Word2Vec
from nlmkit.classifiers.neural.lstm_classifier import LSTMClassifier
from nlmkit.text.labelled import LabelledTexts

STEPS = ("random", "vectors", "forward", "backward", "both", "adversarial", "virtual")

LANGUAGE_MODEL: dict[str, Any] = {"hidden": 400, "vocabulary_size": 30000, "softmax": "adaptive"}
VECTORS: dict[str, Any] = {"dimension": 200, "window": 5, "epochs": 5, "min_count": 5}

COMMON: dict[str, dict[str, Any]] = {
    "mr": {"epochs": 8, "dropout_input": 0.5, "dropout_word": 0.2},
    "sst2": {"epochs": 4},
    "trec": {"epochs": 10},
    "imdb": {"epochs": 5, "max_length": 400},
}
"""Settings of all rows, by task."""

FROM_LANGUAGE_MODELS: dict[str, Any] = {"lm_epochs": 3, "layer_rate": 1.3, "pooling": "concat"}
"""Settings of the rows that start from language models, for all tasks."""

_LAST = 400
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=[A-Z\"'(])")


def main() -> None:
    """Fit what is transferred, or fit and test the rows of a task."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=["fit", "mr", "sst2", "trec", "imdb"])
    parser.add_argument("data", type=Path, help="folder of the data sets")
    parser.add_argument("models", type=Path, help="folder of vectors and language models")
    parser.add_argument("--budget", help="such as 60m: of each language model, or of each fit of a task")
    parser.add_argument("--only", help="names of rows, with commas between; all by default")
    parser.add_argument("--seeds", default="0", help="of the classifiers, with commas between")
    parser.add_argument("--only-folds", type=int, nargs="+", help="numbers of some of mr's ten folds, from 0")
    parser.add_argument("--texts", type=int, help="number of training and of test texts, drawn at random, for a trial")
    parser.add_argument("-p", action="append", default=[], metavar="[ROW.]KEY=VALUE", help="a hyper-parameter")
    parser.add_argument("--json", type=Path, help="file that gets a line for each fit")
    arguments = parser.parse_args()
    if arguments.task == "fit":
        fit_models(arguments.data, arguments.models, arguments.budget or "60m")
        return
    print("| row | accuracy, mean | sd | averaged over seeds | fits | minutes each |", flush=True)
    print("|---|---|---|---|---|---|")
    task = _task(arguments)
    for name in arguments.only.split(",") if arguments.only else STEPS:
        rows, averaged = _rows(name, task, arguments)
        values = [100 * row["accuracy"] for row in rows]
        spread = f"{statistics.stdev(values):.2f}" if len(values) > 1 else "-"
        minutes = statistics.mean(row["seconds"] for row in rows) / 60
        figures = f"{statistics.mean(values):.2f} | {spread} | {100 * averaged:.2f} | {len(rows)} | {minutes:.1f}"
        print(f"| {name} | {figures} |", flush=True)


def fit_models(data: Path, models: Path, budget: str) -> None:
    """Fit vectors and both language models, except those that are there."""
    models.mkdir(parents=True, exist_ok=True)
    pipeline = TextPipeline(tokenizer="space", lowercase=True)
    lines = [line for text in _reviews(data) for line in _sentences(text)]
    whole = Corpus.read(lines, pipeline)
    print(f"{whole.sentences} sentences, {whole.tokens} words", flush=True)
    if not (models / "vectors").exists():
        _timed("vectors", lambda: Word2Vec(**VECTORS).fit(whole).save(models / "vectors"))
    train, valid = Corpus.read(lines[2000:], pipeline), Corpus.read(lines[:2000], pipeline)
    for direction in ("forward", "backward"):
        if (models / direction).exists():
            continue
        vectors = str(models / "vectors")
        lm = LSTM(**LANGUAGE_MODEL, representation=vectors, direction=direction)
        run = RunOptions(budget_seconds=seconds(budget))
        _timed(direction, lambda lm=lm, run=run: lm.fit(train, valid=valid, run=run))
        print(f"{direction}: validation perplexity {lm.fit_report_['validation_perplexity']:.2f}", flush=True)
        lm.save(models / direction)


def _timed(name: str, work: Any) -> None:
    begin = time.perf_counter()
    work()
    print(f"{name}: {(time.perf_counter() - begin) / 60:.1f} minutes", flush=True)


def _reviews(data: Path) -> Iterator[str]:
    """IMDb's reviews without those of the test set."""
    with gzip.open(data / "imdb" / "unlabelled.txt.gz", "rt", encoding="utf-8") as file:
        yield from (line.strip() for line in file)
    with gzip.open(data / "imdb" / "train.tsv.gz", "rt", encoding="utf-8") as file:
        yield from (line.rstrip("\n").partition("\t")[2] for line in file)


def _sentences(text: str) -> Iterator[str]:
    """The sentences of a text, with spaces between tokens as in the Penn Treebank."""
    from nltk.tokenize import NLTKWordTokenizer

    for sentence in _SENTENCE_END.split(text):
        words = NLTKWordTokenizer().tokenize(sentence)
        if words:
            yield " ".join(words)


def _task(arguments: argparse.Namespace) -> Task:
    task = TASKS[arguments.task](arguments.data, 0)
    if arguments.task == "imdb":
        train, test = (_treebank(part, arguments.texts) for part in (task.train, task.test) if part is not None)
        return Task(train, None, test, {"tokenizer": "space"})
    train = _some(task.train, arguments.texts)
    return Task(train, task.valid, task.test, task.settings)


def _some(data: LabelledTexts, count: int | None) -> LabelledTexts:
    if count is None or count >= len(data):
        return data
    return data.take(np.sort(np.random.default_rng(0).permutation(len(data))[:count]))


def _treebank(data: LabelledTexts, count: int | None) -> LabelledTexts:
    """The last tokens of each review, tokenized as the text of the language models."""
    data = _some(data, count)
    texts = (" ".join(" ".join(_sentences(text)).split(" ")[-_LAST:]) for text in data.texts)
    return LabelledTexts(list(texts), data.labels, source=data.source)


def _classifier(name: str, arguments: argparse.Namespace, seed: int) -> LSTMClassifier:
    folder = {part: str(arguments.models / part) for part in ("vectors", "forward", "backward")}
    pair = (folder["forward"], folder["backward"])
    starts: dict[str, dict[str, Any]] = {
        "random": {},
        "vectors": {"representation": folder["vectors"]},
        "forward": {"start_from": folder["forward"]},
        "backward": {"start_from": folder["backward"]},
        "both": {"start_from": pair},
        "adversarial": {"start_from": pair, "adversarial": 1.0},
        "virtual": {"start_from": pair, "virtual_adversarial": 1.0},
    }
    start = starts[name]
    own = FROM_LANGUAGE_MODELS if "start_from" in start else {}
    settings = COMMON[arguments.task] | own | start | settings_of(name, arguments.p)
    return LSTMClassifier(tokenizer="space", lowercase=True, seed=seed, **settings)


def _rows(name: str, task: Task, arguments: argparse.Namespace) -> tuple[list[dict[str, Any]], float]:
    """One dictionary a fit, and the accuracy of the averages over seeds."""
    run = RunOptions(budget_seconds=None if arguments.budget is None else seconds(arguments.budget))
    parts: list[tuple[int | None, LabelledTexts, LabelledTexts]]
    if task.test is None:
        parts = list(folds_of(task.train, 10, seed=0, only=arguments.only_folds))
    else:
        parts = [(None, task.train, task.test)]
    rows, right = [], []
    for fold, train, test in parts:
        summed: NDArray[np.float64] | None = None
        for seed in map(int, arguments.seeds.split(",")):
            begin = time.perf_counter()
            model = _classifier(name, arguments, seed).fit(train, valid=task.valid, run=run)
            log_probs = np.log(np.maximum(model.predict_proba(test.texts), 1e-30))
            taken = time.perf_counter() - begin
            summed = log_probs if summed is None else summed + log_probs
            accuracy = float((model.classes_[log_probs.argmax(axis=1)] == test.labels).mean())
            row = {"row": name, "fold": fold, "seed": seed, "accuracy": accuracy, "seconds": taken, "n": len(test)}
            rows.append(row)
            if arguments.json is not None:
                report = {
                    key: model.fit_report_.get(key) for key in ("validation_accuracy", "language_model", "history")
                }
                about = {"task": arguments.task, "hyper_parameters": model.params_as_json(), **report}
                with arguments.json.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(row | about) + "\n")
        assert summed is not None
        right.append((model.classes_[summed.argmax(axis=1)] == test.labels).mean())
    return rows, float(np.mean(right))


if __name__ == "__main__":
    main()
