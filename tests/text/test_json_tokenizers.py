"""Tokenizers of JSON files of the library ``tokenizers``: byte-identical tokens, saved within models."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlmkit import NBSVM, NGram, load
from nlmkit.errors import DataError, HyperParameterError, NlmkitError, SavedModelError
from nlmkit.testing import run_checks
from nlmkit.text import Corpus, TextPipeline, Tokenization
from nlmkit.text.subwords import JsonTokenizer, SubwordTokenizer

library: Any = pytest.importorskip("tokenizers", reason="the package tokenizers is not installed")

LINES = ["The cat sat on the mat.", "That cat, the other cat!", "Les mères, naïve", "数学 is fun 🙂"] * 3


def byte_level() -> Any:
    made = library.Tokenizer(library.models.BPE())
    made.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=True)
    made.decoder = library.decoders.ByteLevel()
    made.post_processor = library.processors.ByteLevel(trim_offsets=True)
    alphabet = library.pre_tokenizers.ByteLevel.alphabet()
    trainer = library.trainers.BpeTrainer(
        vocab_size=320, special_tokens=["<s>", "</s>", "<unk>"], initial_alphabet=alphabet, show_progress=False
    )
    made.train_from_iterator(LINES, trainer)
    return made


def word_piece() -> Any:
    made = library.Tokenizer(library.models.WordPiece(unk_token="[UNK]"))
    made.normalizer = library.normalizers.BertNormalizer()
    made.pre_tokenizer = library.pre_tokenizers.BertPreTokenizer()
    made.decoder = library.decoders.WordPiece()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = library.trainers.WordPieceTrainer(vocab_size=90, special_tokens=special, show_progress=False)
    made.train_from_iterator(LINES, trainer)
    made.post_processor = library.processors.TemplateProcessing(
        "[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    made.enable_truncation(4)
    made.enable_padding(length=9)
    return made


def unigram() -> Any:
    made = library.Tokenizer(library.models.Unigram())
    made.pre_tokenizer = library.pre_tokenizers.Metaspace()
    made.decoder = library.decoders.Metaspace()
    trainer = library.trainers.UnigramTrainer(
        vocab_size=60, special_tokens=["<unk>"], unk_token="<unk>", show_progress=False
    )
    made.train_from_iterator(LINES, trainer)
    return made


MADE: dict[str, Any] = {"bpe": byte_level(), "wordpiece": word_piece(), "unigram": unigram()}


@pytest.fixture(params=MADE)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def file(kind: str, tmp_path: Path) -> Path:
    MADE[kind].save(str(tmp_path / "tokenizer.json"))
    return tmp_path / "tokenizer.json"


def expected(kind: str, line: str) -> list[str]:
    made = library.Tokenizer.from_str(MADE[kind].to_str())
    made.no_truncation()
    made.no_padding()
    # of an unknown character the id is that of the unknown token, whatever `tokens` shows
    return [made.id_to_token(id_) for id_ in made.encode(line, add_special_tokens=False).ids]


@settings(max_examples=20, deadline=None)
@given(st.text(st.characters(exclude_characters="\n\r<[", exclude_categories=("Cs",))))
@pytest.mark.parametrize("name", MADE)
def test_tokens_are_those_of_the_library(name: str, line: str) -> None:
    tokenizer = TOKENIZERS[name].resolved_tokenizer
    assert tokenizer.tokenize(line) == expected(name, line)


TOKENIZERS = {name: Tokenization(made) for name, made in MADE.items()}


def test_a_model_is_saved_with_the_tokenizer(kind: str, file: Path, tmp_path: Path) -> None:
    pipeline = TextPipeline(tokenizer=str(file))
    assert pipeline == TextPipeline(tokenizer=MADE[kind])
    corpus = Corpus.read(LINES, pipeline)
    assert [*corpus.sentence(0)] == expected(kind, LINES[0])
    model = NGram(order=2, smoothing="witten-bell").fit(corpus)
    model.save(tmp_path / "m")
    digest, score = model.digest, model.score(["the mat"])
    file.unlink()
    loaded = load(tmp_path / "m", NGram)
    assert loaded.digest == digest
    assert loaded.score(["the mat"]) == score
    assert loaded.report(["the mat"]).bits_per_byte is not None
    assert TextPipeline(tokenizer=f"model:{tmp_path / 'm'}") == pipeline
    assert np.isclose(np.exp(loaded.next_log_probs(loaded.start())).sum(), 1)
    assert {"<s>", "</s>", "<unk>"} & {*loaded.vocabulary_.words[3:]} == set()
    for again in (copy.deepcopy(pipeline.resolved_tokenizer), pickle.loads(pickle.dumps(pipeline.resolved_tokenizer))):
        assert isinstance(again, JsonTokenizer)
        assert again.name == pipeline.tokenizer
        assert again.tokenize(LINES[1]) == expected(kind, LINES[1])


def test_a_classifier_takes_it_as_a_hyper_parameter(file: Path, tmp_path: Path) -> None:
    model = NBSVM(tokenizer=str(file), calibration=0).fit(LINES[:2] * 2, ["a", "b"] * 2)
    model.save(tmp_path / "m")
    assert load(tmp_path / "m").digest == model.digest


def test_tokens_are_joined_by_the_librarys_decoder() -> None:
    bpe = TOKENIZERS["bpe"].resolved_tokenizer
    assert bpe.detokenize(bpe.tokenize("The naïve cat 🙂")).strip() == "The naïve cat 🙂"
    piece = TOKENIZERS["wordpiece"].resolved_tokenizer
    assert piece.detokenize(piece.tokenize("the cat")) == "the cat"
    assert piece.detokenize(["the", "nosuchtoken", "cat"]) == "the nosuchtoken cat"
    assert piece.detokenize([]) == ""


def test_a_text_that_spells_a_special_token_does_not_mean_it() -> None:
    bpe = TOKENIZERS["bpe"].resolved_tokenizer
    assert "</s>" not in bpe.tokenize("a </s> b")
    assert bpe.detokenize(bpe.tokenize("a </s> b")).strip() == "a </s> b"


def test_line_ends_and_sentence_marks() -> None:
    bpe: Any = TOKENIZERS["bpe"].resolved_tokenizer
    _, lengths = bpe.ids_of("the cat\r\n\nthe\n")
    assert lengths.tolist()[1] == 0
    assert bpe.tokenize("the cat\r") == bpe.tokenize("the cat")
    words = library.Tokenizer(library.models.WordLevel({"a": 0, "<s>": 1, "<unk>": 5}, unk_token="<unk>"))
    words.pre_tokenizer = library.pre_tokenizers.WhitespaceSplit()
    tokenizer = Tokenization(words).resolved_tokenizer
    assert tokenizer.tokenize("a b") == ["a", "<unk>"]
    with pytest.raises(DataError, match="gives the token '<s>', which no text may have"):
        tokenizer.tokenize("a <s>")
    with pytest.raises(DataError, match="lone surrogate"):
        tokenizer.tokenize("\ud800")


def test_ids_can_be_far_apart_and_beyond_those_of_usable_tokens() -> None:
    words = library.Tokenizer(library.models.WordLevel({"a": 0, "b": 10**6, "</s>": 10**6 + 5}, unk_token="</s>"))
    words.pre_tokenizer = library.pre_tokenizers.WhitespaceSplit()
    tokenizer = Tokenization(words).resolved_tokenizer
    assert tokenizer.tokenize("b a") == ["b", "a"]
    with pytest.raises(DataError, match="gives the token '</s>', which no text may have"):
        tokenizer.tokenize("a z")


def test_it_passes_the_kit(kind: str) -> None:
    assert [outcome.message for outcome in run_checks(TOKENIZERS[kind].resolved_tokenizer) if not outcome.passed] == []


DAMAGE: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "no model": (lambda values: values.pop("model"), "it has no model"),
    "dropout": (lambda values: values["model"].update(dropout=0.1), "it has dropout"),
    "nonsense": (lambda values: values["model"].update(vocab=7), "expected the JSON of the library tokenizers"),
    "empty": (
        lambda values: values["model"].update(vocab={}, merges=[]) or values.update(added_tokens=[]),
        "no tokens",
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_file_that_is_no_tokenizer_says_so(damage: str, tmp_path: Path) -> None:
    change, problem = DAMAGE[damage]
    values = json.loads(MADE["bpe"].to_str())
    change(values)
    (tmp_path / "t.json").write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(HyperParameterError, match=problem) as raised:
        Tokenization(str(tmp_path / "t.json"))
    assert "t.json" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_files_that_cannot_be_read_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(HyperParameterError, match=r"none\.json: cannot be read: No such file"):
        Tokenization(str(tmp_path / "none.json"))
    (tmp_path / "t.json").write_bytes(b"\xff")
    with pytest.raises(HyperParameterError, match="expected the JSON"):
        Tokenization(str(tmp_path / "t.json"))
    monkeypatch.setattr("nlmkit.text.json_tokenizers._LIMIT", 10)
    (tmp_path / "t.json").write_text("{}" + " " * 20)
    with pytest.raises(HyperParameterError, match="larger than"):
        Tokenization(str(tmp_path / "t.json"))


def test_damaged_copies_in_saved_models_are_found() -> None:
    tokenizer: Any = TOKENIZERS["bpe"].resolved_tokenizer
    name = tokenizer.name
    with pytest.raises(SavedModelError, match=r"is damaged: .*; restore the model"):
        SubwordTokenizer.restored(b"{", name)
    with pytest.raises(SavedModelError, match="its JSON is that of json"):
        SubwordTokenizer.restored(MADE["unigram"].to_str().encode(), name)


def test_a_saved_model_names_no_file(tmp_path: Path) -> None:
    MADE["bpe"].save(str(tmp_path / "t.json"))
    NGram(order=1).fit(["a b"]).save(tmp_path / "m")
    manifest = tmp_path / "m" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"tokenizer": "space"', f'"tokenizer": "{tmp_path / "t.json"}"'))
    with pytest.raises(NlmkitError, match=r"no tokenizer named|damaged"):
        load(tmp_path / "m").score(["a"])  # type: ignore[attr-defined]
