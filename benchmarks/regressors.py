"""Regressors on the ratings 1 to 10 of IMDb's reviews (Maas 2011), as a Markdown table: errors, R² and minutes.

    python benchmarks/regressors.py IMDB
    python benchmarks/regressors.py IMDB --only tfidf-ridge
    python benchmarks/regressors.py IMDB --tune --only tfidf-ridge -p alpha=0.3
    python benchmarks/regressors.py IMDB --only cnn-regressor,lstm-regressor --seeds 0,1,2 --json ratings.jsonl

IMDB is the folder with train.tsv.gz and test.tsv.gz (a label, a tab, the text) and with train.ratings.txt and
test.ratings.txt (the rating of each of their lines). There are 25,000 texts each, of ratings 1 to 4 and 7 to 10.

``--tune`` fits four fifths of the training texts, reports on the last fifth, dealt with seed 0, and does not read the
test texts. The settings below were chosen on parts of the training texts. Without it all training texts are fitted, of
which the neural regressors hold texts out themselves, and the test texts are reported on. Minutes are of the fit, with
reading the words; the row to beat is the one of tfidf-ridge. A row of the JSON file is one fit, and is there as soon as
it is done.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
from measuring import settings_of

from nlmkit.core import registry
from nlmkit.documents.splits import k_folds_of_numbers
from nlmkit.errors import DataError
from nlmkit.regressors.base import Regressor
from nlmkit.text.labelled import LabelledTexts
from nlmkit.text.numbered import NumberedTexts

_NEURAL = {"embedding": 100, "max_length": 400, "min_count": 2, "lr": 0.003, "dropout": 0.2, "dropout_input": 0.1}

SETTINGS: dict[str, dict[str, Any]] = {
    "tfidf-ridge": {},
    "cnn-regressor": {**_NEURAL, "maps": 100, "epochs": 6},
    "lstm-regressor": {**_NEURAL, "hidden": 100, "epochs": 6},
}
"""Hyper-parameters of each row beside the defaults. The penalty of tfidf-ridge was chosen with ``--tune``; the settings
of the networks by the RMSE on other training texts of fits to 2,500 and 4,000 of them."""

HEADINGS = ("regressor", "RMSE", "MAE", "R²", "Pearson", "Spearman", "fits", "minutes")
FIGURES = ("rmse", "mae", "r2", "pearson", "spearman")


def ratings(folder: Path, part: str) -> NumberedTexts:
    """The texts of ``train`` or ``test`` with their ratings."""
    labelled = LabelledTexts.read(folder / f"{part}.tsv.gz")
    path = folder / f"{part}.ratings.txt"
    numbers = [int(line) for line in path.read_text(encoding="ascii").split()]
    if len(numbers) != len(labelled):
        raise DataError(f"{len(numbers)} ratings of {len(labelled)} texts", source=str(path))
    return NumberedTexts(labelled.texts, numbers, source=f"IMDb {part}")


def data(folder: Path, *, tune: bool) -> tuple[NumberedTexts, NumberedTexts]:
    """Texts to fit, and texts to report on."""
    train = ratings(folder, "train")
    if not tune:
        return train, ratings(folder, "test")
    fold = k_folds_of_numbers(train.numbers, 5, seed=0)
    return train.take(np.flatnonzero(fold != 4)), train.take(np.flatnonzero(fold == 4))


def measure(name: str, settings: dict[str, Any], train: NumberedTexts, test: NumberedTexts) -> dict[str, Any]:
    """Fit and report once."""
    cls: Any = registry.get(name)
    regressor: Regressor = cls(**settings)
    begin = time.perf_counter()
    regressor.fit(train)
    minutes = (time.perf_counter() - begin) / 60
    report = regressor.report(test)
    facts = report.to_dict()
    return {
        "regressor": name,
        **{figure: facts[figure] for figure in FIGURES},
        "intervals": facts["intervals"],
        "minutes": minutes,
        "n": report.n,
        "hyper_parameters": regressor.params_as_json(),
        "fit": {key: value for key, value in regressor.fit_report_.items() if key != "history"},
    }


def row(name: str, found: list[dict[str, Any]]) -> str:
    """A row of the table: means over the fits, with the standard deviation where there are several."""
    cells = []
    for figure in FIGURES:
        values = [fit[figure] for fit in found]
        spread = f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else ""
        cells.append(f"{statistics.mean(values):.3f}{spread}")
    minutes = statistics.mean(fit["minutes"] for fit in found)
    return "| " + " | ".join([name, *cells, str(len(found)), f"{minutes:.1f}"]) + " |"


def main() -> None:
    """Fit, report, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("imdb", type=Path)
    parser.add_argument("--only", default=",".join(SETTINGS), help="names of regressors, with commas between")
    parser.add_argument("--tune", action="store_true", help="report on a fifth of the training texts")
    parser.add_argument("--seeds", default="0", help="of the neural regressors, with commas between")
    parser.add_argument("-p", action="append", default=[], metavar="[NAME.]KEY=VALUE", help="a hyper-parameter")
    parser.add_argument("--json", type=Path, help="file that gets a line for each fit")
    arguments = parser.parse_args()
    train, test = data(arguments.imdb, tune=arguments.tune)
    deviation = float(np.sqrt(np.mean((test.numbers - train.numbers.mean()) ** 2)))
    print(f"{len(train)} texts fitted, {len(test)} reported on; RMSE of predicting the mean {deviation:.3f}\n")
    print("| " + " | ".join(HEADINGS) + " |", flush=True)
    print("|" + "---|" * len(HEADINGS), flush=True)
    for name in arguments.only.split(","):
        found = []
        seeded = "seed" in registry.get(name).hyper_parameters()
        for seed in map(int, arguments.seeds.split(",")) if seeded else [None]:
            settings = SETTINGS.get(name, {}) | settings_of(name, arguments.p)
            settings |= {} if seed is None else {"seed": seed}
            found.append(measure(name, settings, train, test))
            if arguments.json is not None:
                with arguments.json.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(found[-1]) + "\n")
        print(row(name, found), flush=True)


if __name__ == "__main__":
    main()
