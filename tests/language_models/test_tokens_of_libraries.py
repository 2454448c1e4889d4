"""Documents of spaCy and tokenizers of transformers, the real ones where they are installed."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nlmkit import NGram, load, word_surprisals
from nlmkit.errors import DataError
from nlmkit.text import Corpus, TextPipeline

tokenizers: Any = pytest.importorskip("tokenizers", reason="the package tokenizers is not installed")

LINES = ["The cat sat on the mat.", "That cat, the other cat!", 'He said "don\'t", twice.', "数学 is fun 🙂"] * 2
LINE = "The cat didn't sit."


def imported(name: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of their own imports
        return pytest.importorskip(name, reason=f"the package {name} is not installed")


@pytest.fixture(scope="module")
def nlp() -> Any:
    made = imported("spacy").blank("en")
    made.add_pipe("sentencizer")
    return made


@pytest.fixture(scope="module")
def model() -> NGram:
    pipeline = TextPipeline(tokenizer="bpe:320").trained(LINES)
    return NGram(order=2, smoothing="witten-bell").fit(Corpus.read(LINES, pipeline))


def test_words_are_those_of_spacy(nlp: Any, model: NGram) -> None:
    found = word_surprisals(model, [nlp(LINE), nlp("That  cat.")[:3], nlp("")])
    assert [*found.words] == [*["The", "cat", "did", "n't", "sit", ".", "</s>", "That", "cat", "</s>", "</s>"]]
    raw = word_surprisals(model, [LINE, "That  cat", ""])
    for number in (1, 2, 3):
        own = [each.log_probs[each.sentences == number].sum() for each in (found, raw)]
        assert own[0] == pytest.approx(own[1])


def test_documents_may_come_from_a_pipe_or_be_sentences(nlp: Any, model: NGram) -> None:
    words = word_surprisals(model, nlp.pipe([LINE, "That cat"])).words
    assert words == word_surprisals(model, nlp(f"{LINE} That cat").sents).words
    assert Corpus.read(nlp.pipe([LINE])).sentence(0) == ["The", "cat", "did", "n't", "sit", "."]
    assert NGram(order=1, smoothing="witten-bell").fit(nlp.pipe(LINES)).score([nlp(LINE)]) < 0


def test_lines_of_a_document_are_joined(nlp: Any, model: NGram) -> None:
    found = word_surprisals(model, [nlp("The cat\nsat.\n\nThat cat")])
    assert [*found.words] == ["The", "cat", "sat", ".", "That", "cat", "</s>"]
    same = word_surprisals(model, [nlp("The cat sat.  That cat")])
    np.testing.assert_array_equal(found.log_probs, same.log_probs)


def test_one_document_must_be_in_a_list(nlp: Any, model: NGram) -> None:
    for read in (lambda doc: word_surprisals(model, doc), Corpus.read):
        with pytest.raises(DataError, match=r"text was given as a spacy Doc: put it in a list, or pass its sentences"):
            read(nlp(LINE))


def word_piece() -> Any:
    made = tokenizers.Tokenizer(tokenizers.models.WordPiece(unk_token="[UNK]"))
    made.normalizer = tokenizers.normalizers.BertNormalizer()
    made.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    special = ["[UNK]", "[CLS]", "[SEP]"]
    made.train_from_iterator(
        LINES, tokenizers.trainers.WordPieceTrainer(vocab_size=60, special_tokens=special, show_progress=False)
    )
    made.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[(each, made.token_to_id(each)) for each in special[1:]]
    )
    return made


def byte_level() -> Any:
    made = tokenizers.Tokenizer(tokenizers.models.BPE())
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=290, initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    made.train_from_iterator(LINES, trainer)
    return made


@pytest.mark.parametrize("made", [word_piece, byte_level])
def test_a_fast_tokenizer_gives_the_tokens_of_a_model(made: Any, tmp_path: Path) -> None:
    made().save(str(tmp_path / "tokenizer.json"))
    fast = imported("transformers").PreTrainedTokenizerFast(tokenizer_file=str(tmp_path / "tokenizer.json"))
    lm = NGram(order=2, smoothing="witten-bell").fit(Corpus.read(LINES, TextPipeline(tokenizer=fast)))
    corpus = Corpus.read([LINE, LINES[3]], lm.pipeline_)
    assert [corpus.sentence(number) for number in (0, 1)] == [fast.tokenize(line) for line in (LINE, LINES[3])]
    found = word_surprisals(lm, [LINE, LINES[3]])
    assert [*found.words] == [*LINE.split(), "</s>", *LINES[3].split(), "</s>"]
    assert found.log_probs.sum() == pytest.approx(lm.log_probs(lm.encode(corpus)).sum())
    assert found.tokens.sum() == corpus.events
    lm.save(tmp_path / "lm")
    np.testing.assert_array_equal(word_surprisals(load(tmp_path / "lm"), [LINE, LINES[3]]).log_probs, found.log_probs)
    fast.save_pretrained(tmp_path / "saved")
    saved = TextPipeline(tokenizer=str(tmp_path / "saved" / "tokenizer.json"))
    assert saved.tokenize(LINE) == fast.tokenize(LINE)


def test_words_of_spacy_in_a_model_of_tokens_of_transformers(nlp: Any) -> None:
    fast = imported("transformers").PreTrainedTokenizerFast(tokenizer_object=byte_level())
    lm = NGram(order=2, smoothing="witten-bell").fit(Corpus.read(LINES, TextPipeline(tokenizer=fast)))
    found = word_surprisals(lm, [nlp(LINE)])
    assert [*found.words] == ["The", "cat", "did", "n't", "sit", ".", "</s>"]
    assert found.log_probs.sum() == pytest.approx(word_surprisals(lm, [LINE]).log_probs.sum())
