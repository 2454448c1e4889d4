"""Surprisal of each word of two sentences that differ in one word.

python examples/surprisal.py
"""

from __future__ import annotations

import math

from nlmkit import Corpus, NGram, TextPipeline

SENTENCES = ("she looked at the engine room .", "she looked at the engine ladder .")


def main() -> list[list[float]]:
    """Print a column of surprisals, in bits, per sentence, and return them."""
    corpus = Corpus.read("corpus:english", TextPipeline(tokenizer="word", lowercase=True))
    lm = NGram(order=3).fit(corpus)
    columns = []
    for sentence in SENTENCES:
        bits = (-lm.log_probs([sentence]) / math.log(2)).tolist()
        for word, value in zip([*sentence.split(), "</s>"], bits, strict=True):
            unknown = "" if word == "</s>" or word in lm.vocabulary_ else "  (not in the vocabulary)"
            print(f"{word:10} {value:6.2f} {'▇' * round(value)}{unknown}")
        print(f"{'sum':10} {sum(bits):6.2f}\n")
        columns.append(bits)
    return columns


if __name__ == "__main__":
    main()
