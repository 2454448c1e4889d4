"""Neighbours of Chinese characters, in vectors that are trained on reviews read with the `char` tokenizer.

    python benchmarks/chinese_neighbours.py [--data DIR] [--component word2vec] [-p dimension=50 ...] [CHARACTER ...]

DIR holds `waimai/waimai_10k.csv`, some 12,000 reviews of delivered meals (label,review). Without --data the bundled
reviews are used, which are too few for more than a try. Prints a line for each character: its nearest neighbours by
cosine, with their similarities.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from pathlib import Path
from typing import Any

import nlmkit
from nlmkit.core import registry
from nlmkit.text import Corpus, TextPipeline

CHARACTERS = "好 差 快 慢 饭 面 鱼 冷 辣 人 三 他"


def main() -> None:
    """Train and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("characters", nargs="*", default=CHARACTERS.split())
    parser.add_argument("--data", type=Path, help="folder with waimai/waimai_10k.csv")
    parser.add_argument("--component", default="word2vec", help="a registered representation that trains on text")
    parser.add_argument("-p", dest="params", action="append", default=[], metavar="KEY=VALUE", help="hyper-parameter")
    parser.add_argument("-n", type=int, default=8, help="neighbours of each")
    arguments = parser.parse_args()
    corpus = Corpus.read(reviews(arguments.data), TextPipeline(tokenizer="char", unicode_form="NFKC"))
    component: Any = registry.get(arguments.component)(**dict(map(parameter, arguments.params)))
    begin = time.perf_counter()
    component.fit(corpus)
    seconds = time.perf_counter() - begin
    print(
        f"# nlmkit {nlmkit.__version__}, {arguments.component}: {corpus.sentences} reviews, {corpus.tokens} characters"
    )
    print(f"# {component.vocabulary_.size_predictable} types, {component.dimension} dimensions, {seconds:.1f} s")
    for character in arguments.characters:
        if character not in component:
            print(f"{character}\tnot in the vocabulary")
            continue
        near = component.most_similar(character, arguments.n)
        print(character, " ".join(f"{other} {value:.2f}" for other, value in near), sep="\t")


def reviews(data: Path | None) -> list[str]:
    """The texts of the reviews, without their labels."""
    if data is None:
        corpus = Path(__file__).parents[1] / "corpora" / "reviews-zh" / "train.tsv"
        return [line.partition("\t")[2] for line in corpus.read_text(encoding="utf-8").splitlines()]
    with (data / "waimai" / "waimai_10k.csv").open(encoding="utf-8-sig", newline="") as file:
        # A review may go over several lines; to the corpus it is one.
        return [" ".join(row["review"].split()) for row in csv.DictReader(file)]


def parameter(pair: str) -> tuple[str, Any]:
    """A hyper-parameter as the command line reads it: JSON, or else a string."""
    key, _, value = pair.partition("=")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


if __name__ == "__main__":
    main()
