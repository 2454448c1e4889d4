"""Linear classifiers against scikit-learn's: seconds, CPU seconds, memory and accuracy, as a Markdown table.

    python benchmarks/linear_classifiers.py TRAIN TEST [--format tsv] [--rounds 3] [--only nbsvm,sklearn-logreg]

The rows:

    tfidf-logreg     nlmkit's, by default
    nbsvm            nlmkit's, by default: one fit and five more for the probabilities
    sklearn-logreg   TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LogisticRegression(C=10, max_iter=1000)
    sklearn-nbsvm    CountVectorizer(ngram_range=(1, 2), binary=True), times the log-count ratios, one LinearSVC(C=1),
                     interpolated with a quarter, without probabilities; two classes only

scikit-learn's words are those of its own pattern. Each fit is a process of its own, and the rows take turns. Seconds
and CPU seconds (of all threads) are of reading no file but of everything from the texts in memory to the fitted
classifier; the table has their medians. Peak memory is that of the whole process, with the texts and the test.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from nlmkit.text.labelled import LabelledTexts


class LogCountRatios:
    """NBSVM as scikit-learn's users write it: binary counts times ratios, a linear SVM, interpolated."""

    def fit(self, texts: list[str], labels: np.ndarray) -> LogCountRatios:
        """Count, weight, fit."""
        from sklearn.feature_extraction.text import CountVectorizer
        from sklearn.svm import LinearSVC

        self.vectorizer = CountVectorizer(ngram_range=(1, 2), binary=True)
        matrix = self.vectorizer.fit_transform(texts).astype(np.float64)
        self.classes, targets = np.unique(labels, return_inverse=True)
        p, q = (1 + np.asarray(matrix[targets == index].sum(axis=0))[0] for index in (1, 0))
        ratios = np.log(p / p.sum()) - np.log(q / q.sum())
        matrix.data *= ratios[matrix.indices]
        svm = LinearSVC(random_state=0).fit(matrix, targets)
        weights = svm.coef_[0]
        self.weights, self.intercept = ratios * (0.75 * np.abs(weights).mean() + 0.25 * weights), svm.intercept_[0]
        return self

    def score(self, texts: list[str], labels: np.ndarray) -> float:
        """Accuracy."""
        margins = self.vectorizer.transform(texts) @ self.weights + self.intercept
        return float((self.classes[(margins > 0).astype(int)] == labels).mean())


def made(name: str) -> Any:
    """An unfitted classifier."""
    if name == "sklearn-logreg":
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline

        vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
        return make_pipeline(vectorizer, LogisticRegression(C=10, max_iter=1000))
    if name == "sklearn-nbsvm":
        return LogCountRatios()
    if name == "nbsvm":
        from nlmkit.classifiers.linear.nbsvm import NBSVM

        return NBSVM()
    from nlmkit.classifiers.linear.tfidf_logreg import TfidfLogReg

    return TfidfLogReg()


ROWS = ("tfidf-logreg", "nbsvm", "sklearn-logreg", "sklearn-nbsvm")


def measure(name: str, train: LabelledTexts, test: LabelledTexts) -> dict[str, Any]:
    """Fit and test once, in this process."""
    classifier = made(name)
    begin, cpu = time.perf_counter(), time.process_time()
    classifier.fit(list(train.texts), train.labels)
    seconds, cpu = time.perf_counter() - begin, time.process_time() - cpu
    begin = time.perf_counter()
    accuracy = float(classifier.score(list(test.texts), test.labels))
    return {
        "seconds": seconds,
        "cpu": cpu,
        "test": time.perf_counter() - begin,
        "accuracy": accuracy,
        "gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
    }


def processor() -> str:
    """The name of the CPU."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0]}, {len(names)} cores" if names else platform.processor()


def main() -> None:
    """Time each in turn, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train")
    parser.add_argument("test")
    parser.add_argument("--format")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default=",".join(ROWS), help="some of the rows, with commas between")
    parser.add_argument("--one", choices=ROWS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        train, test = (LabelledTexts.read(path, format=arguments.format) for path in (arguments.train, arguments.test))
        print(json.dumps(measure(arguments.one, train, test)))
        return
    names = arguments.only.split(",")
    options = ["--format", arguments.format] if arguments.format else []
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for _ in range(arguments.rounds):
        for name in names:
            command = [sys.executable, __file__, arguments.train, arguments.test, *options, "--one", name]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            found[name].append(json.loads(done.stdout))
    print(f"{processor()}; medians of {arguments.rounds} rounds\n")
    print("| classifier | fit, seconds | fit, CPU seconds | test, seconds | peak memory, GB | accuracy |")
    print("|---|---|---|---|---|---|")
    for name, rows in found.items():
        middle = {key: statistics.median(row[key] for row in rows) for key in rows[0]}
        print(
            f"| {name} | {middle['seconds']:.1f} | {middle['cpu']:.1f} | {middle['test']:.1f} | {middle['gb']:.2f} "
            f"| {100 * middle['accuracy']:.2f} |"
        )


if __name__ == "__main__":
    main()
