"""Choose among the hypotheses of a recognizer with a language model of two domains.

    python examples/rescoring.py

Each hypothesis has the score of an acoustic model, here made up, to which the weighted log-probability of the language
model is added.
"""

from __future__ import annotations

from nlmkit import Corpus, NGram, TaggedSentences, TextPipeline, static_mix

HYPOTHESES = (
    ("the fairy leaves the harbor at noon", -41.0),
    ("the ferry leaves the harbor at noon", -41.6),
    ("the ferry leafs the harbour and noon", -40.8),
)
WEIGHT = 0.5


def domain(split: str) -> Corpus:
    """Return sentences of the domain, lower-cased words with spaces between."""
    sentences = TaggedSentences.read(f"corpus:chunks-en{split}")
    return Corpus.read((" ".join(words).lower() for words in sentences.token_lists()), TextPipeline())


def main() -> str:
    """Mix two models, print the hypotheses with their scores, best first, and return the best."""
    text = Corpus.read("corpus:english", TextPipeline(tokenizer="word", lowercase=True))
    general = Corpus.read((" ".join(text.sentence(i)) for i in range(text.sentences)), TextPipeline())
    lm = static_mix([NGram(order=3).fit(general), NGram(order=3).fit(domain(""))], valid=domain("/valid"))
    scored = [
        (acoustic + WEIGHT * lm.sentence_log_prob(words.split()), acoustic, words) for words, acoustic in HYPOTHESES
    ]
    for total, acoustic, words in sorted(scored, reverse=True):
        print(f"{total:8.2f} (acoustic {acoustic:.1f})  {words}")
    return max(scored)[2]


if __name__ == "__main__":
    main()
