"""What nlmkit's word2vec costs beside calling gensim directly.

    python benchmarks/word2vec_vs_gensim.py [TEXT...] [--epochs 5] [--workers 1] [--repeat 5]

Both train by turns on the same text in memory, with the same settings: nlmkit from a Corpus, gensim from lists of
words; each time includes the vocabulary. Without TEXT the bundled English corpus is used. Prints JSON; the ratios are
the median over the rounds of nlmkit's time to gensim's, of the clock and of the processors. With one worker the
vectors must be equal to the byte, or it fails.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from gensim.models import Word2Vec as GensimWord2Vec

from nlmkit.core.run import RunOptions
from nlmkit.representations.word2vec.model import Word2Vec
from nlmkit.text import Corpus, TextPipeline


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", nargs="*", default=["corpus:english/train"])
    parser.add_argument("--architecture", choices=("skip-gram", "cbow"), default="skip-gram")
    parser.add_argument("--dimension", type=int, default=100)
    parser.add_argument("--min-count", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--repeat", type=int, default=5)
    arguments = parser.parse_args()
    corpus = Corpus.read_files(arguments.text, TextPipeline(lowercase=True))
    sentences = [corpus.sentence(index) for index in range(corpus.sentences)]

    def ours() -> Word2Vec:
        model = Word2Vec(
            architecture=arguments.architecture,
            dimension=arguments.dimension,
            min_count=arguments.min_count,
            epochs=arguments.epochs,
        )
        return model.fit(corpus, run=RunOptions(workers=arguments.workers))

    def theirs() -> Any:
        return GensimWord2Vec(
            sentences,
            sg=int(arguments.architecture == "skip-gram"),
            vector_size=arguments.dimension,
            min_count=arguments.min_count,
            epochs=arguments.epochs,
            sample=1e-4,
            workers=arguments.workers,
        )

    rounds = []
    for number in range(arguments.repeat):
        (model, *our_times), (peer, *their_times) = (
            (timed(ours), timed(theirs)) if number % 2 == 0 else (timed(theirs), timed(ours))[::-1]
        )
        words = peer.wv.index_to_key
        if arguments.workers == 1:
            equal = model.matrix[model.vocabulary_.ids(words)].tobytes() == peer.wv.vectors.tobytes()
            if not equal:
                sys.exit("the vectors differ")
        rounds.append((our_times, their_times))
    print(
        json.dumps(
            {
                "tokens": corpus.tokens,
                "words": len(words),
                "epochs": arguments.epochs,
                "workers": arguments.workers,
                "nlmkit_seconds": [round(ours[0], 3) for ours, _ in rounds],
                "gensim_seconds": [round(theirs[0], 3) for _, theirs in rounds],
                "ratio": round(statistics.median(ours[0] / theirs[0] for ours, theirs in rounds), 4),
                "ratio_of_processor_time": round(statistics.median(ours[1] / theirs[1] for ours, theirs in rounds), 4),
                "vectors_equal": True if arguments.workers == 1 else None,
            },
            indent=2,
        )
    )


def timed(action: Callable[[], Any]) -> tuple[Any, float, float]:
    """The result, and seconds of the clock and of the processors."""
    begin, busy = time.perf_counter(), time.process_time()
    result = action()
    return result, time.perf_counter() - begin, time.process_time() - busy


if __name__ == "__main__":
    main()
