"""Bytes per n-gram, load time and queries per second of each form of an n-gram model, beside KenLM's Python module.

Every row is of one model fitted to TRAIN. `log_probs` scores TEST, repeated to at least --events events, by NumPy and
by machine code with one and two threads, after the text was encoded; `log_prob` is one call per word,
`sentence_log_prob` one per sentence. KenLM's rows (`score` and `full_scores`, one call per sentence of joined words)
read the model's ARPA file, or the binary file of --kenlm-binary. Times are wall-clock, the best of --repeat.

    python benchmarks/ngram_queries.py TRAIN TEST --order 5
    python benchmarks/ngram_queries.py TRAIN TEST --kenlm-binary trie.bin --kenlm-binary probing.bin
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from nlmkit import NGram, load
from nlmkit.language_models.ngram import scoring

FORMS = ("float64", "float32", "packed", "q12", "q8", "q6", "q4")


def best(work: Callable[[], object], repeat: int) -> float:
    """Least seconds of several runs."""
    times = []
    for _ in range(repeat):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return min(times)


def stepped(model: NGram, ids: list[int]) -> None:
    """Score a text word by word."""
    state = model.start()
    for word_id in ids:
        _, state = model.log_prob(state, word_id)


def row(folder: Path, test: str, events: int, repeat: int) -> list[str]:
    """Figures of one saved form."""
    load_time = best(lambda: load(folder), repeat)
    model = load(folder)
    assert isinstance(model, NGram)
    table = model.table_
    corpus = model.encode(test)
    once = corpus.event_ids(model.vocabulary_)
    ids = np.tile(once, -(-events // len(once)))
    sentences = [line.split() for line in Path(test).read_text(encoding="utf-8").splitlines()]
    size = sum(array.nbytes for array in table.arrays().values())
    scoring.score_by_kernels(table, once)  # compile
    rates = []
    for threads, least in ((1, len(ids) + 1), (1, 0), (2, 0)):
        scoring.COMPILED_EVENTS = scoring._ONCE_STARTED = least  # type: ignore[misc]
        took = best(lambda threads=threads: table.score(ids, threads), repeat)  # type: ignore[misc]
        rates.append(len(ids) / took / 1e6)
    steps = best(lambda: stepped(model, once.tolist()), repeat) / len(once) * 1e6
    whole = best(lambda: [model.sentence_log_prob(words) for words in sentences], repeat) / len(once) * 1e6
    return [
        f"{size / sum(table.sizes):.2f}",
        f"{load_time:.2f}",
        f"{model.perplexity(test):.4f}",
        f"{model.fit_report_.get('sum_gap', 0.0):.1g}",
        *(f"{rate:.2f}" for rate in rates),
        f"{steps:.1f}",
        f"{whole:.1f}",
    ]


def kenlm_row(file: str, test: str, repeat: int) -> list[str]:
    """Queries per second of KenLM's module."""
    import kenlm

    model = kenlm.Model(file)
    lines = Path(test).read_text(encoding="utf-8").splitlines()
    events = sum(len(line.split()) + 1 for line in lines)
    score = best(lambda: [model.score(line) for line in lines], repeat)
    full = best(lambda: [list(model.full_scores(line)) for line in lines], repeat)
    return [f"score {events / score / 1e6:.2f} M/s", f"full_scores {events / full / 1e6:.2f} M/s"]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train")
    parser.add_argument("test")
    parser.add_argument("--order", type=int, default=5)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--forms", nargs="*", default=FORMS)
    parser.add_argument("--kenlm-binary", action="append", default=[])
    options = parser.parse_args()
    exact = NGram(order=options.order).fit(options.train)
    columns = "form bytes/n-gram load_s perplexity sum_gap numpy_M/s kernel_M/s two_threads_M/s log_prob_us sentence_us"
    print(columns.replace(" ", "\t"))
    with tempfile.TemporaryDirectory() as temporary:
        for form in options.forms:
            folder = Path(temporary) / form
            exact.converted(form).save(folder)
            print(form, *row(folder, options.test, options.events, options.repeat), sep="\t", flush=True)
        try:
            import kenlm  # noqa: F401
        except ImportError:
            return
        exact.export(Path(temporary) / "model.arpa")
        for file in (str(Path(temporary) / "model.arpa"), *options.kenlm_binary):
            print(f"KenLM {Path(file).name}", *kenlm_row(file, options.test, options.repeat), sep="\t", flush=True)


if __name__ == "__main__":
    main()
