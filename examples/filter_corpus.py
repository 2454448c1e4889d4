"""Keep the lines of a text that read like language, and show why the others go.

python examples/filter_corpus.py
"""

from __future__ import annotations

from nlmkit import Corpus, NGram, TextPipeline

LINES = [
    "The engine room was reached by a narrow ladder .",
    "She had never been late , and nobody asked why .",
    "zzz qqq vvv www",
    "click here click here buy now",
]
LIMIT = 500.0
MOST_UNKNOWN = 0.4


def main() -> list[str]:
    """Print perplexity and share of unknown words per line, and return the lines that stay."""
    corpus = Corpus.read("corpus:english", TextPipeline(tokenizer="word", lowercase=True))
    lm = NGram(order=3).fit(corpus)
    figures = lm.line_figures(LINES)
    lengths = [len(lm.pipeline_.tokenize(line)) for line in LINES]
    kept = []
    for line, perplexity, unknown, words in zip(LINES, figures.perplexity, figures.oov, lengths, strict=True):
        stays = perplexity <= LIMIT and unknown <= MOST_UNKNOWN * words
        print(f"{'keep' if stays else 'drop'}  {perplexity:8.1f}  {unknown}/{words} unknown  {line}")
        if stays:
            kept.append(line)
    return kept


if __name__ == "__main__":
    main()
