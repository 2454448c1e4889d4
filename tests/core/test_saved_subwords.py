"""Models that read text by subwords: the tokenizer is saved inside them, and what is damaged is found."""

from __future__ import annotations

import copy
import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toys.taggers import ToyTagger

from nlmkit import NBSVM, Mixture, NGram, Vectors
from nlmkit.core.storage import load
from nlmkit.errors import HyperParameterError, NlmkitError, SavedModelError
from nlmkit.saving import load_folder
from nlmkit.text import Corpus, TextPipeline, Tokenization
from nlmkit.text.subwords import SubwordTokenizer
from nlmkit.text.tagged import TaggedSentences

pytest.importorskip("tokenizers", reason="the package tokenizers is not installed")

TEXT = ["the cat sat on the mat", "that cat, the other cat", "les mères"] * 3


def subword_model(name: str = "bpe:300", **values: Any) -> NGram:
    return NGram(order=2, smoothing="witten-bell", **values).fit(Corpus.read(TEXT, TextPipeline(tokenizer=name)))


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_a_saved_model_contains_its_subwords(kind: str, tmp_path: Path) -> None:
    model = subword_model(f"{kind}:300")
    model.save(tmp_path / "m")
    loaded = load((tmp_path / "m").rename(tmp_path / "moved"), NGram)
    assert loaded.digest == model.digest
    assert loaded.pipeline_ == model.pipeline_
    assert loaded.score(["the émeu"]) == model.score(["the émeu"])
    assert loaded.report(["the émeu \u3000"]).oov == 0
    assert isinstance(loaded.pipeline_.resolved_tokenizer, SubwordTokenizer)
    assert pickle.loads(pickle.dumps(model)).digest == model.digest
    text = model.pipeline_.detokenize(model.generate(seed=3))
    assert "▁" not in text


def test_every_token_is_in_the_vocabulary_unless_it_is_limited() -> None:
    model = subword_model()
    tokenizer = model.pipeline_.resolved_tokenizer
    assert isinstance(tokenizer, SubwordTokenizer)
    assert {*model.vocabulary_.words} == {"<unk>", "<s>", "</s>", *tokenizer.tokens}
    assert subword_model(vocabulary_size=9).vocabulary_.size_predictable == 9 + 2
    assert np.isclose(np.exp(model.next_log_probs(model.start())).sum(), 1)


def test_members_share_the_subwords_of_their_owner(tmp_path: Path) -> None:
    model = subword_model()
    mixture = Mixture(models=(model, subword_model(min_count=1))).fit(valid=TEXT)
    mixture.save(tmp_path / "m")
    names = [*load_folder(tmp_path / "m").arrays]
    assert [name for name in names if "tokenizer" in name] == ["tokenizer.json"]
    loaded = load(tmp_path / "m", Mixture)
    tokenizers = {id(each.pipeline_.resolved_tokenizer) for each in (loaded, *loaded.models_)}
    assert len(tokenizers) == 1
    assert loaded.score(["the cat"]) == mixture.score(["the cat"])


def test_the_folder_of_a_model_names_its_subwords(tmp_path: Path) -> None:
    subword_model().save(tmp_path / "m")
    tokenization = Tokenization(f"model:{tmp_path / 'm'}")
    assert tokenization == subword_model().tokenization_
    other = NGram(order=1).fit(Corpus.read(["the cat"], tokenization))
    assert other.vocabulary_.digest == subword_model().vocabulary_.digest


@pytest.mark.slow
def test_classifiers_keep_and_refit_their_subwords(tmp_path: Path) -> None:
    texts, labels = ["the cat", "the mat", "that cat", "a mat"] * 3, ["c", "m", "c", "m"] * 3
    model = NBSVM(tokenizer="bpe:300").fit(texts, labels)
    assert model.tokenizer == "bpe:300"
    assert model.pipeline_.tokenizer.startswith("bpe(")
    model.save(tmp_path / "m")
    other = NBSVM(tokenizer=f"model:{tmp_path / 'm'}").fit(texts[:6], labels[:6])
    assert other.pipeline_ == model.pipeline_
    assert other.tokenizer == model.pipeline_.tokenizer
    other.save(tmp_path / "other")
    (tmp_path / "m").rename(tmp_path / "gone")
    for again in (load(tmp_path / "other", NBSVM), copy.deepcopy(other), other.__sklearn_clone__()):
        assert again.fit(texts, labels).pipeline_ == model.pipeline_
    assert load(tmp_path / "other", NBSVM).predict(["cat"]).tolist() == other.predict(["cat"]).tolist()


def test_taggers_take_no_subwords() -> None:
    sentences = TaggedSentences([["a", "b"]], [["X", "Y"]], tokenizer="bpe:300")
    with pytest.raises(HyperParameterError, match="the tokenizer bpe:300: a tagger tags the tokens of its training"):
        ToyTagger().fit(sentences)


def test_no_model_has_an_untrained_tokenizer(tmp_path: Path) -> None:
    with pytest.raises(HyperParameterError, match="the tokenizer bpe is not trained yet"):
        Vectors.from_arrays(["a"], np.ones((1, 2), np.float32), pipeline=TextPipeline(tokenizer="bpe"))
    with pytest.raises(SavedModelError, match="the tokenizer bpe:300 is not trained"):
        TextPipeline.from_dict(TextPipeline(tokenizer="bpe:300").to_dict())


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff"])
def test_damaged_subwords(data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nlmkit.core.parts.subwords_as_array", lambda pipeline: np.frombuffer(data, np.uint8))
    subword_model().save(tmp_path / "m")
    with pytest.raises(SavedModelError, match=r"m: the tokenizer bpe\(.* is damaged"):
        load(tmp_path / "m")


def test_missing_subwords(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nlmkit.core.parts.is_trained", lambda name: False)
    subword_model().save(tmp_path / "m")
    with pytest.raises(SavedModelError, match=r"m: the tokenizer .bpe\(.* is missing"):
        load(tmp_path / "m")


def test_without_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = subword_model()
    model.save(tmp_path / "m")
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(NlmkitError, match=r"the tokenizer bpe needs tokenizers: pip install 'nlmkit\[subwords\]'"):
        Tokenization("bpe").trained(["a"])
    loaded = load(tmp_path / "m", NGram)
    with pytest.raises(NlmkitError, match=r"the tokenizer bpe\(.* needs tokenizers: pip install"):
        loaded.score(["the cat"])
