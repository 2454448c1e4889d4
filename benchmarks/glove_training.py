"""GloVe's speed and costs, beside those measured with the Stanford tool.

    python benchmarks/glove_training.py --data ptb/train.txt [--epochs 5] [--workers 1 2]
    python benchmarks/glove_training.py --data ptb/train.txt brown.txt --lowercase --min-count 5 --epochs 50 --workers 2

Prints JSON: seconds of counting and shuffling (pure NumPy, nothing is compiled for them), seconds until the training
loop is there (compiled by the first run on a machine, read from disk by later ones), and for each number of workers
and each precision the records trained a second, the seconds and the cost of each epoch.

The Stanford tool's figures were measured on a machine with two cores and stand beside ours as what they are: on Penn
Treebank, and on Penn Treebank with Brown, lower-cased, min-count 5, window 10, x_max 10, 100 dimensions. Costs are
compared where the number of records says that it is the same text.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from nlmkit import GloVe
from nlmkit.core.run import RunOptions
from nlmkit.text import Corpus, TextPipeline

STANFORD: dict[str, Any] = {
    "ptb": {"records": 2.9e6, "threads": 2, "records_per_second": 0.57e6, "counting_and_shuffling_seconds": 4.7},
    "ptb_and_brown": {
        "records": 5.86e6,
        "threads": 2,
        "records_per_second": 0.44e6,
        "cost_after_epoch": {1: 0.07949, 5: 0.0421, 10: 0.0280, 15: 0.0232, 50: 0.0167},
    },
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", default=["corpus:english/train"], help="text files, or corpus:NAME")
    parser.add_argument("--lowercase", action="store_true")
    parser.add_argument("--min-count", type=int, default=1)
    parser.add_argument("--dimension", type=int, default=100)
    parser.add_argument("--window", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--precision", nargs="+", default=["float32", "float64"], choices=["float32", "float64"])
    parser.add_argument("--score", action="store_true", help="WordSim-353 and SimLex-999 of each model, too")
    parser.add_argument("--save", help="folder for the last model")
    arguments = parser.parse_args()
    print(json.dumps(measure(arguments), indent=2))


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """All figures as one object."""
    begin = time.perf_counter()
    corpus = Corpus.read_files(arguments.data, TextPipeline(lowercase=arguments.lowercase))
    figures: dict[str, Any] = {"reading_seconds": round(time.perf_counter() - begin, 2), "runs": []}
    for precision in arguments.precision:
        for workers in arguments.workers:
            model = GloVe(
                dimension=arguments.dimension,
                window=arguments.window,
                min_count=arguments.min_count,
                epochs=arguments.epochs,
                precision=precision,
            ).fit(corpus, run=RunOptions(workers=workers))
            figures["runs"].append(run_figures(model, precision, workers, score=arguments.score))
            figures |= {name: model.fit_report_[name] for name in ("tokens", "words", "records")}
    if arguments.save:
        model.save(Path(arguments.save))
    figures["stanford"] = STANFORD
    return figures


def run_figures(model: GloVe, precision: str, workers: int, *, score: bool) -> dict[str, Any]:
    """What one run took, and its costs with the Stanford tool's."""
    report = model.fit_report_
    figures = {
        "precision": precision,
        "workers": workers,
        "records_per_second": report["records_per_second"],
        "epoch_seconds": report["epoch_seconds"],
        "counting_and_shuffling_seconds": round(report["counting_seconds"] + report["shuffling_seconds"], 3),
        "compiling_seconds": report["compiling_seconds"],
        "total_seconds": report["seconds"],
        "cost_after_epoch": {epoch: round(cost, 5) for epoch, cost in enumerate(report["costs"], 1)},
    }
    published = STANFORD["ptb_and_brown"]
    if abs(report["records"] / published["records"] - 1) < 0.01:
        figures["ratio_to_stanford_cost"] = {
            epoch: round(report["costs"][epoch - 1] / cost, 4)
            for epoch, cost in published["cost_after_epoch"].items()
            if epoch <= len(report["costs"])
        }
    if score:
        figures["mean_spearman"] = round(model.score(), 4)
    return figures


if __name__ == "__main__":
    main()
