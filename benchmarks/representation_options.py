"""What each option of lsa, word2vec and glove is worth, tuned on one half of the judgements and reported on the other.

    python benchmarks/representation_options.py --data DIR [--only lsa glove word2vec] [--seeds 1] [--workers 2]
        [--text ptb/train.txt brown/brown.txt] [--words N] [--set lsa.dimension=100 ...] [--json]

DIR holds the texts, ptb/train.txt and brown/brown.txt by default; imdb/unlabelled.txt.gz with `--words 5000000` is
another corpus. They are lower-cased, words seen less than `--min-count` times have no vector, and `--words` takes the
first lines that have so many words.

The pairs of WordSim-353 and SimLex-999 and Google's analogy questions are each divided at random into two halves, the
same for every row. A row changes one option of the component's defaults (or of what `--set` makes of them). The row
`tuned` has those options that, tried in the order of their gain on the first half, raised its score further; the score
is the mean of both correlations and the accuracy. Each figure is given for the first half and for the second, which
decides nothing. Rows `+ all-but-the-top` remove the leading directions of the vectors after training. Analogies are
answered by 3CosAdd among all words; their coverage is printed with that of the pairs. A time is that of `fit` on the
text in memory, in seconds of the clock.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import os
import statistics
import sys
import time
from collections.abc import Iterator, Mapping
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
from representations import changed, facts_of

from nlmkit.core import registry
from nlmkit.core.run import RunOptions
from nlmkit.representations.analogies import AnalogySet, evaluate_analogies, standard_questions
from nlmkit.representations.report import PairSet, evaluate, standard_pairs
from nlmkit.text import Corpus, TextPipeline

OPTIONS: Final[Mapping[str, tuple[dict[str, Any], ...]]] = {
    "lsa": (
        {"context_smoothing": 0.75},
        {"exponent": 0.0},
        {"exponent": 0.25},
        {"skip": 1},
        {"skip": 2},
        {"skip": 5},
        {"skip": 20},
        {"add_contexts": True},
        {"shift": 3.0},
        {"window": 2},
        {"window": 5},
        {"window": 5, "window_weight": "uniform"},
        {"dimension": 400},
    ),
    "word2vec": (
        {"subwords": True},
        {"subwords": True, "buckets": 2_000_000},
        {"window": 10},
        {"negative": 15},
        {"sample": 1e-3},
        {"dimension": 200},
    ),
    "glove": (
        {"x_max": 2.0},
        {"x_max": 5.0},
        {"x_max": 30.0},
        {"x_max": 100.0},
        {"add_contexts": False},
        {"alpha": 0.5},
        {"epochs": 25},
    ),
}
"""Changes of the defaults; where two change one option, the tuned row has at most one of them."""

SETS: Final = ("wordsim353", "simlex999", "analogies")
PARTS: Final = ("first", "second")


@dataclasses.dataclass(frozen=True)
class Half:
    """Half of the judgements."""

    pairs: tuple[PairSet, ...]
    questions: AnalogySet


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--text", nargs="+", default=["ptb/train.txt", "brown/brown.txt"], metavar="FILE")
    parser.add_argument("--words", type=int, default=None, metavar="N", help="lines of the first N words")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1])
    parser.add_argument("--only", nargs="+", choices=list(OPTIONS), default=list(OPTIONS))
    parser.add_argument("--min-count", type=int, default=5)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--set", nargs="+", default=[], metavar="NAME.KEY=VALUE", help="change a default")
    parser.add_argument("--json", action="store_true", help="everything, as JSON")
    arguments = parser.parse_args()
    corpus = first_words(
        Corpus.read_files([arguments.data / name for name in arguments.text], TextPipeline(lowercase=True)),
        arguments.words,
    )
    print(f"{corpus.tokens:,} words in {corpus.sentences:,} lines", file=sys.stderr)
    rows = list(chain.from_iterable(table_of(name, corpus, halves(), arguments) for name in arguments.only))
    if arguments.json:
        facts = {
            **facts_of(corpus, arguments),
            "seeds": arguments.seeds,
            "rows": rows,
        }
        print(json.dumps(facts, indent=2))
        return
    print(f"{corpus.tokens:,} words; seeds {', '.join(map(str, arguments.seeds))}; each cell: first half, second half")
    print("| representation | WordSim-353 | SimLex-999 | analogies | score | seconds |\n|---|---|---|---|---|---|")
    for row in rows:
        cells = [f"{row['first'][each]:.3f}, {row['second'][each]:.3f}" for each in (*SETS, "score")]
        print(f"| `{row['representation']}` {row['options']} | {' | '.join(cells)} | {row['seconds']:.0f} |")
    shares = rows[0]["coverage"]
    print("coverage: " + ", ".join(f"{name} {share:.1%}" for name, share in shares.items()))


def first_words(corpus: Corpus, words: int | None) -> Corpus:
    """The lines of a corpus up to a number of words."""
    if words is None or words >= corpus.tokens:
        return corpus
    lines = int(np.searchsorted(corpus.offsets, words))
    types = np.array(corpus.types, dtype=object)
    bounds = corpus.offsets[: lines + 1].tolist()
    texts = (types[corpus.ids[a:b]].tolist() for a, b in pairwise(bounds))
    return Corpus.read(texts, TextPipeline(lowercase=True))


def halves() -> tuple[Half, Half]:
    """The judgements, divided at random."""
    random = np.random.Generator(np.random.PCG64(0))
    made: list[tuple[list[PairSet], dict[str, Any]]] = [([], {}), ([], {})]
    for name in SETS[:2]:
        whole = standard_pairs(name)
        for (pairs, _), places in zip(made, divided(len(whole.pairs), random), strict=True):
            chosen = tuple(whole.pairs[place] for place in places), tuple(whole.judgements[place] for place in places)
            pairs.append(PairSet(name=name, pairs=chosen[0], judgements=chosen[1]))
    for name, questions in standard_questions().sections.items():
        for (_, sections), places in zip(made, divided(len(questions), random), strict=True):
            sections[name] = tuple(questions[place] for place in places)
    first, second = (Half(tuple(pairs), AnalogySet(name="google", sections=parts)) for pairs, parts in made)
    return first, second


def divided(number: int, random: np.random.Generator) -> list[list[int]]:
    """Numbers below a number, in two halves."""
    order = random.permutation(number)
    return [sorted(order[: number // 2].tolist()), sorted(order[number // 2 :].tolist())]


def table_of(
    name: str, corpus: Corpus, parts: tuple[Half, Half], arguments: argparse.Namespace
) -> Iterator[dict[str, Any]]:
    """Yield the rows of one component: defaults, each option, and what is tuned."""
    base = changed(arguments.set, name)

    def measured(options: dict[str, Any], label: str) -> list[dict[str, Any]]:
        return averaged(name, label, {**base, **options}, corpus, parts, arguments)

    best = measured({}, "defaults")
    yield from best
    singles = []
    for options in OPTIONS[name]:
        rows = measured(options, written(options))
        yield rows[0]
        singles.append((score(rows) - score(best), options, rows))
    kept: dict[str, Any] = {}
    for gain, options, rows in sorted(singles, key=lambda single: -single[0]):  # options cannot be compared
        if gain > 0 and kept.keys().isdisjoint(options):
            tried = measured(kept | options, "") if kept else rows
            if score(tried) > score(best):
                kept, best = kept | options, tried
    if kept:
        label = f"tuned: {written(kept)}"
        yield best[0] | {"options": label}
        yield best[1] | {"options": f"{label} + all-but-the-top"}


def score(rows: list[dict[str, Any]]) -> float:
    """The score on the first half of the vectors as trained, which decides."""
    found: float = rows[0]["first"]["score"]
    return found


def written(options: dict[str, Any]) -> str:
    """Options as on the command line."""
    return " ".join(f"{key}={json.dumps(value)}" for key, value in options.items())


def averaged(
    name: str,
    label: str,
    settings: dict[str, Any],
    corpus: Corpus,
    parts: tuple[Half, Half],
    arguments: argparse.Namespace,
) -> list[dict[str, Any]]:
    """Fit with every seed: the row of means as trained, and that without the leading directions."""
    plain: list[dict[str, Any]] = []
    without: list[dict[str, Any]] = []
    for seed in arguments.seeds:
        component: Any = registry.get(name)(**{"min_count": arguments.min_count, "seed": seed} | settings)
        begin = time.perf_counter()
        component.fit(corpus, run=RunOptions(workers=arguments.workers))
        seconds = time.perf_counter() - begin
        plain.append(judged(component, parts) | {"seconds": seconds})
        without.append(judged(component.normalized("all-but-the-top"), parts) | {"seconds": seconds})
        print(f"{name} {settings}, seed {seed}: {seconds:.0f} s, {plain[-1]['first']['score']:.3f}", file=sys.stderr)
    made = []
    for suffix, runs in (("", plain), (" + all-but-the-top", without)):
        row: dict[str, Any] = {
            part: {key: statistics.mean(run[part][key] for run in runs) for key in runs[0][part]}
            for part in (*PARTS, "coverage")
        }
        row |= {"representation": name, "options": label + suffix, "settings": settings, "runs": runs}
        made.append(row | {"seconds": statistics.median(run["seconds"] for run in runs)})
    return made


def judged(component: Any, parts: tuple[Half, Half]) -> dict[str, dict[str, float]]:
    """The figures of both halves, and the shares of covered pairs and questions of the first."""
    found: dict[str, dict[str, float]] = {}
    for part, half in zip(PARTS, parts, strict=True):
        similarity = evaluate(component, half.pairs, samples=0)
        answered = evaluate_analogies(component, half.questions).total
        figures = {each.name: each.spearman for each in similarity.sets}
        figures["analogies"] = 0.0 if math.isnan(answered.accuracy) else answered.accuracy
        found[part] = figures | {"score": statistics.mean(figures.values())}
        if part == "first":
            shares = {each.name: each.coverage for each in similarity.sets}
            found["coverage"] = shares | {"analogies": answered.coverage}
    return found


if __name__ == "__main__":
    main()
