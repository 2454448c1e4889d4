"""How width, dropout and learning rate should follow the compute: short runs that the recipe for budgets was fitted to.

    python benchmarks/budget_recipe.py                              # the points beside what the recipe says
    python benchmarks/budget_recipe.py TEXT [--events 40000] [--point 'hidden=128 dropout=0.35 epochs=10'] …

Runs are compared by epochs and by the floating-point operations of their steps, not by seconds, so that they can share
a machine. With a TEXT (one sentence per line, words separated by spaces), each point is trained on its first events and
judged by the 15,000 after them: give texts whose results are not reported. Prints a line for each run: compute in
GFLOP, perplexity, and the recipe's dropout and learning rate at this width and number of passes.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import Any, Final

from measuring import settings_of

from nlmkit import LSTM, RunOptions
from nlmkit.language_models.neural.costs import FLOPS_PER_WEIGHT, Sizes, active_weights
from nlmkit.language_models.neural.recipe import (
    FAMILIES,
    capacity,
    dropout_rate,
    learning_rate,
    trained_weights,
    wanted_words,
)

FIELDS: Final = ("hidden", "embedding", "dropout", "epochs", "batch", "lr")
POINTS: Final[Sequence[tuple[tuple[float, ...], float]]] = (
    ((64, 32, 0.1, 5, 16, 0.004), 401.7),
    ((64, 32, 0.1, 6, 16, 0.01131), 286.2),
    ((96, 48, 0.15, 4, 16, 0.00924), 313.5),
    ((96, 48, 0.35, 15, 16, 0.00924), 230.4),
    ((128, 64, 0.2, 10, 16, 0.004), 276.0),
    ((128, 64, 0.35, 10, 8, 0.004), 249.6),
    ((128, 64, 0.35, 10, 16, 0.004), 270.5),
    ((128, 64, 0.35, 10, 8, 0.008), 230.5),
    ((128, 64, 0.35, 10, 16, 0.008), 229.6),
    ((128, 64, 0.35, 10, 16, 0.016), 226.0),
    ((128, 64, 0.5, 10, 16, 0.004), 282.3),
    ((128, 64, 0.5, 10, 16, 0.008), 241.6),
    ((128, 64, 0.5, 18, 16, 0.004), 244.2),
    ((192, 96, 0.35, 6, 16, 0.00653), 248.5),
    ((192, 96, 0.5, 10, 16, 0.004), 248.6),
    ((192, 96, 0.5, 11, 16, 0.00653), 217.6),
    ((192, 96, 0.5, 11, 16, 0.013), 208.3),
    ((256, 128, 0.5, 7, 16, 0.0025), 310.7),
    ((256, 128, 0.55, 7, 16, 0.004), 270.8),
)
"""Values of ``FIELDS`` and best validation perplexity: 40,000 characters of Chinese news (training part of pku)."""

EVENTS, VOCABULARY = 40_000, 2_007
HELD_OUT: Final = 15_000


def line(values: dict[str, Any], perplexity: float, events: int, vocabulary: int) -> str:
    """Return a run as a line."""
    sizes = Sizes.of({**LSTM().get_params(), **values}, cell=FAMILIES["lstm"].cell, vocabulary=vocabulary)
    words, weights = values["epochs"] * events, active_weights(sizes)
    dropout = dropout_rate(trained_weights(sizes, events), events, values["epochs"])
    rate = learning_rate(sizes.hidden, words / (sizes.batch * sizes.bptt), FAMILIES["lstm"])
    return (
        f"{sizes.hidden:>6}{sizes.embedding:>6}{values['dropout']:>7}{values['epochs']:>5}{sizes.batch:>6}"
        f"{values['lr']:>9.4g}{FLOPS_PER_WEIGHT * weights * words / 1e9:>9,.0f}{perplexity:>9.1f}"
        f"   dropout {dropout:.2f}, lr {rate:.2g}, {wanted_words(capacity(sizes), events) / events:.1f} passes"
    )


def parts(path: str, events: int) -> tuple[list[list[str]], list[list[str]]]:
    """Return the sentences of the first events of a text, and those of the ones after them."""

    def taken(lines: Iterator[list[str]], count: int) -> list[list[str]]:
        found: list[list[str]] = []
        for words in lines:
            found.append(words)
            count -= len(words) + 1
            if count <= 0:
                break
        return found

    with open(path, encoding="utf-8") as file:
        lines = (words for words in map(str.split, file) if words)
        return taken(lines, events), taken(lines, HELD_OUT)


def main() -> None:
    """Print the points, or run some."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", nargs="?")
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--point", action="append", help="hyper-parameters of a run; all points of this file if none")
    chosen = parser.parse_args()
    print("hidden  emb. dropout ep. batch       lr    GFLOP    perpl.   by the recipe")
    points: list[dict[str, Any]] = [dict(zip(FIELDS, values, strict=True)) for values, _ in POINTS]
    if chosen.text is None:
        for point, (_, perplexity) in zip(points, POINTS, strict=True):
            print(line(point, perplexity, EVENTS, VOCABULARY))
        return
    train, valid = parts(chosen.text, chosen.events)
    for given in [settings_of("lstm", point.split()) for point in chosen.point or ()] or points:
        hidden = int(given.get("hidden", 128))
        values: dict[str, Any] = {
            "hidden": hidden,
            "embedding": hidden // 2,
            "dropout": 0.35,
            "epochs": 10,
            "batch": 16,
        }
        values |= {"lr": 0.008, **given}
        lm = LSTM(**values).fit(train, valid=valid, run=RunOptions(progress=None))
        report = lm.fit_report_
        print(line(values, report["validation_perplexity"], report["events"], len(lm.vocabulary_)), flush=True)


if __name__ == "__main__":
    main()
