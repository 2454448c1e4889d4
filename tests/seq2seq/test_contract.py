"""What ``SequenceToSequence`` itself does: forms of input, tokenizers of both sides, search, reports, saving."""

from __future__ import annotations

import copy
import json
import math
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toys.broken_sequence_to_sequence import ToyAligner
from toys.sequence_to_sequence import ToyDescriber, ToyTranslator

from nlmkit import NGram, RunOptions, load
from nlmkit.errors import DataError, HyperParameterError, NotFittedError, NotNormalizedError, SavedModelError
from nlmkit.seq2seq.pairs import Sources
from nlmkit.testing.registration import registered
from nlmkit.text import Corpus, Tokenization
from nlmkit.text.parallel import ParallelTexts

SOURCES = ["the cat", "the dog", "a cat", "a bird sings"]
TARGETS = ["le chat", "le chien", "un chat", "un oiseau chante"]


def translator(**options: Any) -> ToyTranslator:
    return ToyTranslator(**options).fit(SOURCES, TARGETS)


def again(model: Any, tmp_path: Path) -> Any:
    """The model after saving and loading."""
    with registered(type(model)):
        model.save(tmp_path / "model")
        return load(tmp_path / "model")


# ----------------------------------------------------------------------------------------------------------- fitting


def test_both_sides_have_their_own_words() -> None:
    model = translator()
    assert model.vocabulary_.words[3:] == ("le", "chat", "chien", "un", "oiseau", "chante")
    assert model.source_vocabulary_ is not None
    assert model.source_vocabulary_.words[3:] == ("the", "cat", "dog", "a", "bird", "sings")
    assert model.dimension_ is None
    assert (model.longest_target_, model.length_ratio_) == (3, 1.0)
    assert model.fit_report_ == {
        "pairs": 4,
        "target_tokens": 9,
        "source_tokens": 9,
        "source_vocabulary": 9,
        "target_vocabulary": 9,
        "notes": [],
    }
    assert repr(model) == "<ToyTranslator(): fitted, 9 words>"


def test_a_joint_vocabulary_has_the_words_of_both_with_their_counts() -> None:
    model = ToyTranslator(joint=True).fit(["a b", "c"], ["b", "b d"])
    assert model.vocabulary_.words[3:] == ("b", "d", "a", "c")
    assert model.vocabulary_.counts.tolist() == [0, 0, 2, 3, 1, 1, 1]
    assert model.source_vocabulary_ is model.vocabulary_


def test_limits_of_both_sides() -> None:
    model = translator(vocabulary_size=2, source_min_count=2)
    assert model.vocabulary_.words[3:] == ("le", "chat")
    assert model.source_vocabulary_ is not None
    assert model.source_vocabulary_.words[3:] == ("the", "cat", "a")
    assert model.unknown_rule == "trained"
    assert translator().unknown_rule == "uniform-share"
    with pytest.raises(DataError, match=r"sources: min_count=9 removes all words"):
        translator(source_min_count=9)
    with pytest.raises(HyperParameterError, match="source_min_count=2 has no effect: it needs joint=false"):
        translator(source_min_count=2, joint=True)


def test_tokenizers_of_both_sides() -> None:
    model = ToyTranslator(target_tokenizer="char").fit(["a b"], ["x y"])
    assert model.source_pipeline_ is not None
    assert (model.pipeline_.tokenizer, model.source_pipeline_.tokenizer) == ("char", "char")
    model = ToyTranslator(source_tokenizer="space", lowercase=True, unicode_form="NFC").fit(["A b."], ["X y."])
    assert model.source_pipeline_ is not None
    assert model.source_pipeline_.signature == "tok:space|lc:yes|nf:nfc"
    assert model.vocabulary_.words[3:] == ("x", "y", ".")
    with pytest.raises(HyperParameterError, match=r"joint=true needs one tokenizer for both sides"):
        translator(joint=True, source_tokenizer="char")


def test_validation_perplexity_is_of_the_held_out_targets() -> None:
    model = ToyTranslator().fit(SOURCES, TARGETS, valid=(["the bird"], ["le oiseau"]))
    wanted = model.perplexity(["the bird"], ["le oiseau"])
    assert model.fit_report_["validation_perplexity"] == wanted


def test_files_and_notes_come_through(tmp_path: Path) -> None:
    (tmp_path / "train.tsv").write_text("the cat\tle chat\n\nthe cat\tthe cat\n", encoding="utf-8")
    data = ParallelTexts.read(tmp_path / "train.tsv")
    model = ToyTranslator().fit(data, run=RunOptions(progress=None))
    assert model.fit_report_["notes"] == data.notes
    (tmp_path / "blank.tsv").write_text("a\tb\nc\t\u200b \n", encoding="utf-8")
    words = ParallelTexts(["a", "b"], ["x", "\u2028"])
    with pytest.raises(DataError, match=r"target 2 is empty|target 2 has no token"):
        ToyTranslator().fit(words)


def test_a_source_without_a_token_is_refused(tmp_path: Path) -> None:
    """Also where the tokenizer alone finds it blank; its line is named."""
    (tmp_path / "pairs.tsv").write_text("a\tx\n\u001c\u001d\ty\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"pairs.tsv, line 2"):
        ToyTranslator().fit(ParallelTexts.read(tmp_path / "pairs.tsv"))
    with pytest.raises(DataError, match=r"source 2"):
        translator().predict(["a", "\u001c"])


@pytest.mark.parametrize("given", [["a", "b"], ("ab", "cd"), {"a": "b"}, None])
def test_missing_targets_are_an_error(given: Any) -> None:
    with pytest.raises(DataError, match=r"targets are missing"):
        ToyTranslator().fit(given)


# ------------------------------------------------------------------------------------------------------------ search


def test_predictions_are_readable_text() -> None:
    model = ToyTranslator().fit(["a , b"], ["Hello , you"])
    assert model.predict(["a , b"]) == ["Hello, you"]


def test_n_best_says_what_search_found() -> None:
    first, second = translator().n_best(["the cat"], 2)[0]
    assert (first.text, first.tokens, first.finished) == ("le chat", ("le", "chat"), True)
    assert first.source_tokens == ("the", "cat")
    assert first.attention is None
    assert first.score > second.score
    assert first.log_prob == pytest.approx(translator().log_probs(["the cat"], ["le chat"]).sum())
    assert len(repr(first)) < 300


@pytest.mark.parametrize("n", [0, 1.5, True, None])
def test_n_is_a_positive_integer(n: Any) -> None:
    with pytest.raises(HyperParameterError, match="n must be a positive integer"):
        translator().n_best(["the cat"], n)


def test_more_are_kept_than_are_wanted() -> None:
    assert len(translator().n_best(["the cat"], 9)[0]) == 9
    with pytest.raises(HyperParameterError, match="n_best must be at most beam"):
        translator().n_best(["the cat"], 9, beam=2)


def test_unknown_options_have_a_suggestion() -> None:
    with pytest.raises(HyperParameterError, match=r"search has no option 'max_lenght'.*max_length"):
        translator().predict(["the cat"], max_lenght=3)


def test_many_sources_are_searched_in_batches() -> None:
    sources = [" ".join(["the"] * (1 + number % 90)) for number in range(150)]
    model = translator()
    found = model.predict(sources, max_length=2)
    assert len(found) == 150
    assert found[:90] == [model.predict([source], max_length=2)[0] for source in sources[:90]]


def test_lengths_are_limited_by_those_of_training() -> None:
    """A model that never ends a target stops at twice the usual length and 10 words."""

    class Endless(ToyTranslator):
        def next_log_probs(self, state: Any) -> Any:
            values = super().next_log_probs(state)
            values[2] = -30
            return values - np.log(np.exp(values).sum())

    model = Endless().fit(["a"], ["x y z"])
    (found,) = model.n_best(["a b"], 1)[0]
    assert len(found.tokens) == 2 * 3 * 2 + 10
    (found,) = model.n_best([" ".join(["a"] * 20_000)], 1)[0]
    assert len(found.tokens) == 4 * 3 + 10

    assert len(translator().n_best(["the cat"], 1, max_length=1)[0][0].tokens) == 1


def test_vectors_have_a_limit_too() -> None:
    model = ToyDescriber().fit(np.eye(2, dtype=np.float32), ["one", "two words"])
    assert model.predict(np.eye(2)) == ["one", "two words"]
    assert model.longest_target_ == 2
    report = model.report(np.eye(2), ["one", "two words"], resamples=0)
    assert report.search == "beam:5|norm:gnmt|alpha:0.6|max:14|ratio:2"


def test_a_language_model_changes_the_order() -> None:
    """Of two equally probable targets, the language model's wins; its vocabulary lacks a word."""
    model = ToyTranslator().fit(["a", "a"], ["x", "y"])
    texts = Corpus.read(iter(["y"] * 20), model.pipeline_)
    language_model = NGram(order=1).fit(texts)
    assert model.predict(["a"]) == ["x"]
    assert model.predict(["a"], language_model=language_model, lm_weight=0.5) == ["y"]
    report = model.report(["a"], ["y"], language_model=language_model, lm_weight=0.5, resamples=0)
    assert f"lm:ngram:{language_model.digest}|weight:0.5" in report.search
    with pytest.raises(HyperParameterError, match=r"lm_weight=0.5 has no effect: it needs language_model"):
        model.predict(["a"], lm_weight=0.5)
    with pytest.raises(HyperParameterError, match=r"language_model has no effect: it needs lm_weight above 0"):
        model.predict(["a"], language_model=language_model)
    other = NGram(order=1).fit(Corpus.read(iter(["y"] * 20), Tokenization("char")))
    with pytest.raises(DataError, match=r"tok:char"):
        model.predict(["a"], language_model=other, lm_weight=0.5)


def test_unknown_words_are_replaced_by_what_has_attention() -> None:
    model = ToyAligner(min_count=2).fit(["the cat", "the dog", "the cow"], ["le chat", "le chien", "le veau"])
    assert "<unk>" not in model.predict(["the emu"])[0]
    assert model.predict(["the emu"], allow_unk=True) == ["le <unk>"]
    assert model.predict(["the emu"], replace_unknown=True) == ["le emu"]
    report = model.report(["the emu"], ["le emu"], replace_unknown=True, resamples=0)
    assert report.search.endswith("|unk:replaced")
    assert (report.unknown, report.exact_match) == (0, 1)
    assert model.report(["the emu"], ["le"], allow_unk=True, resamples=0).unknown == 1


def test_generation_continues_a_prompt() -> None:
    model = translator()
    assert model.generate("the cat", temperature=0) == ["le", "chat"]
    assert model.generate("the cat", temperature=0, prompt="un") == ["chat"]
    with pytest.raises(DataError, match="one text"):
        model.predict("the cat")


# ----------------------------------------------------------------------------------------------------------- judging


def test_log_probs_and_perplexity_by_hand() -> None:
    """With 1 added to counts: x 2 and y 1 of 6 of ``a``; behind it, 2 times ``</s>`` and 1 of 5 others each."""
    model = ToyTranslator(alpha=1).fit(["a", "a"], ["x", "y"])
    found = model.log_probs(["a"], ["x"])
    assert np.exp(found) == pytest.approx([2 / 6, 3 / 6])
    assert model.score(["a"], ["x"]) == pytest.approx(math.log(1 / 6) / 2)
    assert model.perplexity(["a"], ["x"]) == pytest.approx(math.sqrt(6))


def test_the_signature_names_the_sources() -> None:
    model = translator()
    report = model.perplexity_report(["the cat", "a emu"], ["le chat", "un émeu"])
    assert report.labels == {"src": report.labels["src"], "src-tok": "word", "src-V": "8", "src-oov": "1"}
    assert report.oov == 1
    assert report.bits_per_character is not None
    other = model.perplexity_report(["a emu", "the cat"], ["le chat", "un émeu"])
    assert report.labels["src"] != other.labels["src"]
    of_vectors = ToyDescriber().fit(np.eye(2), ["a", "b"]).perplexity_report(np.eye(2), ["a", "b"])
    assert of_vectors.labels["src-dim"] == "2"


def test_scores_that_are_no_probabilities_have_no_perplexity() -> None:
    class Scorer(ToyTranslator):
        @property
        def normalized(self) -> bool:
            return False

    model = Scorer().fit(SOURCES, TARGETS, valid=(SOURCES, TARGETS))
    assert "validation_perplexity" not in model.fit_report_
    with pytest.raises(NotNormalizedError, match="use score"):
        model.perplexity(SOURCES, TARGETS)


def test_a_report_renders_and_is_strict_json() -> None:
    model = translator()
    report = model.report(SOURCES, TARGETS, resamples=20, max_length=30)
    text = str(report)
    assert text.startswith("BLEU")
    for part in (report.figures.bleu_signature, report.signature, "exact match", "beam:5|norm:gnmt|alpha:0.6|max:30"):
        assert part in text
    values = json.loads(json.dumps(report.to_dict("m"), allow_nan=False))
    assert next(iter(values)) == "model"
    for name in ("bleu", "chrf", "length_ratio", "perplexity"):
        assert values[name] == getattr(report, name)
    assert values["signature"] == report.signature
    assert report.score == pytest.approx(model.score(SOURCES, TARGETS))
    assert "predictions" not in values


def test_an_undefined_ratio_has_a_reason() -> None:
    model = translator()
    report = model.report(["the cat"], [" "], resamples=0)
    values = report.to_dict()
    assert values["length_ratio"] is None
    assert values["reasons"] == {"length_ratio": "the references have no token"}
    assert "undefined" in report.render()


def test_targets_of_one_source_are_references() -> None:
    model = translator()
    report = model.report(["the cat", "the dog", "the cat"], ["x y", "le chien", "le chat"], resamples=0)
    assert (report.pairs, report.sources, report.references) == (3, 2, 2)
    assert report.exact_match == 1
    assert "up to 2 references" in report.render()
    assert report.perplexity_report.sentences == 3


# ------------------------------------------------------------------------------------------------- saving and copies


def test_the_source_side_is_saved(tmp_path: Path) -> None:
    model = translator(source_tokenizer="space", source_min_count=2)
    loaded = again(model, tmp_path)
    assert loaded.source_vocabulary_ == model.source_vocabulary_
    assert loaded.source_vocabulary_.counts.tolist() == model.source_vocabulary_.counts.tolist()  # type: ignore[union-attr]
    assert loaded.source_pipeline_ == model.source_pipeline_
    assert loaded.digest == model.digest
    assert loaded.predict(SOURCES) == model.predict(SOURCES)


@pytest.mark.parametrize("joint", [True, False])
@pytest.mark.parametrize("kind", ["bpe:290", "unigram:290"])
def test_trained_tokenizers_are_saved(tmp_path: Path, joint: bool, kind: str) -> None:
    pytest.importorskip("tokenizers", reason="subwords are learned by tokenizers")
    model = ToyTranslator(target_tokenizer=kind, joint=joint).fit(SOURCES, TARGETS)
    source, target = model.source_pipeline_, model.pipeline_
    assert source is not None
    assert (source.tokenizer == target.tokenizer) is joint
    for text, pipeline in (*((text, source) for text in SOURCES), *((text, target) for text in TARGETS)):
        assert pipeline.detokenize(pipeline.tokenize(text)) == text
    loaded = again(model, tmp_path)
    assert loaded.source_pipeline_ == source
    assert loaded.predict(SOURCES) == model.predict(SOURCES)
    assert loaded.log_probs(SOURCES, TARGETS).tolist() == model.log_probs(SOURCES, TARGETS).tolist()
    copied = pickle.loads(pickle.dumps(model))
    assert copied.predict(SOURCES) == model.predict(SOURCES)


def test_a_tokenizer_of_a_folder_is_taken(tmp_path: Path) -> None:
    """Trained for a language model, it is inside the model, which loads when the folder is gone."""
    pytest.importorskip("tokenizers", reason="subwords are learned by tokenizers")
    language_model = NGram(order=2).fit(Corpus.read(iter(TARGETS * 3), Tokenization("bpe:280")))
    language_model.save(tmp_path / "lm")
    model = ToyTranslator(target_tokenizer=f"model:{tmp_path / 'lm'}", source_tokenizer="word").fit(SOURCES, TARGETS)
    assert model.pipeline_.tokenizer == language_model.pipeline_.tokenizer
    assert model.predict(SOURCES[:1], language_model=language_model, lm_weight=0.1)
    with registered(ToyTranslator):
        model.save(tmp_path / "model")
        (tmp_path / "lm").rename(tmp_path / "gone")
        assert load(tmp_path / "model", ToyTranslator).predict(SOURCES) == model.predict(SOURCES)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("fit_report", None),
        ("dimension", 3),
        ("longest_target", 0),
        ("longest_target", True),
        ("length_ratio", None),
        ("length_ratio", -1.0),
        ("source_pipeline", None),
    ],
)
def test_damaged_metadata_are_refused(name: str, value: Any) -> None:
    model = translator()
    state = model.fitted_state()
    wrong = copy.copy(state)
    object.__setattr__(wrong, "metadata", {**state.metadata, name: value})
    with pytest.raises(SavedModelError):
        translator().restore(wrong)


@pytest.mark.parametrize(("name", "value"), [("dimension", None), ("dimension", 0), ("length_ratio", 1.0)])
def test_damaged_metadata_of_vectors_are_refused(name: str, value: Any) -> None:
    model = ToyDescriber().fit(np.eye(2), ["a", "b"])
    state = model.fitted_state()
    object.__setattr__(state, "metadata", {**state.metadata, name: value})
    with pytest.raises(SavedModelError):
        model.restore(state)


@pytest.mark.parametrize("name", ["source.words", "source.counts"])
def test_damaged_source_vocabularies_are_refused(name: str) -> None:
    model = translator()
    state = model.fitted_state()
    object.__setattr__(state, "arrays", {**state.arrays, name: state.arrays[name][:-1]})
    with pytest.raises(SavedModelError):
        model.restore(state)


def test_copies_and_threads() -> None:
    model = translator()
    wanted = model.predict(SOURCES)
    for made in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert made.predict(SOURCES) == wanted
        assert made.digest == model.digest
    with ThreadPoolExecutor(4) as pool:
        assert all(found == wanted for found in pool.map(lambda _: model.predict(SOURCES), range(8)))


@pytest.mark.slow
def test_scikit_learn_knows_what_it_takes() -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is asked")
    from sklearn.utils import get_tags

    assert get_tags(ToyTranslator()).input_tags.string
    assert get_tags(ToyDescriber()).input_tags.two_d_array
    assert ToyTranslator().__sklearn_is_fitted__() is False
    assert translator().__sklearn_is_fitted__() is True


def test_unfitted_use_is_refused() -> None:
    for use in (
        lambda: ToyTranslator().predict(["a"]),
        lambda: ToyTranslator().report(["a"], ["b"]),
        lambda: ToyDescriber().conditions(np.eye(2)),
    ):
        with pytest.raises(NotFittedError):
            use()


# ------------------------------------------------------------------------------------------------------------- pairs


def test_pairs_are_ids_on_both_sides() -> None:
    pairs = translator().encode_pairs(["the emu sings", "a"], ["le chat", "un"])
    assert [each.tolist() for each in pairs.conditions()] == [[3, 0, 8], [6]]
    assert [each.tolist() for each in pairs.events()] == [[3, 4, 2], [6, 2]]
    assert pairs.sources.lengths.tolist() == [3, 1]
    assert pairs.sources.tokens(0) == ["the", "emu", "sings"]
    assert len(pairs) == len(pairs.sources) == 2
    assert pairs.digest != translator().encode_pairs(["the emu sings", "a"], ["le chat", "le"]).digest


def test_vectors_are_conditions() -> None:
    sources = Sources(vectors=np.arange(6, dtype=np.float32).reshape(3, 2))
    assert [each.tolist() for each in sources.conditions()] == [[0, 1], [2, 3], [4, 5]]
    assert sources.lengths.tolist() == [1, 1, 1]
    assert sources.tokens(0) == []
    assert sources.digest != Sources(vectors=np.zeros((3, 2), np.float32)).digest


def test_a_corpus_of_sources_is_taken() -> None:
    model = translator()
    corpus = Corpus.read(iter(["the cat", "a dog"]), model.source_pipeline_)
    assert model.predict(corpus) == model.predict(["the cat", "a dog"])
    assert ToyDescriber().fit(np.eye(2), ["a", "b"]).vocabulary_.words[3:] == ("a", "b")
    with pytest.raises(DataError, match="takes vectors"):
        ToyDescriber().fit(np.eye(2), ["a", "b"]).predict(corpus)
    with pytest.raises(DataError, match="has no token"):
        model.predict(Corpus.read(iter(["the cat", ""]), model.source_pipeline_))
