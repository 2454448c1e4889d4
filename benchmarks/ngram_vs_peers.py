"""nlmkit's n-gram model beside KenLM's Python module and nltk.lm, in one run on one machine.

    python benchmarks/ngram_vs_peers.py --train TRAIN --test TEST [--order 5] [--repeat 5]

Without --train and --test the bundled English corpus is used. Prints JSON: whole-process times of `nlmkit fit`
(text to saved model) and `nlmkit perplexity`, tokens per second of scoring text in memory beside KenLM's `score` and
`full_scores` on the ARPA file that nlmkit wrote, the largest difference in log10 probability, and nltk.lm's times on
a part of the text that it can manage. Ratios above 1 mean that nlmkit is faster.

KenLM reads a literal `<unk>` as its own unknown word, so it is renamed UNK in both texts.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import nlmkit
from nlmkit.language_models.base import LanguageModel
from nlmkit.text import Corpus


def median_seconds(action: Callable[[], object], repeat: int) -> float:
    """Median wall time of `repeat` runs, after one that is not counted."""
    action()
    seconds = []
    for _ in range(repeat):
        begin = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train")
    parser.add_argument("--test")
    parser.add_argument("--order", type=int, default=5)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--nltk-sentences", type=int, default=500, help="nltk.lm trains on this many; 0 leaves it out")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(arguments, Path(folder)), indent=2))


def measure(arguments: argparse.Namespace, folder: Path) -> dict[str, object]:
    """All figures as one object."""
    train, test = folder / "train.txt", folder / "test.txt"
    for given, split, path in ((arguments.train, "train", train), (arguments.test, "test", test)):
        corpus = Corpus.read(given or f"corpus:english/{split}")
        sentences = (" ".join(corpus.sentence(i)) for i in range(corpus.sentences))
        path.write_text("".join(f"{line}\n" for line in sentences).replace("<unk>", "UNK"), encoding="utf-8")
    model, arpa = folder / "model", folder / "model.arpa"
    command = [sys.executable, "-m", "nlmkit"]
    fit = [*command, "fit", "ngram", str(train), "-o", str(model), "-p", f"order={arguments.order}"]
    perplexity = [*command, "perplexity", str(model), str(test), "--json"]
    figures: dict[str, object] = {"order": arguments.order}
    figures["fit_process_seconds"] = median_seconds(lambda: run(fit), arguments.repeat)
    figures["perplexity_process_seconds"] = median_seconds(lambda: run(perplexity), arguments.repeat)
    figures["perplexity"] = json.loads(run(perplexity))["perplexity"]
    lm = nlmkit.load(model)
    assert isinstance(lm, LanguageModel)
    lm.export(arpa)
    lines = test.read_text(encoding="utf-8").splitlines()
    figures |= against_kenlm(lm, arpa, lines, arguments.repeat)
    if arguments.nltk_sentences:
        figures |= against_nltk(train, lines, arguments)
    return figures


def run(command: list[str]) -> str:
    """Standard output of a command that must succeed."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def against_kenlm(lm: nlmkit.LanguageModel, arpa: Path, lines: list[str], repeat: int) -> dict[str, object]:
    """Speed and agreement of scoring lines in memory."""
    import kenlm

    peer = kenlm.Model(str(arpa))
    events = sum(len(line.split()) + 1 for line in lines)
    ours = median_seconds(lambda: lm.log_probs(lines), repeat)
    score = median_seconds(lambda: [peer.score(line) for line in lines], repeat)
    full = median_seconds(lambda: [list(peer.full_scores(line)) for line in lines], repeat)
    theirs = np.array([token[0] for line in lines for token in peer.full_scores(line)])
    difference = np.abs(lm.log_probs(lines) / math.log(10) - theirs).max()
    return {
        "events": events,
        "nlmkit_log_probs_tokens_per_second": round(events / ours),
        "kenlm_score_tokens_per_second": round(events / score),
        "kenlm_full_scores_tokens_per_second": round(events / full),
        "ratio_to_kenlm_score": round(score / ours, 2),
        "ratio_to_kenlm_full_scores": round(full / ours, 2),
        "largest_log10_difference_to_kenlm": float(difference),
    }


def against_nltk(train: Path, test: list[str], arguments: argparse.Namespace) -> dict[str, object]:
    """nltk.lm's interpolated Kneser–Ney on the first sentences of the text, and nlmkit on the same ones."""
    from nltk.lm import KneserNeyInterpolated
    from nltk.lm.preprocessing import pad_both_ends, padded_everygram_pipeline
    from nltk.util import ngrams

    order, some = arguments.order, 10
    sentences = [line.split() for line in train.read_text(encoding="utf-8").splitlines()[: arguments.nltk_sentences]]
    begin = time.perf_counter()
    peer = KneserNeyInterpolated(order)
    peer.fit(*padded_everygram_pipeline(order, sentences))
    fitted = time.perf_counter()
    scored = 0
    for line in test[:some]:
        for gram in list(ngrams(pad_both_ends(line.split(), n=order), order))[: len(line.split()) + 1]:
            peer.score(gram[-1], gram[:-1])
            scored += 1
    done = time.perf_counter()
    ours = median_seconds(lambda: nlmkit.NGram(order=order, smoothing="kneser-ney").fit(sentences), arguments.repeat)
    return {
        "nltk_sentences": len(sentences),
        "nltk_fit_seconds": round(fitted - begin, 2),
        "nlmkit_fit_seconds": round(ours, 3),
        "nltk_score_tokens_per_second": round(scored / (done - fitted), 1),
    }


if __name__ == "__main__":
    main()
