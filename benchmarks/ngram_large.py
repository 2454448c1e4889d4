"""Fit a 5-gram on tens of millions of words: time, peak memory and n-gram counts.

The words are sampled from a trigram model of the given texts and written to a temporary file, which is removed at
the end. The fit is a process of its own, `nlmkit fit ngram`, so its peak memory is that of the whole command.

    python benchmarks/ngram_large.py --words 28e6 TEXT...
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from nlmkit import NGram
from nlmkit.language_models.ngram.table import BackoffTable
from nlmkit.text import Corpus
from nlmkit.text.vocabulary import BOS_ID, EOS_ID, UNK_ID

STREAMS = 50_000
MAX_SENTENCE = 60


def sample_words(table: BackoffTable, state: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One next word for each of many histories; state is int32 [streams, order − 1], newest word first."""
    chosen = np.full(len(state), -1, np.int32)
    # index of each stream's context of 1, 2, … words, −1 where it is not in the table
    contexts = [state[:, 0]]
    for k in range(2, table.order):
        known = np.flatnonzero((contexts[-1] >= 0) & (state[:, k - 1] >= 0))
        ids = np.full(len(state), -1, np.int32)
        ids[known] = table.find(k, contexts[-1][known], state[known, k - 1])
        contexts.append(ids)
    for k in range(table.order - 1, 0, -1):
        begins, grams = table.successors[k - 1]
        mass = np.concatenate([[0.0], np.cumsum(np.exp(table.log_probs[k][grams]))])
        open_ = np.flatnonzero((chosen < 0) & (contexts[k - 1] >= 0))
        low = begins[contexts[k - 1][open_]]
        high = begins[contexts[k - 1][open_] + 1]
        # a draw beyond the mass of the seen words backs off
        drawn = mass[low] + rng.random(len(open_))
        hit = drawn < mass[high]
        at = np.searchsorted(mass, drawn[hit], side="right") - 1
        chosen[open_[hit]] = table.last[k][grams[np.minimum(at, high[hit] - 1)]]
    rest = np.flatnonzero(chosen < 0)
    unigram = np.exp(table.log_probs[0])
    unigram[UNK_ID] = 0.0
    cumulative = np.cumsum(unigram)
    chosen[rest] = np.searchsorted(cumulative, rng.random(len(rest)) * cumulative[-1], side="right")
    return chosen


def write_sample(model: NGram, words: int, path: Path, seed: int) -> None:
    """Write about `words` words, sampled from the model, one sentence a line."""
    rng = np.random.default_rng(seed)
    table = model.table_
    surface = [*model.vocabulary_.words]
    written = 0
    with path.open("w", encoding="utf-8") as out:
        while written < words:
            state = np.full((STREAMS, table.order - 1), -1, np.int32)
            state[:, 0] = BOS_ID
            live = np.arange(STREAMS)
            sentences: list[list[str]] = [[] for _ in range(STREAMS)]
            for _ in range(MAX_SENTENCE):
                following = sample_words(table, state, rng)
                going = following != EOS_ID
                live, state, following = live[going], state[going], following[going]
                for stream, word in zip(live.tolist(), following.tolist(), strict=True):
                    sentences[stream].append(surface[word])
                state = np.concatenate([following[:, None], state[:, :-1]], axis=1)
            written += sum(map(len, sentences))
            out.writelines(" ".join(sentence) + "\n" for sentence in sentences if sentence)


def main() -> None:
    """Sample, fit, print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("texts", nargs="+", help="texts whose trigram model is sampled from")
    parser.add_argument("--words", type=float, default=28e6)
    parser.add_argument("--order", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        text, model = Path(folder, "sample.txt"), Path(folder, "model")
        write_sample(NGram(order=3).fit(Corpus.read_files(arguments.texts)), int(arguments.words), text, arguments.seed)
        command = [sys.executable, "-m", "nlmkit", "fit", "ngram", str(text), "-o", str(model)]
        command += ["-p", f"order={arguments.order}", "--json"]
        begin = time.perf_counter()
        result = subprocess.run(command, check=True, capture_output=True, text=True)
        seconds = time.perf_counter() - begin
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        fit = json.loads(result.stdout)["fit"]
        figures = {
            "events": fit["events"],
            "ngrams": fit["ngrams"],
            "total_ngrams": sum(fit["ngrams"]),
            "wall_seconds": round(seconds, 1),
            "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 1),
            "peak_memory_gb": round(usage.ru_maxrss / 1e6, 2),
            "model_gb": round(sum(file.stat().st_size for file in model.iterdir()) / 1e9, 2),
            "text_gb": round(text.stat().st_size / 1e9, 3),
        }
        print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
