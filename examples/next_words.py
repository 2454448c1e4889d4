"""What comes next? The exact distribution of the next word, and how uncertain it is.

python examples/next_words.py
"""

from __future__ import annotations

import numpy as np

from nlmkit import Corpus, NGram, TextPipeline

BEGINNING = ["the", "engine", "room", "was"]


def main() -> list[str]:
    """Print the entropy and the likeliest words after each word of a sentence; return the last such words."""
    corpus = Corpus.read("corpus:english", TextPipeline(tokenizer="word", lowercase=True))
    lm = NGram(order=3).fit(corpus)
    likeliest: list[str] = []
    state = lm.start()
    for word in BEGINNING:
        state = lm.advance(state, lm.vocabulary_.id(word))
        log_probs = lm.next_log_probs(state)  # natural logarithms, one per word id
        possible = log_probs[np.isfinite(log_probs)]
        entropy = -(np.exp(possible) * possible).sum() / np.log(2)
        likeliest = [lm.vocabulary_.word(int(word_id)) for word_id in log_probs.argsort()[::-1][:5]]
        print(f"{word:8} {entropy:5.2f} bits  {' '.join(likeliest)}")
    return likeliest


if __name__ == "__main__":
    main()
