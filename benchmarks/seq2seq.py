r"""Translation of Multi30k, or copying and reversing of random strings, as a Markdown table.

    python benchmarks/seq2seq.py multi30k DATA --direction en-de de-en --seeds 1 2 3 --budget 20m --threads 2
    python benchmarks/seq2seq.py multi30k DATA --development --budget 20m -p source_tokenizer=bpe:8000
    python benchmarks/seq2seq.py copy reverse --seeds 1 2 3 --threads 1

DATA is the folder that has the folder multi30k with ``train``, ``val`` and ``test_2016_flickr`` in ``.en`` and ``.de``
(Elliott et al. 2016), raw text. ``encoder-decoder`` is fitted with its defaults, unless ``-p`` says otherwise, once per
seed; ``val`` decides which weights are kept. The report is on ``test_2016_flickr`` (1,000 sentences), or, with
``--development``, on ``val``; test sentences are then not read.

BLEU is sacrebleu's of mixed-case, detokenized text; below the table is its signature. The BLEU beside it is of
lower-cased, tokenized text, as in many tables on Multi30k. Perplexity is per token of the targets: comparable between
rows with one tokenizer and vocabulary; bits per character are comparable between all rows of one direction.

``copy`` and ``reverse`` are strings of 20 symbols out of 26, drawn at random: 5,000 to train, 500 to validate and 500
to report on. Each is fitted with attention and without it, with the settings ``OF_STRINGS``. The figures are the share
of strings that greedy search gets right as a whole, and the share of symbols in their place. ``--direction``,
``--beam`` and ``--development`` are for ``multi30k``.

Minutes are of the whole fit; CPU minutes are those of the processor, of all threads, by which other work on the machine
hardly counts. Tokens per second are target tokens, of all passes over the training pairs, per second of the fit;
sentences per second are those of ``predict`` with the beam of the report. A line of the JSON file is one fit, and is
there as soon as it is done.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import string
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from measuring import processor, seconds, settings_of

from nlmkit import EncoderDecoder, ParallelTexts, RunOptions

TASKS = ("multi30k", "copy", "reverse")
DIRECTIONS = ("en-de", "de-en")

LENGTH = 20
"""Symbols of a string to copy or to reverse."""

STRINGS = (5_000, 500, 500)
"""Strings to train, to validate and to report on."""

OF_STRINGS: dict[str, Any] = {
    "target_tokenizer": "space",
    "embedding": 64,
    "hidden": 128,
    "encoder_hidden": 64,
    "batch": 500,
    "dropout_input": 0.0,
    "dropout_output": 0.0,
    "dropout_source": 0.0,
    "label_smoothing": 0.0,
}
"""Settings of strings; others are the defaults."""

TRANSLATION: dict[str, tuple[str, int]] = {
    "BLEU": ("bleu", 2),
    "lower-cased, tokenized": ("bleu_lowercase_tokenized", 2),
    "chrF": ("chrf", 2),
    "length ratio": ("length_ratio", 3),
    "perplexity": ("perplexity", 3),
    "bits per character": ("bits_per_character", 4),
}
STRING: dict[str, tuple[str, int]] = {"strings, %": ("strings", 2), "symbols, %": ("symbols", 2)}
COST: dict[str, tuple[str, int]] = {
    "fit, minutes": ("minutes", 2),
    "CPU minutes": ("cpu_minutes", 2),
    "passes": ("passes", 1),
    "fit, tokens/s": ("fit_tokens_per_second", 0),
    "predict, sentences/s": ("predict_sentences_per_second", 1),
}
"""Headings, with the key of each figure and its digits."""


@dataclass(frozen=True)
class Sets:
    """Pairs to fit, to choose weights by, and to report on."""

    train: ParallelTexts
    valid: ParallelTexts
    test: ParallelTexts


def main() -> None:
    """Fit, report, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", nargs="+", help="multi30k DATA, or copy, reverse or both")
    parser.add_argument("--direction", nargs="+", choices=DIRECTIONS, default=["en-de"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--budget", help="of a fit, such as 90s or 20m, instead of its epochs")
    parser.add_argument("--threads", type=int, help="of torch; its own choice by default")
    parser.add_argument("--device", help="cpu, cuda; the CPU by default")
    parser.add_argument("--beam", type=int, default=5, help="of the reports")
    parser.add_argument("--development", action="store_true", help="report on development data")
    parser.add_argument("-p", action="append", default=[], metavar="KEY=VALUE", help="a hyper-parameter")
    parser.add_argument("--json", type=Path, help="file that gets a line for each fit")
    arguments = parser.parse_args()
    folder = Path(arguments.task.pop()) if arguments.task[0] == "multi30k" and len(arguments.task) == 2 else None
    if "multi30k" in arguments.task and (folder is None or len(arguments.task) > 1):
        parser.error("multi30k is followed by the folder of the data, and by nothing else")
    if unknown := [task for task in arguments.task if task not in TASKS]:
        parser.error(f"no task {unknown[0]!r}: it is one of {', '.join(TASKS)}")
    if arguments.threads:
        import torch

        torch.set_num_threads(arguments.threads)
    print(f"{processor()}; load {os.getloadavg()[0]:.1f} at the start\n", flush=True)
    figures = (STRING if folder is None else TRANSLATION) | COST
    print("| " + " | ".join(["task", "fits", *figures]) + " |", flush=True)
    print("|" + "---|" * (len(figures) + 2), flush=True)
    run = RunOptions(
        budget_seconds=None if arguments.budget is None else seconds(arguments.budget),
        **({} if arguments.device is None else {"device": arguments.device}),
    )
    settings = settings_of("encoder-decoder", arguments.p)
    signatures: dict[str, None] = {}
    for name, sets, own in rows(arguments, folder):
        found = []
        for seed in arguments.seeds:
            model = EncoderDecoder(**{**own, **settings, "seed": seed})
            found.append(measure(model, sets, run, None if folder is None else arguments.beam))
            signatures |= {found[-1][key]: None for key in ("bleu_signature", "chrf_signature") if key in found[-1]}
            if arguments.json is not None:
                about = {"task": name, "development": arguments.development, "cpu": processor()}
                with arguments.json.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(about | found[-1]) + "\n")
        print(row(name, found, figures), flush=True)
    for signature in signatures:
        print(f"\n    {signature}")


def rows(arguments: argparse.Namespace, folder: Path | None) -> list[tuple[str, Sets, dict[str, Any]]]:
    """Return name, pairs and settings of each row of the table."""
    if folder is not None:
        development = arguments.development
        return [(name, multi30k(folder, name, development=development), {}) for name in arguments.direction]
    without: dict[str, Any] = {"attention_type": "none"}
    return [
        (f"{task}, {'without' if own else 'with'} attention", strings(task), OF_STRINGS | own)
        for task in arguments.task
        for own in ({}, without)
    ]


def multi30k(folder: Path, direction: str, *, development: bool) -> Sets:
    """Task 1 of Multi30k, one description per picture."""
    source, target = direction.split("-")

    def part(name: str) -> ParallelTexts:
        stem = folder / "multi30k" / name
        return ParallelTexts.read(f"{stem}.{source}", target=f"{stem}.{target}")

    valid = part("val")
    return Sets(part("train"), valid, valid if development else part("test_2016_flickr"))


def strings(task: str) -> Sets:
    """Random strings, all distinct, and what they are to become."""
    rng = np.random.default_rng(0)
    drawn = rng.integers(len(string.ascii_lowercase), size=(sum(STRINGS), LENGTH))
    texts = [" ".join(string.ascii_lowercase[symbol] for symbol in row) for row in drawn.tolist()]
    assert len(set(texts)) == len(texts)
    pairs = ParallelTexts(texts, texts if task == "copy" else [text[::-1] for text in texts])
    ends = np.cumsum((0, *STRINGS)).tolist()
    return Sets(*(pairs.subset(np.arange(*span)) for span in itertools.pairwise(ends)))


def measure(model: EncoderDecoder, sets: Sets, run: RunOptions, beam: int | None) -> dict[str, Any]:
    """Fit, report and predict once; without a beam, the figures are those of strings."""
    begin, worked = time.perf_counter(), time.process_time()
    model.fit(sets.train, valid=sets.valid, run=run)
    fitted, worked = time.perf_counter() - begin, time.process_time() - worked
    begin = time.perf_counter()
    predicted = model.predict(sets.test.without_targets(), beam=beam or 1)
    took = time.perf_counter() - begin
    targets = sets.test.required_targets()
    figures = string_figures(predicted, targets) if beam is None else model.report(sets.test, beam=beam).to_dict()
    passes = model.fit_report_["epochs"]
    return {
        **figures,
        "minutes": fitted / 60,
        "cpu_minutes": worked / 60,
        "passes": passes,
        "fit_tokens_per_second": (model.fit_report_["target_tokens"] + len(sets.train)) * passes / fitted,
        "predict_sentences_per_second": len(targets) / took,
        "beam": beam or 1,
        "pairs": [len(sets.train), len(sets.valid), len(sets.test)],
        "hyper_parameters": model.params_as_json(),
        "fit": {key: value for key, value in model.fit_report_.items() if key != "history"},
    }


def string_figures(predicted: list[str], targets: tuple[str, ...]) -> dict[str, float]:
    """Percent of strings that are right as a whole, and of symbols in their place."""
    right = [found == target for found, target in zip(predicted, targets, strict=True)]
    symbols = [
        place == symbol
        for found, target in zip(predicted, targets, strict=True)
        for place, symbol in zip((found.split() + [""] * LENGTH)[:LENGTH], target.split(), strict=True)
    ]
    return {"strings": 100 * statistics.mean(right), "symbols": 100 * statistics.mean(symbols)}


def row(name: str, found: list[dict[str, Any]], figures: dict[str, tuple[str, int]]) -> str:
    """A row of the table: means over the fits, with the standard deviation of the figures where there are several."""
    cells = [name, str(len(found))]
    for key, digits in figures.values():
        values = [fit[key] for fit in found]
        spread = (
            f" ± {statistics.stdev(values):.{digits}f}"
            if len(values) > 1 and (key, digits) not in COST.values()
            else ""
        )
        cells.append(f"{statistics.mean(values):.{digits}f}{spread}")
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()
