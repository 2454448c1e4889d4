"""Test perplexity of every n-gram smoothing method that is a distribution, as a Markdown table.

    python benchmarks/ngram_smoothing.py TRAIN VALID TEST [--order 5]

Nothing is tuned but what a method estimates itself; jelinek-mercer's weights are fitted on VALID.
"""

from __future__ import annotations

import argparse
import time

from nlmkit import NGram
from nlmkit.text import Corpus

METHODS = ("modified-kneser-ney", "kneser-ney", "absolute", "witten-bell", "katz", "jelinek-mercer")


def main() -> None:
    """Fit, score, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train")
    parser.add_argument("valid")
    parser.add_argument("test")
    parser.add_argument("--order", type=int, default=5)
    arguments = parser.parse_args()
    train, valid, test = (Corpus.read(path) for path in (arguments.train, arguments.valid, arguments.test))
    print("| smoothing | validation | test | fit, seconds | events |\n|---|---|---|---|---|")
    for method in METHODS:
        begin = time.perf_counter()
        model = NGram(order=arguments.order, smoothing=method).fit(train, valid=valid)
        seconds = time.perf_counter() - begin
        report = model.report(test)
        figures = f"{model.fit_report_['validation_perplexity']:.2f} | {report.perplexity:.2f} | {seconds:.2f}"
        print(f"| {method} | {figures} | {report.events} |", flush=True)


if __name__ == "__main__":
    main()
