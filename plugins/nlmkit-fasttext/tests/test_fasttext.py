"""Tests of the representation ``fasttext``: the contract, gensim's own figures, and words that training lacked."""

from pathlib import Path

import numpy as np
import pytest
from gensim.models.fasttext import FastText as GensimFastText
from gensim.models.fasttext import ft_ngram_hashes
from nlmkit import load
from nlmkit.plugin import (
    Corpus,
    DataError,
    HyperParameterError,
    RunOptions,
    SavedModelError,
    TextPipeline,
    Vocabulary,
    conformance,
    registered,
)
from nlmkit.testing import data

from nlmkit_fasttext.representation import FastText
from nlmkit_fasttext.subwords import buckets_of, fnv1a, ngrams

WORDS = ["the", "a", "neighbour", "don't", "船长", "cafe\u0301", "\U00020000", "x" * 40, "<s>", ""]


def tiny(**options: object) -> FastText:
    """One that is trained in a moment."""
    return FastText(**{**FastText.conformance_settings, **options})


test_contract = conformance(tiny(), tiny(architecture="cbow", shortest=2, longest=4))


@pytest.mark.parametrize(("shortest", "longest"), [(3, 6), (1, 1), (1, 3), (2, 2), (5, 9)])
def test_hashes_are_gensims(shortest: int, longest: int) -> None:
    """Of every n-gram, beyond ASCII too."""
    for word in WORDS:
        expected = ft_ngram_hashes(word, shortest, longest, 2_000_003)
        assert sorted(buckets_of(word, shortest, longest, 2_000_003)) == sorted(expected)


def test_known_hashes_and_ngrams() -> None:
    """FNV-1a's published value of "a", and the n-grams of the paper's example."""
    assert fnv1a("a") == 0xE40C292C
    assert list(ngrams("where", 3, 3)) == ["<wh", "whe", "her", "ere", "re>"]
    assert list(ngrams("ab", 1, 1)) == ["a", "b"]


def test_vectors_are_gensims() -> None:
    """Trained directly with the same settings: of the vocabulary, and of an unseen word whose n-grams are all known."""
    own = tiny().fit(data.train())
    settings = own.conformance_settings
    theirs = GensimFastText(
        vector_size=settings["dimension"], bucket=settings["buckets"], sg=1, sample=1e-4, seed=1, workers=1, min_count=1
    )
    counts: dict[str, int] = {}
    for word in (word for sentence in data.train() for word in sentence):
        counts[word] = counts.get(word, 0) + 1
    theirs.build_vocab_from_freq(counts, corpus_count=len(data.train()))
    theirs.train(data.train(), total_examples=len(data.train()), epochs=settings["epochs"])
    for word in counts:
        np.testing.assert_allclose(own.vectors([word])[0], theirs.wv[word], atol=1e-6)
    unseen = "sailo"
    known = [bucket for bucket in buckets_of(unseen, 3, 6, 500) if bucket in own.buckets_]
    expected = np.mean([theirs.wv.vectors_ngrams[bucket] for bucket in known], axis=0)
    np.testing.assert_allclose(own.vectors([unseen])[0], expected, atol=1e-6)


def test_a_word_of_known_parts_has_a_vector_and_one_of_unknown_parts_has_none() -> None:
    """Whoever asks: ``in``, ``vectors``, ``similarity``, ``align``."""
    fitted = tiny(buckets=2_000_000).fit(data.train())
    assert "sailors" in fitted
    assert "zyzzyva" not in fitted
    assert fitted.similarity("sailor", "sailors") > 0.5
    with pytest.raises(DataError, match="'zyzzyva' has no vector"):
        fitted.vectors(["zyzzyva"])
    aligned = fitted.align(Vocabulary(["sailors", "zyzzyva"]), oov="zero")
    assert aligned.known[3:].tolist() == [True, False]
    np.testing.assert_array_equal(aligned.matrix[3], fitted.vectors(["sailors"])[0])
    for special in ("<unk>", "<s>", "</s>", ""):
        assert special not in fitted


def test_an_unseen_word_is_spelt_as_the_pipeline_spells_it() -> None:
    """Capitals make no difference to a representation of lower-cased text."""
    fitted = tiny().fit(Corpus.read(["the old sailor sings", "the sailor"], TextPipeline(lowercase=True)))
    np.testing.assert_array_equal(fitted.vectors(["SAILORS"]), fitted.vectors(["sailors"]))


def test_only_trained_buckets_are_saved(tmp_path: Path) -> None:
    """However many there could be; unseen words have the same vectors after loading."""
    fitted = tiny(buckets=1_000_000).fit(data.train())
    assert len(fitted.ngrams_) == len(fitted.buckets_) < 1000
    with registered(FastText):
        fitted.save(tmp_path / "vectors")
        again = load(tmp_path / "vectors")
    np.testing.assert_array_equal(again.vectors(["sailors", "harbours"]), fitted.vectors(["sailors", "harbours"]))
    assert again.digest == fitted.digest


def test_damaged_arrays_are_refused() -> None:
    """Buckets out of order or range, n-grams of another number or without value."""
    fitted = tiny().fit(data.train())
    state = fitted.fitted_state()
    cases = {
        "buckets": [fitted.buckets_[::-1].copy(), fitted.buckets_ + 500, fitted.buckets_ - 500],
        "ngrams": [fitted.ngrams_[1:], fitted.ngrams_[:, 1:].copy(), np.full_like(fitted.ngrams_, np.nan)],
    }
    for name, arrays in cases.items():
        for array in arrays:
            fresh = tiny()
            fresh.vocabulary_, fresh.pipeline_ = fitted.vocabulary_, fitted.pipeline_
            with pytest.raises(SavedModelError):
                fresh.restore(type(state)({**state.arrays, name: array}, state.metadata))


def test_options_that_contradict_each_other_are_refused() -> None:
    """And run options that training does not have."""
    for options, run, message in (
        ({"shortest": 5, "longest": 4}, RunOptions(), "shortest=5 must not exceed longest=4"),
        ({"alpha": 0.01, "min_alpha": 0.02}, RunOptions(), "min_alpha=0.02 must not exceed alpha=0.01"),
        ({}, RunOptions(budget_seconds=3), "does not support a time budget"),
        ({}, RunOptions(checkpoint="folder"), "does not support checkpoints"),
        ({}, RunOptions(device="cuda"), "trains on the CPU"),
    ):
        with pytest.raises(HyperParameterError, match=message):
            tiny(**options).fit(data.train(), run=run)
    with pytest.raises(DataError, match="nothing to learn from"):
        tiny().fit([["alone"], ["single"]])


def test_a_vocabulary_file_goes_with_the_default_of_min_count(tmp_path: Path) -> None:
    """Which is 5; another is refused."""
    words = tmp_path / "words.txt"
    words.write_text("red\nwine\n", encoding="utf-8")
    options = {name: value for name, value in FastText.conformance_settings.items() if name != "min_count"}
    text = [["red", "wine", "beer"]] * 3
    assert FastText(**options, vocabulary_file=str(words)).fit(text).vocabulary_.words[3:] == ("red", "wine")
    with pytest.raises(HyperParameterError, match="drop min_count=2"):
        FastText(**options, vocabulary_file=str(words), min_count=2).fit(text)
