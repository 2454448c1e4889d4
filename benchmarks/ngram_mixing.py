"""Static interpolation of two n-gram models against the component mixture, and pruning to a size, as Markdown tables.

    python benchmarks/ngram_mixing.py PTB_FOLDER BROWN_FILE [--order 5] [--to 1M]

PTB_FOLDER has train.txt, valid.txt and test.txt. Of Brown, each 20th sentence is for validation, the next one for
testing; validation and test text are those of both corpora together, lower-cased. A mixture requires one vocabulary:
the words of both training texts, for both models.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from measuring import processor

from nlmkit import LanguageModel, Mixture, NGram, RunOptions, static_mix
from nlmkit.core.storage import describe
from nlmkit.text import Corpus, TextPipeline

Result = TypeVar("Result")
PIPELINE = TextPipeline(lowercase=True)
QUIET = RunOptions(progress=None)


def timed(work: Callable[[], Result]) -> tuple[Result, float]:
    """Return the result of some work and its seconds."""
    begin = time.perf_counter()
    return work(), time.perf_counter() - begin


def row(name: str, model: LanguageModel, ngrams: int, seconds: float, test: Corpus, folder: Path) -> None:
    """Print the figures of a model."""
    model.save(folder / "model")
    size = describe(folder / "model")["bytes"] / 1e6
    perplexity, scoring = timed(lambda: model.perplexity(test))
    figures = f"{ngrams:,} | {size:.1f} | {seconds:.2f} | {scoring:.2f} | {perplexity:.2f}"
    print(f"| {name} | {figures} |", flush=True)


def table(heading: str) -> None:
    """Print the head of a table."""
    print(
        f"\n| {heading} | n-grams | MB | seconds | seconds to score the test | perplexity |\n|---|---|---|---|---|---|"
    )


def total(*models: NGram) -> int:
    """Return the number of n-grams of some models."""
    return sum(sum(model.table_.sizes) for model in models)


def main() -> None:
    """Fit, mix, prune, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ptb", type=Path)
    parser.add_argument("brown", type=Path)
    parser.add_argument("--order", type=int, default=5)
    parser.add_argument("--to", default="1M")
    arguments = parser.parse_args()
    ptb = {part: (arguments.ptb / f"{part}.txt").read_text("utf-8").splitlines() for part in ("train", "valid", "test")}
    lines = arguments.brown.read_text("utf-8").splitlines()
    brown = {"valid": lines[18::20], "test": lines[19::20]}
    brown["train"] = [line for number, line in enumerate(lines) if number % 20 < 18]
    news, books = Corpus.read(ptb["train"], PIPELINE), Corpus.read(brown["train"], PIPELINE)
    valid, test = (Corpus.read(ptb[part] + brown[part], PIPELINE) for part in ("valid", "test"))
    print(f"{processor()}; {news.tokens:,} and {books.tokens:,} words; test: {test.events:,} events")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        words = folder / "words.txt"
        words.write_text("\n".join(sorted({*news.types, *books.types})), encoding="utf-8")
        limited = {"order": arguments.order, "vocabulary_file": str(words)}
        first, one = timed(lambda: NGram(**limited).fit(news, run=QUIET))
        second, other = timed(lambda: NGram(**limited).fit(books, run=QUIET))
        table("one vocabulary")
        row("PTB alone", first, total(first), one, test, folder)
        row("Brown alone", second, total(second), other, test, folder)
        component, seconds = timed(lambda: Mixture(models=(first, second)).fit(valid=valid, run=QUIET))
        row("`mixture` of the two", component, total(first, second), seconds, test, folder)
        mixed, seconds = timed(lambda: static_mix([first, second], valid=valid, run=QUIET))
        row("static mix", mixed, total(mixed), seconds, test, folder)
        print(f"\nweights {component.weights_.round(4).tolist()}, {mixed.fit_report_['weights']}")

        table("own vocabularies")
        own = [NGram(order=arguments.order).fit(text, run=QUIET) for text in (news, books)]
        for unknown in ("share", "zero"):
            apart, seconds = timed(partial(static_mix, own, valid=valid, unknown=unknown, run=QUIET))
            row(f"static mix, unknown={unknown}", apart, total(apart), seconds, test, folder)
            report = apart.fit_report_
            figures = [report[f"validation_perplexity{each}"] for each in ("", "_interpolated")]
            print(f"| (validation text: static, interpolated while scoring) | | | | | {figures} |")

        table(f"pruned to {arguments.to}")
        small, seconds = timed(lambda: mixed.pruned(to=arguments.to))
        row("static mix, `pruned(to=…)`", small, total(small), seconds, test, folder)
        threshold = float(small.fit_report_["pruned_at"])
        same, seconds = timed(lambda: mixed.pruned(threshold))
        row(f"static mix, `pruned({threshold:.4g})`", same, total(same), seconds, test, folder)
        row("PTB, not pruned", own[0], total(own[0]), 0.0, test, folder)
        fitted, seconds = timed(lambda: NGram(order=arguments.order, prune_to=arguments.to).fit(news, run=QUIET))
        row("PTB, `prune_to` at fitting", fitted, total(fitted), seconds, test, folder)
        threshold = float(fitted.fit_report_["pruned_at"])
        same, seconds = timed(lambda: NGram(order=arguments.order, entropy_prune=threshold).fit(news, run=QUIET))
        row(f"PTB, `entropy_prune={threshold:.4g}`", same, total(same), seconds, test, folder)
        after, seconds = timed(lambda: own[0].pruned(to=arguments.to))
        row("PTB, `pruned(to=…)` afterwards", after, total(after), seconds, test, folder)


if __name__ == "__main__":
    main()
