"""Character n-grams of word2vec: gensim's FastText to the byte, and words that training lacked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gensim.models
import numpy as np
import pytest
from gensim.models.fasttext import ft_ngram_hashes

from nlmkit import DataError, HyperParameterError, SavedModelError, Word2Vec, load
from nlmkit.core.run import RunOptions
from nlmkit.representations.word2vec.subwords import Subwords, fnv1a, ngrams
from nlmkit.saving.state import FittedState
from nlmkit.testing import conformance, data
from nlmkit.text import Corpus, TextPipeline, Vocabulary
from nlmkit.training.records import read_log

WORDS = ["the", "a", "neighbour", "don't", "船长", "cafe\u0301", "\U00020000", "x" * 40, "<s>", ""]
TINY: dict[str, Any] = {"dimension": 8, "epochs": 2, "min_count": 1, "subwords": True, "buckets": 500}


def tiny(**options: Any) -> Word2Vec:
    return Word2Vec(**TINY | options)


test_contract = pytest.mark.slow(conformance(tiny(), tiny(architecture="cbow", min_n=2, max_n=4)))


def by_gensim(text: list[list[str]], **settings: Any) -> Any:
    options = {"vector_size": 8, "epochs": 2, "min_count": 1, "bucket": 500, "sg": 1, "sample": 1e-4, "workers": 1}
    return gensim.models.FastText(text, **options | {"seed": 1} | settings)


# ------------------------------------------------------------------------------------------------------ n-grams


@pytest.mark.parametrize(("min_n", "max_n"), [(3, 6), (1, 1), (1, 3), (2, 2), (5, 9)])
def test_hashes_are_those_of_gensim(min_n: int, max_n: int) -> None:
    """Beyond ASCII too."""
    for word in WORDS:
        found = [fnv1a(ngram) % 2_000_003 for ngram in ngrams(word, min_n, max_n)]
        assert sorted(found) == sorted(ft_ngram_hashes(word, min_n, max_n, 2_000_003))


def test_known_hashes_and_ngrams() -> None:
    """FNV-1a's published value of "a", and the n-grams of the paper's example."""
    assert fnv1a("a") == 0xE40C292C
    assert list(ngrams("where", 3, 3)) == ["<wh", "whe", "her", "ere", "re>"]
    assert list(ngrams("ab", 1, 1)) == ["a", "b"]


def test_a_word_has_the_mean_of_its_trained_ngrams() -> None:
    table = np.arange(20, dtype=np.float32).reshape(10, 2)
    places = {ngram: fnv1a(ngram) % 10 for ngram in ("<a", "ab", "b>")}
    subwords = Subwords.of(table, [np.array([places["<a"], places["ab"]], np.uint32)], min_n=2, max_n=2)
    assert subwords.trained.tolist() == sorted({places["<a"], places["ab"]})
    found = subwords.vector("ab")
    known = [places[ngram] for ngram in ("<a", "ab", "b>") if places[ngram] in subwords.trained]
    assert found is not None
    assert found.tolist() == table[known].mean(axis=0).tolist()
    assert subwords.vector("") is None or "<>" in list(ngrams("", 2, 2))
    empty = Subwords.of(table, [], min_n=2, max_n=2)
    assert empty.vector("ab") is None
    assert Subwords.of(table, [np.array([1], np.uint32)], min_n=9, max_n=9).vector("ab") is None


# ------------------------------------------------------------------------------------------------------ vectors


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({}, {}),
        ({"architecture": "cbow", "cbow_mean": False, "sample": 0.01}, {"sg": 0, "cbow_mean": 0, "sample": 0.01}),
        ({"objective": "hierarchical-softmax", "window": 2}, {"hs": 1, "negative": 0, "window": 2}),
        (
            {"min_n": 2, "max_n": 4, "seed": 5, "ns_exponent": 0.5},
            {"min_n": 2, "max_n": 4, "seed": 5, "ns_exponent": 0.5},
        ),
    ],
)
def test_vectors_are_those_of_gensim(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """Of the vocabulary, and of an unseen word by its n-grams that training had."""
    model, peer = tiny(**ours).fit(data.train()), by_gensim(data.train(), **theirs)
    assert model.vectors(peer.wv.index_to_key).tobytes() == peer.wv.vectors.tobytes()
    subwords = model.subwords_
    assert subwords is not None
    hashes = ft_ngram_hashes("sailo", model.min_n, model.max_n, 500)
    known = [hash_ for hash_ in hashes if hash_ in subwords.trained]
    expected = np.mean([peer.wv.vectors_ngrams[hash_] for hash_ in known], axis=0)
    np.testing.assert_allclose(model.vectors(["sailo"])[0], expected, atol=1e-6)


def test_a_word_of_known_parts_has_a_vector_and_one_of_unknown_parts_has_none() -> None:
    """Whoever asks: ``in``, ``vectors``, ``similarity``, ``most_similar``, ``align``."""
    fitted = tiny(buckets=100_000).fit(data.train())
    assert "sailors" in fitted
    assert "zyzzyva" not in fitted
    assert fitted.similarity("sailor", "sailors") > 0.5
    assert len(fitted.most_similar("sailors", 3)) == 3
    with pytest.raises(DataError, match="'zyzzyva' has no vector"):
        fitted.vectors(["zyzzyva"])
    aligned = fitted.align(Vocabulary(["sailors", "zyzzyva"]), oov="zero")
    assert aligned.known[3:].tolist() == [True, False]
    for special in ("<unk>", "<s>", "</s>", ""):
        assert special not in fitted
    assert "sailors" not in Word2Vec(dimension=2, epochs=1, min_count=1).fit(data.train())


def test_an_unseen_word_is_spelt_as_the_pipeline_spells_it() -> None:
    fitted = tiny().fit(Corpus.read(["the old sailor sings", "the sailor"], TextPipeline(lowercase=True)))
    np.testing.assert_array_equal(fitted.vectors(["SAILORS"]), fitted.vectors(["sailors"]))


def test_there_is_no_loss_to_report(tmp_path: Path) -> None:
    fitted = tiny().fit(data.train(), run=RunOptions(log=tmp_path / "log.jsonl"))
    assert fitted.fit_report_["losses"] is None
    assert [(record.epoch, dict(record.metrics)) for record in read_log(tmp_path / "log.jsonl")] == [(1, {}), (2, {})]
    assert all(words > 0 for words in fitted.fit_report_["trained_words"])


# ------------------------------------------------------------------------------------------------------- saving


def test_only_trained_buckets_are_saved(tmp_path: Path) -> None:
    fitted = tiny(buckets=100_000).fit(data.train())
    assert fitted.subwords_ is not None
    assert len(fitted.subwords_.vectors) == len(fitted.subwords_.trained) == fitted.fit_report_["ngram_buckets"] < 1000
    fitted.save(tmp_path / "vectors")
    again = load(tmp_path / "vectors")
    assert isinstance(again, Word2Vec)
    np.testing.assert_array_equal(again.vectors(["sailors", "harbours"]), fitted.vectors(["sailors", "harbours"]))
    assert again.digest == fitted.digest


def test_without_subwords_nothing_of_them_is_saved() -> None:
    plain = Word2Vec(dimension=2, epochs=1, min_count=1).fit(data.train())
    assert plain.subwords_ is None
    assert set(plain.fitted_state().arrays) == {"matrix"}
    assert not {"subwords", "min_n", "max_n", "buckets"} & plain.saved_params().keys()


def test_damaged_arrays_are_refused() -> None:
    fitted = tiny().fit(data.train())
    assert fitted.subwords_ is not None
    state, trained, vectors = fitted.fitted_state(), fitted.subwords_.trained, fitted.subwords_.vectors
    cases: dict[str, list[Any]] = {
        "buckets": [trained[::-1].copy(), trained + 500, trained - 500],
        "ngrams": [vectors[1:], vectors[:, 1:].copy(), np.full_like(vectors, np.nan)],
    }
    for name, arrays in cases.items():
        for array in arrays:
            fresh = tiny()
            fresh.vocabulary_, fresh.pipeline_ = fitted.vocabulary_, fitted.pipeline_
            with pytest.raises(SavedModelError):
                fresh.restore(FittedState({**state.arrays, name: array}, state.metadata))


def test_options_of_subwords_are_refused_without_them() -> None:
    for options, message in (
        ({"min_n": 5, "max_n": 4}, "min_n=5 must not exceed max_n=4"),
        ({"subwords": False, "buckets": 200_000, "min_n": 2}, "min_n=2 has no effect: it needs subwords=true"),
        ({"subwords": False}, "buckets=500 has no effect: it needs subwords=true"),
    ):
        with pytest.raises(HyperParameterError, match=message):
            tiny(**options).fit(data.train())
