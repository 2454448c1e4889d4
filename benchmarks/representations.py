"""Every trained representation on the same text: agreement with human judgements of similarity, and time.

    python benchmarks/representations.py --data DIR [--seeds 1 2 3] [--only lsa word2vec glove] [--workers 2] [--json]

DIR holds the texts, ptb/train.txt and brown/brown.txt by default (`--text` names others); they are lower-cased, and
words seen less than five times have no vector. Settings are each component's defaults, but for those that `--set`
changes (`--set lsa.window=10`). A time is that of `fit` on the text in memory. Spearman's correlations are means over
the seeds, with the lowest and highest; the interval is the bootstrap's for the first seed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from measuring import processor

from nlmkit.core import registry
from nlmkit.core.run import RunOptions
from nlmkit.representations.report import evaluate
from nlmkit.text import Corpus, TextPipeline

NAMES = ("lsa", "word2vec", "glove")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--text", nargs="+", default=["ptb/train.txt", "brown/brown.txt"], metavar="FILE")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--only", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--min-count", type=int, default=5)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--set", nargs="+", default=[], metavar="NAME.KEY=VALUE", help="change a default")
    parser.add_argument("--json", action="store_true", help="everything, as JSON")
    arguments = parser.parse_args()
    corpus = Corpus.read_files([arguments.data / name for name in arguments.text], TextPipeline(lowercase=True))
    results = []
    for name in arguments.only:
        settings = changed(arguments.set, name)
        runs = [run_once(name, corpus, seed, settings, arguments) for seed in arguments.seeds]
        results.append({"representation": name, "settings": settings, "runs": runs})
    if arguments.json:
        facts = {
            **facts_of(corpus, arguments),
            "results": results,
        }
        print(json.dumps(facts, indent=2))
        return
    print(f"{corpus.tokens:,} words in {corpus.sentences:,} lines; seeds {', '.join(map(str, arguments.seeds))}")
    print("| representation | dimension | WordSim-353 | SimLex-999 | seconds |\n|---|---|---|---|---|")
    for result in results:
        print(row(result["representation"], result["runs"]))


def facts_of(corpus: Corpus, arguments: argparse.Namespace) -> dict[str, Any]:
    """Text, settings, processor and libraries of a run, JSON-ready."""
    return {
        "texts": list(corpus.sources),
        "tokens": corpus.tokens,
        "lines": corpus.sentences,
        "min_count": arguments.min_count,
        "workers": arguments.workers,
        "processor": processor(),
        "python": platform.python_version(),
        "libraries": {library: version(library) for library in ("numpy", "scipy", "gensim", "numba")},
    }


def changed(pairs: list[str], name: str) -> dict[str, Any]:
    """What `--set` changes of one representation; values are JSON, or else strings."""
    found = {}
    for pair in pairs:
        key, _, value = pair.partition("=")
        owner, _, parameter = key.partition(".")
        if owner not in NAMES or not parameter or not value:
            sys.exit(f"--set {pair}: write NAME.KEY=VALUE, with one of {', '.join(NAMES)}")
        if owner == name:
            try:
                found[parameter] = json.loads(value)
            except ValueError:
                found[parameter] = value
    return found


def run_once(
    name: str, corpus: Corpus, seed: int, settings: dict[str, Any], arguments: argparse.Namespace
) -> dict[str, Any]:
    """Fit with one seed and score."""
    component = registry.get(name)(**{"min_count": arguments.min_count, "seed": seed} | settings)
    begin = time.perf_counter()
    component.fit(corpus, run=RunOptions(workers=arguments.workers))
    seconds = time.perf_counter() - begin
    report = evaluate(component)
    print(f"{name}, seed {seed}: {seconds:.1f} s, {report.score:.3f}", file=sys.stderr)
    return {
        "seed": seed,
        "seconds": round(seconds, 2),
        "hyper_parameters": component.params_as_json(),
        "words": len(component.vocabulary_) - 3,
        "sets": {each.name: each.to_dict() for each in report.sets},
        "fit_report": component.fit_report_,
    }


def row(name: str, runs: list[dict[str, Any]]) -> str:
    """A line of the table."""
    cells = [name, str(runs[0]["hyper_parameters"]["dimension"])]
    for pairs in ("wordsim353", "simlex999"):
        values = [run["sets"][pairs]["spearman"] for run in runs]
        first = runs[0]["sets"][pairs]
        interval = "" if first["interval"] is None else ", interval {:.3f}–{:.3f}".format(*first["interval"])
        cells.append(
            f"{statistics.mean(values):.3f} ({min(values):.3f}–{max(values):.3f}), "
            f"{first['coverage']:.1%} of {first['pairs']}{interval}"
        )
    cells.append(f"{statistics.median(run['seconds'] for run in runs):.1f}")
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
