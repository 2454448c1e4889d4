r"""Perplexity of dictionary definitions, given the vector of the word that they define, or nothing.

    nlmkit fit word2vec imdb.txt brown.txt -o W2V -p window=3
    python benchmarks/glosses.py DATA W2V --seeds 1 2 3
    python benchmarks/glosses.py DATA W2V --limit 10000 --budget 60s

DATA is the folder that has the folder glosses, with train.tsv.gz, valid.tsv.gz and test.tsv.gz: ``lemma, part of
speech, definition`` (Open English WordNet), where no lemma is in two parts. W2V is a fitted representation, in the runs
published one of IMDb and Brown in lower case. Lemmas that it lacks in lower case are left out; the part of speech is
not used.

A ``vector-decoder`` learns the definitions of the training lemmas and is judged on those of the test lemmas: *told* the
vector of the lemma, and *untold*: the same network, of the same size, with the same settings and seeds, for which the
vectors of all lemmas are their mean. The latter is an unconditional language model. A third row, with ``--language-
model``, is the component ``lstm`` with equal sizes, dropout and epochs. All have one vocabulary and the same events.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
from measuring import processor, seconds, settings_of

import nlmkit
from nlmkit import LSTM, RunOptions
from nlmkit.representations.base import Representation

Pairs = tuple[np.ndarray, list[str]]

SETTINGS: dict[str, Any] = {
    "target_tokenizer": "word",
    "lowercase": True,
    "min_count": 2,
    "vector_scaling": "unit",
    "embedding": 200,
    "hidden": 300,
    "batch": 1000,
    "epochs": 10,
    "dropout_vector": 0.1,
}

OF_LANGUAGE_MODEL = ("min_count", "embedding", "hidden", "epochs", "lr", "dropout_input", "dropout_output", "seed")
"""Settings of the decoder that ``lstm`` has too."""

HEADINGS = ("model", "fits", "perplexity", "without OOV", "OOV, %", "parameters", "fit, minutes", "CPU minutes")


def main() -> None:
    """Fit both, report, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("representation", help="folder of the fitted representation")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--limit", type=int, help="train on so many definitions, chosen at random")
    parser.add_argument("--budget", help="of each fit, such as 90s or 10m, instead of its epochs")
    parser.add_argument("--threads", type=int, help="of torch; its own choice by default")
    parser.add_argument("--language-model", action="store_true", help="fit lstm, too")
    parser.add_argument("-p", action="append", default=[], metavar="KEY=VALUE", help="a hyper-parameter")
    parser.add_argument("--json", type=Path, help="file that gets a line for each fit")
    parser.add_argument("--show", type=int, default=0, metavar="N", help="print definitions found for N test lemmas")
    arguments = parser.parse_args()
    if arguments.threads:
        import torch

        torch.set_num_threads(arguments.threads)
    print(f"{processor()}; load {os.getloadavg()[0]:.1f} at the start\n", flush=True)
    representation: Any = nlmkit.load(arguments.representation)
    read = {part: definitions(arguments.data / "glosses" / f"{part}.tsv.gz", representation) for part in PARTS}
    lemmas, vectors, texts = read["train"]
    if arguments.limit:
        chosen = np.sort(np.random.default_rng(0).permutation(len(texts))[: arguments.limit])
        read["train"] = ([lemmas[n] for n in chosen], vectors[chosen], [texts[n] for n in chosen])
    print(
        *(f"{part}: {len(each[2])} definitions of {len(set(each[0]))} lemmas" for part, each in read.items()), sep="\n"
    )
    run = RunOptions(budget_seconds=None if arguments.budget is None else seconds(arguments.budget))
    settings = SETTINGS | settings_of("vector-decoder", arguments.p)
    kinds = ["told", "untold", *(["lstm"] if arguments.language_model else [])]
    found: dict[str, list[dict[str, Any]]] = {kind: [] for kind in kinds}
    for seed in arguments.seeds:
        for kind in kinds:
            found[kind].append(measured(kind, read, settings | {"seed": seed}, run, arguments.show))
            if arguments.json is not None:
                with arguments.json.open("a", encoding="utf-8") as file:
                    file.write(json.dumps({"cpu": processor(), "limit": arguments.limit, **found[kind][-1]}) + "\n")
    print("\n| " + " | ".join(HEADINGS) + " |")
    print("|" + "---|" * len(HEADINGS))
    for kind in kinds:
        print(row(kind, found[kind]))
    told, untold = (statistics.mean(each["perplexity"] for each in found[kind]) for kind in kinds[:2])
    print(f"\nThe vector lowers the perplexity by {1 - told / untold:.1%}.")


PARTS = ("train", "valid", "test")


def definitions(file: Path, representation: Representation) -> tuple[list[str], np.ndarray, list[str]]:
    """Lemmas with a vector, in lower case, their vectors and their definitions."""
    lemmas, texts = [], []
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        for line in lines:
            lemma, _, definition = line.rstrip("\n").split("\t")
            if lemma.lower() in representation.vocabulary_:
                lemmas.append(lemma.lower())
                texts.append(definition)
    return lemmas, representation.vectors(lemmas), texts


def measured(kind: str, read: dict[str, Any], settings: dict[str, Any], run: RunOptions, show: int) -> dict[str, Any]:
    """Fit and report once."""
    pairs: dict[str, Pairs] = {part: (vectors, texts) for part, (_, vectors, texts) in read.items()}
    if kind == "untold":
        mean = pairs["train"][0].mean(axis=0)
        pairs = {part: (np.tile(mean, (len(texts), 1)), texts) for part, (_, texts) in pairs.items()}
    begin, worked = time.perf_counter(), time.process_time()
    model: Any
    if kind == "lstm":
        from nlmkit import Corpus, TextPipeline

        tokens = TextPipeline(tokenizer=settings["target_tokenizer"], lowercase=settings["lowercase"])
        model = LSTM(**{name: settings[name] for name in OF_LANGUAGE_MODEL if name in settings}, softmax="full")
        corpora = {part: Corpus.read(texts, tokens) for part, (_, texts) in pairs.items()}
        model.fit(corpora["train"], valid=corpora["valid"], run=run)
        minutes = [(time.perf_counter() - begin) / 60, (time.process_time() - worked) / 60]
        report = model.report(corpora["test"])
    else:
        model = nlmkit.VectorDecoder(**settings).fit(*pairs["train"], valid=pairs["valid"], run=run)
        minutes = [(time.perf_counter() - begin) / 60, (time.process_time() - worked) / 60]
        report = model.perplexity_report(*pairs["test"])
        places = np.random.default_rng(0).permutation(len(pairs["test"][1]))[: show if kind == "told" else 0]
        for place, text in zip(places, model.predict(pairs["test"][0][places]) if len(places) else [], strict=True):
            print(f"{read['test'][0][place]}: {text}  ({pairs['test'][1][place]})")
    return {
        "model": kind,
        "settings": settings,
        "minutes": minutes[0],
        "cpu_minutes": minutes[1],
        "parameters": model.fit_report_["parameters"],
        **report.to_dict(),
    }


def row(kind: str, found: list[dict[str, Any]]) -> str:
    """Mean and standard deviation over the fits."""

    def shown(name: str, form: str) -> str:
        values = [each[name] for each in found]
        spread = f" ± {statistics.stdev(values):{form}}" if len(values) > 1 else ""
        return f"{statistics.mean(values):{form}}{spread}"

    oov = 100 * found[0]["oov"] / found[0]["events"]
    cells = [kind, str(len(found)), shown("perplexity", ".2f"), shown("perplexity_excluding_oov", ".2f"), f"{oov:.1f}"]
    return (
        "| "
        + " | ".join([*cells, f"{found[0]['parameters']:,}", shown("minutes", ".1f"), shown("cpu_minutes", ".1f")])
        + " |"
    )


if __name__ == "__main__":
    main()
