"""Estimates in threads and by machine code, against those of NumPy in one thread: equal to the last bit."""

import numpy as np
import pytest
from numpy.typing import NDArray

from nlmkit import NGram, RunOptions
from nlmkit.language_models.ngram import estimates
from nlmkit.language_models.ngram.counting import NGramCounts, count_ngrams
from nlmkit.language_models.ngram.pruning import count_keep
from nlmkit.text.vocabulary import EOS_ID

WORDS = 60


@pytest.fixture(scope="module")
def events() -> NDArray[np.int32]:
    generator = np.random.default_rng(7)
    words = (generator.zipf(1.4, 4000) % WORDS + 3).astype(np.int32)
    words[generator.random(len(words)) < 0.1] = EOS_ID
    words[-1] = EOS_ID
    return words


@pytest.fixture(scope="module")
def counts(events: NDArray[np.int32]) -> NGramCounts:
    return count_ngrams(events, 4, WORDS + 3)


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("prune", [None, (0, 1, 2)])
@pytest.mark.parametrize("as_python", [False, True])
def test_machine_code_adds_up_the_same(
    counts: NGramCounts,
    prune: tuple[int, ...] | None,
    workers: int,
    as_python: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from nlmkit.language_models.ngram import counting_kernels

    keep = count_keep(counts, prune)
    discounts = np.array([0.0, 0.61, 1.03, 1.37])
    for k, level in enumerate(counts.levels[1:], 2):
        monkeypatch.setattr(estimates, "COMPILED_NGRAMS", 1 << 40)
        expected = estimates.subtract(counts, k, level.adjusted, discounts, keep)
        monkeypatch.setattr(estimates, "COMPILED_NGRAMS", 0)
        if as_python:
            monkeypatch.setattr(
                counting_kernels, "_add", getattr(counting_kernels._add, "py_func", counting_kernels._add)
            )
        found = estimates.subtract(counts, k, level.adjusted, discounts, keep, workers=workers)
        np.testing.assert_array_equal(found.gamma, expected.gamma)
        np.testing.assert_array_equal(found.total, expected.total)
        np.testing.assert_array_equal(found.share(slice(1, 9)), expected.share(slice(1, 9)))


@pytest.mark.parametrize(
    "smoothing", ["modified-kneser-ney", "kneser-ney", "absolute", "witten-bell", "jelinek-mercer", "katz"]
)
@pytest.mark.parametrize("compiled", [False, True])
def test_threads_and_blocks_estimate_the_same(
    smoothing: str, compiled: bool, events: NDArray[np.int32], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = [[f"w{word}" for word in part[:-1]] for part in np.split(events, np.flatnonzero(events == EOS_ID) + 1)[:-1]]
    model = NGram(order=4, smoothing=smoothing, prune=(0, 0, 1))
    digest = model.fit(text, valid=text[:20]).digest
    monkeypatch.setattr(estimates, "_BLOCK", 100)
    monkeypatch.setattr(estimates, "COMPILED_NGRAMS", 0 if compiled else 1 << 40)
    again = NGram(order=4, smoothing=smoothing, prune=(0, 0, 1))
    assert again.fit(text, valid=text[:20], run=RunOptions(workers=3, progress=None)).digest == digest
