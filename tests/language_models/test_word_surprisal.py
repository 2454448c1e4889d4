"""Surprisal per word: sums of those of tokens, for every kind of tokenizer, and words as they were given."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nlmkit
from nlmkit import NGram, word_surprisals
from nlmkit.errors import DataError, NotNormalizedError
from nlmkit.language_models.word_surprisal import COLUMNS
from nlmkit.text import Corpus, TextPipeline
from nlmkit.text.nltk_tokenizers import TreebankTokenizer, TweetTokenizer
from nlmkit.text.token_spans import spans_of_tokens, word_spans, words_of_tokens

tokenizers: Any = pytest.importorskip("tokenizers", reason="the package tokenizers is not installed")
pytest.importorskip("nltk", reason="NLTK is not installed")

LINES = ["The cat sat on the mat.", "That cat, the other cat!", 'He said "don\'t", twice.', "数学 is fun 🙂"] * 2


def word_piece() -> Any:
    made = tokenizers.Tokenizer(tokenizers.models.WordPiece(unk_token="[UNK]"))
    made.normalizer = tokenizers.normalizers.BertNormalizer()
    made.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    trainer = tokenizers.trainers.WordPieceTrainer(vocab_size=80, special_tokens=["[UNK]"], show_progress=False)
    made.train_from_iterator(LINES, trainer)
    return made


PIPELINES: dict[str, TextPipeline] = {
    "space": TextPipeline(),
    "word": TextPipeline(tokenizer="word"),
    "lower-case": TextPipeline(tokenizer="word", lowercase=True, unicode_form="NFKC"),
    "char": TextPipeline(tokenizer="char"),
    "bpe": TextPipeline(tokenizer="bpe:320").trained(LINES),
    "unigram": TextPipeline(tokenizer="unigram:320").trained(LINES),
    "json": TextPipeline(tokenizer=word_piece()),
    "treebank": TextPipeline(tokenizer="nltk-treebank").with_tokenizer(TreebankTokenizer()),
    "tweet": TextPipeline(tokenizer="nltk-tweet").with_tokenizer(TweetTokenizer()),
}


@pytest.fixture(scope="module", params=PIPELINES)
def model(request: pytest.FixtureRequest) -> NGram:
    """A model of each kind of tokens."""
    return NGram(order=2, smoothing="witten-bell").fit(Corpus.read(LINES, PIPELINES[request.param]))


def test_the_words_of_a_sentence_have_its_log_probability(model: NGram) -> None:
    text = ["The cat said that 数学", "", "  on  the\tmat. ", "cat"]
    found = word_surprisals(model, text)
    assert [*found.words] == [word for line in text for word in (*line.split(), "</s>")]
    corpus = Corpus.read(text, model.pipeline_)
    log_probs = model.log_probs(model.encode(corpus))
    for number in range(len(text)):
        own = found.sentences == number + 1
        begin, end = corpus.event_offsets[number : number + 2]
        assert found.log_probs[own].sum() == pytest.approx(log_probs[begin:end].sum())
        assert found.tokens[own].sum() == end - begin
        assert found.positions[own].tolist() == [*range(1, own.sum() + 1)]
    np.testing.assert_allclose(found.surprisal_bits, -found.log_probs / math.log(2))


def test_words_of_a_model_of_words_are_its_tokens() -> None:
    lm = NGram(order=2, smoothing="witten-bell").fit(LINES)
    text = ["The cat sat on the table.", "That cat"]
    found = word_surprisals(lm, text)
    np.testing.assert_array_equal(found.log_probs, lm.log_probs(Corpus.read(text)))
    assert found.oov.tolist() == [word == "table." for word in found.words]
    assert found.tokens.tolist() == [1] * len(found.words)


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_a_word_of_subwords_begins_with_its_space(kind: str) -> None:
    lm = NGram(order=2, smoothing="witten-bell").fit(Corpus.read(LINES, PIPELINES[kind]))
    line = "The other mat, naïve cats"
    tokens = lm.pipeline_.tokenize(line)
    values = lm.log_probs(lm.encode(Corpus.read([line], lm.pipeline_)))
    sums: list[float] = []
    for token, value in zip([*tokens, "▁"], values.tolist(), strict=True):  # a token ▁… begins a word; </s> too
        if token.startswith("▁"):
            sums.append(0.0)
        sums[-1] += value
    np.testing.assert_allclose(word_surprisals(lm, [line]).log_probs, sums)


LETTERS = "ab'\".,- \t\u3000é数🙂\u0301"


@settings(max_examples=60, deadline=None)
@given(st.text(LETTERS, max_size=14))
def test_every_token_belongs_to_one_word(line: str) -> None:
    for name, pipeline in PIPELINES.items():
        text = pipeline.normalize(line)
        tokens, words = pipeline.tokenize(line), word_spans(text)
        spans = spans_of_tokens(text, tokens, pipeline.resolved_tokenizer)
        places = words_of_tokens(text, words, spans)
        assert places == sorted(places), name
        assert all(0 <= place <= len(words) for place in places)
        if name in ("space", "word", "char", "bpe", "unigram"):
            assert len(words) == 0 or {*places} - {len(words)} == {*range(len(words))} or "\u3000" in line, name


class Token:
    def __init__(self, text: str, space: str) -> None:
        self.text, self.whitespace_ = text, space


class Doc:
    """Like a document of spaCy."""

    def __init__(self, *tokens: tuple[str, str]) -> None:
        self._tokens = [Token(*token) for token in tokens]

    @property
    def text_with_ws(self) -> str:
        return "".join(token.text + token.whitespace_ for token in self._tokens)

    def __iter__(self) -> Any:
        return iter(self._tokens)

    def __len__(self) -> int:
        return len(self._tokens)


def test_words_may_be_given(model: NGram) -> None:
    doc = Doc(("The", " "), ("cat", ""), (".", ""))
    found = word_surprisals(model, [doc, Doc(("That", " "), (" ", ""), ("mat", ""))])
    assert [*found.words] == ["The", "cat", ".", "</s>", "That", "mat", "</s>"]
    raw = word_surprisals(model, ["The cat.", "That  mat"])
    np.testing.assert_allclose(found.log_probs[[0, 3, 4, 5, 6]], raw.log_probs[[0, 2, 3, 4, 5]])
    np.testing.assert_allclose(found.log_probs[1] + found.log_probs[2], raw.log_probs[1])
    lists = word_surprisals(model, [["The", "cat"], ["That"]])
    np.testing.assert_array_equal(lists.log_probs, word_surprisals(model, ["The cat ", "That "]).log_probs)
    one = word_surprisals(model, ["The cat"])
    np.testing.assert_array_equal(word_surprisals(model, np.array(["The cat"])).log_probs, one.log_probs)


def test_line_feeds_of_a_document_are_spaces() -> None:
    lm = NGram(order=2, smoothing="witten-bell").fit(LINES)
    found = word_surprisals(lm, [Doc(("The", ""), ("\n\n", ""), ("cat", ""))])
    np.testing.assert_array_equal(found.log_probs, word_surprisals(lm, ["The  cat"]).log_probs)
    with pytest.raises(DataError, match=r"text was given as a .* Doc: put it in a list, or pass its sentences"):
        word_surprisals(lm, Doc(("The", "")))


def test_documents_are_sentences_of_a_corpus() -> None:
    corpus = Corpus.read([Doc(("Do", ""), ("n't", " "), ("  ", ""), ("go", ""))])
    assert [*corpus.sentence(0)] == ["Do", "n't", "go"]


def test_what_cannot_be_aligned_says_so() -> None:
    class Loud:
        name = "loud"

        def tokenize(self, line: str) -> list[str]:
            return line.upper().split()

        def detokenize(self, tokens: Any) -> str:
            return " ".join(tokens)

    with pytest.raises(DataError, match="token 'A' of the tokenizer loud is not part of the line 'a b'"):
        spans_of_tokens("a b", ["A"], Loud())
    spans = type("Spans", (), {"name": "t", "spans": lambda self, line: [(0, 1)] * 3})()
    with pytest.raises(DataError, match="gives 3 tokens where the text has 2"):
        spans_of_tokens("don't", ["do", "n't"], spans)
    lower = NGram(order=1).fit(Corpus.read(["a"], TextPipeline(unicode_form="NFKD")))
    with pytest.raises(DataError, match="changes the length of this line"):
        word_surprisals(lower, [["é"]])
    with pytest.raises(DataError, match="do not mix lists of words"):
        word_surprisals(lower, [["a"], "b"])
    with pytest.raises(DataError, match="expected words that are strings without line feeds, not"):
        word_surprisals(lower, [["a\nb"]])
    backoff = NGram(order=1, smoothing="stupid-backoff").fit(["a b"])
    assert not backoff.normalized
    with pytest.raises(NotNormalizedError):
        word_surprisals(backoff, ["a"])


def test_the_table_has_the_columns(model: NGram) -> None:
    found = nlmkit.word_surprisals(model, ["The cat"])
    assert [*found.tables()["words"][0]] == [*COLUMNS]
    assert found.render().split("\n")[0].startswith("1\tThe\t")
    assert json.loads(json.dumps(found.tables()))
    assert repr(found).startswith("WordSurprisals(words=3 × str")
    assert len(word_surprisals(model, []).words) == 0
