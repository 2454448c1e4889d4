"""N-gram models of words and of characters on the same segmented text, as a Markdown table of bits per character.

    python benchmarks/words_or_characters.py PKU/train.txt.gz PKU/test.txt
    python benchmarks/words_or_characters.py PKU/train.txt.gz PKU/test.txt --segmenter MODEL

TRAIN and TEST are segmented text: words with spaces between them, a sentence per line. Characters are those of the text
without spaces, with one line feed per sentence. ``words of the file`` reads the words as they are given; a row of a
saved segmenter reads the text without spaces, as ``--tokenizer model:MODEL`` does.

A word outside the vocabulary costs the probability of ``<unk>`` alone in the column ``unspelt``, which is a lower
bound. ``spelt`` adds what its spelling costs under a trigram model of the characters of the vocabulary's words, and is
an upper bound. Characters outside the vocabulary cost ``<unk>`` in all rows.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence

from nlmkit import Corpus, NGram, TextPipeline
from nlmkit.text.sources import TextSource

HEADINGS = ("model of", "training tokens", "types", "OOV", "perplexity", "bits per character, unspelt", "spelt")


def lines(source: TextSource) -> list[list[str]]:
    """The words of each sentence."""
    corpus = Corpus.read(source)
    return [corpus.sentence(index) for index in range(corpus.sentences)]


def row(name: str, train: Sequence[str], test: Sequence[str], pipeline: TextPipeline, *, order: int) -> list[str]:
    """Fit a model of the training text as the pipeline reads it, and score the test text."""
    corpus = Corpus.read(iter(train), pipeline)
    lm = NGram(order=order).fit(corpus)
    read = lm.encode(Corpus.read(iter(test), pipeline))
    report = lm.report(read)
    known = iter(lm.vocabulary_.words[3:])
    speller = NGram(order=3).fit(Corpus.read(known, TextPipeline(tokenizer="char")))
    unknown = [read.types[each] for each in read.ids[read.oov_mask(lm.vocabulary_)]] if name != "characters" else []
    characters = sum(len(line.replace(" ", "")) + 1 for line in test)
    bits = report.bits_per_token * report.events
    spelling = -speller.log_probs(unknown).sum() / math.log(2) if unknown else 0.0
    return [
        name,
        f"{corpus.tokens:,}",
        f"{len(lm.vocabulary_) - 3:,}",
        f"{100 * report.oov / read.tokens:.2f} %",
        f"{report.perplexity:.1f}",
        f"{bits / characters:.3f}",
        f"{(bits + spelling) / characters:.3f}",
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train")
    parser.add_argument("test")
    parser.add_argument("--segmenter", action="append", default=[], metavar="MODEL")
    parser.add_argument("--order", type=int, default=5)
    parser.add_argument("--unicode-form", default="NFKC", choices=["NFC", "NFKC"])
    options = parser.parse_args()
    words = [lines(options.train), lines(options.test)]
    spaced = [[" ".join(sentence) for sentence in part] for part in words]
    raw = [["".join(sentence) for sentence in part] for part in words]
    form = options.unicode_form
    print("|".join(["", *HEADINGS, ""]))
    print("|".join(["", *("---" for _ in HEADINGS), ""]))
    rows = [("characters", raw, "char"), ("words of the file", spaced, "space")]
    rows += [(f"words by {folder}", raw, f"model:{folder}") for folder in options.segmenter]
    for name, (train, test), tokenizer in rows:
        cells = row(name, train, test, TextPipeline(tokenizer=tokenizer, unicode_form=form), order=options.order)
        print("|".join(["", *cells, ""]), flush=True)


if __name__ == "__main__":
    main()
