"""Models that are exported and imported again, saved and loaded again: the same comes back, or the export refuses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from fuzz.mutations import TOKENS
from fuzz.target import Target, check_scores, check_vectors

_PIECES = [
    *(token.decode("utf-8", "replace") for token in TOKENS if len(token) < 200),
    *("the", "cat", "The", "<UNK>", "<unk>", "\\end\\", "\u00a0", "\u3000", "\x1c", "\x85", "0.5", "3", "-1.5"),
]
_WORDS = st.lists(st.sampled_from(_PIECES), min_size=1, max_size=3).map("".join)
_TEXTS = st.lists(st.lists(_WORDS, max_size=5), min_size=1, max_size=5)


def again(model: Any, folder: Path) -> Any:
    """The model after it was saved and loaded."""
    from nlmkit import load

    model.save(folder / "saved")
    return load(folder / "saved")


def of_ngram(model: Any, folder: Path) -> None:
    """What was read from an ARPA file loads, and can be exported and read again, with the same probabilities."""
    from nlmkit import NGram
    from nlmkit.errors import ExportError

    check_scores(model)
    text = ["the horse eats bread", "nothing known 马"]
    values = model.log_probs(text)
    assert np.array_equal(again(model, folder).log_probs(text), values)
    try:
        model.export(folder / "again.arpa")
    except ExportError:  # a probability of zero
        return
    found = NGram.from_arpa(folder / "again.arpa")
    np.testing.assert_allclose(found.log_probs(text), values, rtol=1e-6, atol=1e-6)


def of_vectors(model: Any, folder: Path) -> None:
    """What was read from a file of vectors loads, and can be exported and read again, value for value."""
    from nlmkit import Vectors
    from nlmkit.errors import ExportError

    check_vectors(model)
    words = list(model.vocabulary_.words[3:])
    assert np.isfinite(np.asarray(model.matrix)).all()
    loaded = again(model, folder)
    assert np.array_equal(np.asarray(loaded.vectors(words)), np.asarray(model.vectors(words)))
    try:
        loaded.export(folder / "again.vec")
    except ExportError:  # a word with a space
        return
    found = Vectors.from_file(folder / "again.vec")
    assert list(found.vocabulary_.words[3:]) == words
    assert np.array_equal(np.asarray(found.vectors(words)), np.asarray(model.vectors(words)))


def targets() -> Iterator[Target]:
    """All of them."""
    from nlmkit import NGram, Vectors

    def ngram(given: tuple[list[list[str]], int, str, str, str], folder: Path) -> None:
        texts, order, smoothing, suffix, marks = given
        from nlmkit.text import Corpus, TextPipeline

        corpus = Corpus.read(texts, TextPipeline(marks=marks))  # type: ignore[arg-type]
        model = NGram(order=order, smoothing=smoothing).fit(corpus)
        assert np.array_equal(again(model, folder).log_probs(corpus), model.log_probs(corpus))
        model.export(folder / f"model.arpa{suffix}")
        found = NGram.from_arpa(folder / f"model.arpa{suffix}")
        assert set(found.vocabulary_.words) == set(model.vocabulary_.words)
        np.testing.assert_allclose(found.log_probs(corpus), model.log_probs(corpus), rtol=1e-6, atol=1e-6)
        check_scores(again(found, folder))

    kinds = st.tuples(
        _TEXTS,
        st.integers(1, 4),
        st.sampled_from(["kneser-ney", "witten-bell", "absolute", "add-k", "mle", "katz"]),
        st.sampled_from(["", ".gz"]),
        st.sampled_from(["error", "skip", "literal"]),
    )
    yield Target("ARPA round trip", kinds, ngram)

    def vectors(given: tuple[list[list[str]], str, str, list[float]], folder: Path) -> None:
        texts, form, suffix, values = given
        from nlmkit.text import Corpus, TextPipeline

        corpus = Corpus.read(texts, TextPipeline(marks="literal"))
        words = [word for word in corpus.types if word != "<unk>"]
        matrix = np.resize(np.array(values, np.float32), (len(words), 2))
        given_vectors = Vectors.from_arrays(words, matrix)
        name = folder / f"vectors{'.bin' if form.endswith('binary') else '.txt'}{suffix}"
        given_vectors.export(name, format=form)
        found = again(Vectors.from_file(name, format=form), folder)
        assert list(found.vocabulary_.words[3:]) == words
        np.testing.assert_array_equal(np.asarray(found.vectors(words)), np.asarray(given_vectors.vectors(words)))

    numbers = st.floats(width=32, allow_nan=False, allow_infinity=False)
    made = st.tuples(
        _TEXTS,
        st.sampled_from(["word2vec", "word2vec-binary", "glove"]),
        st.sampled_from(["", ".gz"]),
        st.lists(numbers, min_size=2, max_size=6),
    )
    yield Target("vectors round trip", made, vectors)
