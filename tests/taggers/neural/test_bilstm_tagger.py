"""BiLSTM tagger: it learns, its results do not depend on batches, and its notes say what it read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from toys.representations import toy

from nlmkit import load
from nlmkit.errors import SavedModelError
from nlmkit.taggers.neural import scoring
from nlmkit.taggers.neural.bilstm_tagger import BiLSTMTagger
from nlmkit.text.tagged import TaggedSentences

SENTENCES = [["A", "dog", "barks"], ["The", "cat", "sleeps", "here"], ["Ann", "Lee", "sings"], ["It", "rains"]]
CHUNKS = [["B-NP", "I-NP", "B-VP"], ["B-NP", "I-NP", "B-VP", "O"], ["B-NP", "I-NP", "B-VP"], ["B-NP", "B-VP"]]

KINDS = [["a", "the"], ["dog", "cat", "lee", "wolf"], ["barks", "sleeps", "sings", "rains", "howls"]]

SMALL = {"embedding": 8, "character_maps": 6, "hidden": 8, "epochs": 25, "batch": 4, "lr": 0.03}


def fitted(**options: object) -> BiLSTMTagger:
    """A tagger of the chunks above."""
    return BiLSTMTagger(**{**SMALL, **options}).fit(SENTENCES * 4, CHUNKS * 4)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def tagger() -> BiLSTMTagger:
    return fitted()


@pytest.mark.slow
def test_it_learns_its_sentences_and_predicts_in_their_scheme(tagger: BiLSTMTagger) -> None:
    assert tagger.predict(SENTENCES) == CHUNKS
    assert tagger.score(SENTENCES, CHUNKS) == 1
    assert tagger.tags_ == ("B-NP", "E-NP", "S-VP", "O", "S-NP")


@pytest.mark.slow
@pytest.mark.parametrize("decoder", ["crf", "softmax"])
def test_marginals_do_not_depend_on_the_batch(decoder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tagger = fitted(decoder=decoder, epochs=3)
    data = tagger.encode([*SENTENCES, [], ["x"] * 30, ["Ann"]])
    together = tagger.marginals(data)
    monkeypatch.setattr(scoring, "WORDS", 1)
    monkeypatch.setattr(scoring.emissions_of, "__kwdefaults__", {**scoring.emissions_of.__kwdefaults__, "words": 1})
    alone = tagger.marginals(data)
    np.testing.assert_allclose(together, alone, atol=1e-5)
    np.testing.assert_allclose(together.sum(1), 1)


@pytest.mark.slow
def test_single_characters_get_bigrams_instead_of_characters() -> None:
    text = [list("abcab"), list("cab"), list("abc")] * 4
    tags = [list("BEBME"), list("BME"), list("BES")] * 4
    model = BiLSTMTagger(**SMALL).fit(text, tags)  # type: ignore[arg-type]
    report = model.fit_report_
    assert (report["characters"], report["bigrams"]) == ("none", len(model.tables_.pairs))
    assert list(report["parameters_by_part"]) == ["words", "bigrams", "recurrent layers", "output", "transitions"]
    assert model.predict(text[:3]) == tags[:3]


@pytest.mark.slow
def test_all_feature_columns_are_read() -> None:
    """The same word has a tag by its feature."""
    words, tags = [["x", "x", "x"]] * 8, [["N", "V", "N"], ["V", "V", "N"]] * 4
    data = TaggedSentences(words, tags, features=[tags, words])
    model = BiLSTMTagger(**{**SMALL, "shape": True}).fit(data)  # type: ignore[arg-type]
    assert model.predict(data) == tags
    assert {"feature 1", "feature 2", "shapes"} <= set(model.fit_report_["parameters_by_part"])


def test_what_is_unknown_and_never_read_in_training_is_zero() -> None:
    """Its vector would stay random."""
    data = TaggedSentences([["ab", "ba"]] * 2, [["X", "Y"]] * 2, features=[[["p", "q"]] * 2])
    weights = BiLSTMTagger(embedding=4, hidden=4, epochs=1, shape=True).fit(data).module_.state_dict()
    for name in ("columns.0", "columns.1", "characters"):
        assert not weights[f"{name}.vectors"][1].any()
        assert weights[f"{name}.vectors"][2].any()
    data = TaggedSentences([["ab", "bc"]] * 2, [["X", "Y"]] * 2)
    weights = BiLSTMTagger(embedding=4, hidden=4, epochs=1).fit(data).module_.state_dict()
    assert weights["characters.vectors"][1].any()


@pytest.mark.slow
def test_held_out_sentences_choose_the_weights() -> None:
    model = BiLSTMTagger(**SMALL).fit(SENTENCES * 4, CHUNKS * 4, valid=(SENTENCES, CHUNKS))  # type: ignore[arg-type]
    report = model.fit_report_
    assert report["validation_f1"] == max(entry["f1"] for entry in report["history"])
    assert report["held_out"] == {"sentences": 4, "chosen": "given"}
    assert report["weights"].startswith("best on held-out sentences")


@pytest.mark.slow
def test_saved_with_all_options(tmp_path: Path) -> None:
    """Two layers, characters by LSTM, shapes, bigrams, independent tags."""
    options = {
        "decoder": "softmax",
        "characters": "lstm",
        "shape": True,
        "bigrams": True,
        "layers": 2,
        "character_maps": 40,
    }
    model = fitted(**options, dropout_hidden=0.2, epochs=2)
    model.save(tmp_path / "tagger")
    again = load(tmp_path / "tagger")
    assert again.digest == model.digest
    for one, two in zip(again.predict_marginals(SENTENCES), model.predict_marginals(SENTENCES), strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.slow
def test_vectors_of_words_outside_the_training_text() -> None:
    """A word that only the representation knows is tagged like its neighbours."""
    vectors = toy({word: np.eye(4, dtype=np.float32)[kind] for kind, words in enumerate(KINDS) for word in words})
    model = BiLSTMTagger(
        representation=vectors,
        tune="frozen",
        characters="none",
        unknown_rate=0.0,
        hidden=8,
        epochs=25,
        batch=4,
        lr=0.03,
    ).fit(SENTENCES * 4, CHUNKS * 4)
    assert model.fit_report_["input"]["known_words"] == 9
    assert model.predict([["The", "wolf", "howls"]]) == [["B-NP", "I-NP", "B-VP"]]


def test_sentences_without_a_token_are_skipped() -> None:
    model = fitted(epochs=1)
    assert model.predict([[], ["Ann"]])[0] == []
    assert [len(each) for each in model.predict_marginals([[], ["Ann"], []])] == [0, 1, 0]


def test_a_saved_representation_without_fitting_vectors_is_refused() -> None:
    words = {word: np.ones(4, np.float32) for word in ("ab", "ba")}
    model = BiLSTMTagger(representation=toy(words), hidden=4, epochs=1).fit([["ab", "ba"]], [["X", "Y"]])
    wider = toy({word: np.ones(5, np.float32) for word in words})
    for given, problem in ((wider, "vectors of width 5, not 4"), ("folder", "its representation is missing")):
        other = BiLSTMTagger(representation=given, hidden=4, epochs=1)
        other.restore_text(model.vocabulary_, model.pipeline_)
        with pytest.raises(SavedModelError, match=problem):
            other.restore(model.fitted_state())
